"""Waits for packages without fetching them: all waits of a client share one schedule of polls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import anyio

from ..config import Limits, PollPolicy
from ..downloads import Download
from ..errors import UsageError
from ..http.client_lifetime import IS_CLOSED
from ..models import Package, PackageStatus
from ..sansio.polling.schedule import Pending
from ..settings.packaging_times import PackagingTimes
from ..transfer.errors import as_error
from ..waits import wait_for_end
from .package_requests import PackageRequests, raise_if_failed
from .poll_stage import PollStage


@dataclass(slots=True, eq=False)
class _Wait:
    """A package that a caller waits for.

    Attributes:
        download: The requested download.
        package: What the service last said of it.
        ready: The package, once it is ready; cancelled with its caller.
    """

    download: Download
    package: Package
    ready: asyncio.Future[Package]


class Waits:
    """The waits of a client; its schedule runs while anybody waits."""

    def __init__(
        self,
        requests: PackageRequests,
        *,
        poll: PollPolicy,
        limits: Limits,
        times: PackagingTimes | None,
    ) -> None:
        """Nothing runs before the first wait; `times` are those of earlier exports."""
        self._requests = requests
        self._policy = poll
        self._limits = limits
        self._times = times
        self._waiting: set[_Wait] = set()
        self._stage: PollStage[_Wait]
        self._polling: asyncio.Task[None] | None = None

    async def wait(self, download: Download) -> Package:
        """Request a package and poll until it is ready.

        Raises:
            PackageFailedError: The service could not package it.
            PackageTimeoutError: It was not ready within the waiting limit.
            PixxelError: A call failed, and the attempts are used up.
        """
        package = await self._requests.create(download)
        raise_if_failed(package, download)
        if package.status is PackageStatus.READY:
            return package
        self._requests.raise_if_timed_out(download, age_s=0, status_word=package.status_word)
        waiting = _Wait(download, package, asyncio.get_running_loop().create_future())
        self._begin(waiting)
        try:
            return await waiting.ready
        finally:
            self._waiting.discard(waiting)
            if not self._waiting:
                await self._end()

    async def aclose(self) -> None:
        """End all waits with UsageError."""
        for waiting in self._waiting:
            if not waiting.ready.done():
                waiting.ready.set_exception(UsageError(IS_CLOSED))
        await self._end()

    def _begin(self, waiting: _Wait) -> None:
        if self._polling is None:
            self._stage = PollStage(
                self._poll,
                _report_nothing,
                policy=self._policy,
                workers=self._limits.requests,
                on_error=_fail,
                times=self._times,
            )
            self._polling = asyncio.create_task(self._stage.run(), name="pixxel-async polls")
        self._waiting.add(waiting)
        self._stage.add(waiting, since=anyio.current_time(), kind=waiting.download.kind)

    async def _end(self) -> None:
        polling, self._polling = self._polling, None
        if polling is not None:
            polling.cancel()
            await wait_for_end(polling)

    async def _poll(self, pending: Pending[_Wait]) -> bool:
        """Poll one package; return whether it must be polled again."""
        waiting = pending.item
        if waiting.ready.done():  # cancelled
            return False
        download, known = waiting.download, waiting.package
        age_s = anyio.current_time() - pending.since  # a response may be read long after it arrived
        found = await self._requests.poll(download, known.download_id, age_s=age_s)
        waiting.package = package = found or known
        raise_if_failed(package, download)
        if found is not None:
            self._stage.record_status(pending, found.status)
        if package.status is not PackageStatus.READY:
            self._requests.raise_if_timed_out(
                download, age_s=age_s, status_word=package.status_word
            )
            return not waiting.ready.done()
        if not waiting.ready.done():
            waiting.ready.set_result(package)
        return False


async def _fail(waiting: _Wait, raised: Exception) -> None:
    if not waiting.ready.done():
        waiting.ready.set_exception(as_error(raised))


async def _report_nothing(_pending: Pending[_Wait], _next_s: float) -> None:
    """Nobody reads when a package is polled next."""
