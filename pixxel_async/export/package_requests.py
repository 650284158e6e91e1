"""Requests packages and their status, and emits an event for each retry.

Rules:
    * A creation whose response was lost or timed out may have made a package. The PUT of an
      insight, job or task is its own status call, so sending it again finds the package. The
      service does not list AOI and catalog packages (`AOICreateDownload` and `CreateDownload` have
      a status call by id only): those creations are sent again after a delay, a bounded number of
      times, each reported as `Recreated`.
    * A 404 of the status call soon after the creation means "not ready yet": the service may need
      a moment to find its own package.
    * A status call that fails with a transient error, after all attempts, also means "not ready
      yet": the package exists, and an outage of the service fails none of the pending packages.
    * An adopted package is not created: the service is asked how far it has come.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable

import anyio
from pydantic import SecretStr

from .. import events
from ..config import PollPolicy, RetryPolicy
from ..downloads import Download
from ..errors import (
    AuthenticationError,
    NotFoundError,
    PackageFailedError,
    PackageTimeoutError,
    PixxelError,
    ResponseError,
)
from ..http.circuit_breaker import HostIsDown, HostIsUp
from ..http.retry import Retry, RetryBudgetSpent, SlowDown
from ..http.service_calls import Api, Before, Notice
from ..models import Package, PackageStatus
from ..sansio.api import package_calls
from ..sansio.redact import redact
from ..sansio.resilience.retry_rules import Verdict, delay_before_repeat, failure_of, judge
from .adopted import AdoptedPackages

logger = logging.getLogger("pixxel_async")


class PackageRequests:
    """Requests packages for one export or one `wait`."""

    def __init__(  # noqa: PLR0913 - dependencies, keyword-only
        self,
        api: Api,
        *,
        retry: RetryPolicy,
        poll: PollPolicy,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
        adopted: AdoptedPackages,
    ) -> None:
        """Take the dependencies; `clock` returns the `at_s` of events."""
        self._api = api
        self._adopted = adopted
        self._retry = retry
        self._poll = poll
        self._emit = emit
        self._clock = clock
        self._unknown_words: set[str] = set()

    async def create(
        self,
        download: Download,
        *,
        lost: int = 0,
        note_lost: Callable[[int], None] = lambda _: None,
        before: Before | None = None,
    ) -> Package:
        """Request a package.

        Args:
            download: What to request.
            lost: How many responses to this creation were lost, including earlier runs.
            note_lost: Called with that number each time it grows.
            before: Awaited right before each call.

        Raises:
            PixxelError: As `Api.create`, when all attempts are used up.
        """
        if (adopted := self._adopted.take(download)) is not None:
            return await self._current(adopted, download)
        self._adopted.check_renewal(download)
        call = package_calls.creation(download)
        attempt = lost
        while True:
            try:
                package = await self._api.create(
                    download, notify=self._notify(download), before=before
                )
            except PixxelError as error:
                attempt += 1
                verdict = judge(call.kind, failure_of(error))
                if verdict is not Verdict.REPEAT_CREATION or attempt > self._retry.recreate:
                    raise
                note_lost(attempt)
                reason = f"the response was lost ({error})"
                await self.wait_to_recreate(download, attempt, error, reason=reason)
            else:
                self._log_unknown_word(package)
                return package

    async def status(
        self, download: Download, download_id: str | None, *, comes_again: bool = False
    ) -> Package:
        """Request the status of a package.

        Raises:
            PixxelError: As `Api.status`, when all attempts are used up.
        """
        self._adopted.check_renewal(download)
        package = await self._api.status(
            download, download_id, notify=self._notify(download), comes_again=comes_again
        )
        self._log_unknown_word(package)
        return package

    async def _current(self, package: Package, download: Download) -> Package:
        """Return an adopted package as it is now; what is wrong with it shows in its polls."""
        if package.signed_url is not None:
            return package
        try:
            return await self.status(download, package.download_id)
        except AuthenticationError:
            raise
        except PixxelError:
            return package

    async def poll(
        self,
        download: Download,
        download_id: str | None,
        *,
        age_s: float,
        on_transient: Callable[[PixxelError], None] = lambda _: None,
    ) -> Package | None:
        """Request the status of a package, and tolerate transient errors.

        Args:
            download: The requested download.
            download_id: The id for its status call.
            age_s: Seconds since its creation; infinite for a package of an earlier run.
            on_transient: Called with a transient error.

        Returns:
            The package, or None after a transient error.

        Raises:
            PixxelError: The service answered with a permanent error.
        """
        try:
            return await self.status(download, download_id, comes_again=True)
        except PixxelError as error:
            is_early = isinstance(error, NotFoundError) and age_s <= self._poll.not_found_grace_s
            kind = package_calls.status(download, download_id).kind
            if not is_early and judge(kind, failure_of(error)) is not Verdict.RETRY:
                raise
            on_transient(error)
            return None

    async def fresh_url(self, download: Download, download_id: str | None) -> SecretStr | None:
        """Request a fresh signed URL of a package that was ready.

        Returns:
            The URL, or None if the package is no longer ready.

        Raises:
            PixxelError: The service answered with an error, or that packaging failed.
        """
        if package_calls.needs_id(download) and download_id is None:
            message = "its signed URL does not work, and no id came with it to request another"
            raise ResponseError(message)
        fresh = await self.status(download, download_id)
        raise_if_failed(fresh, download)
        return fresh.signed_url

    def raise_if_timed_out(self, download: Download, *, age_s: float, status_word: str) -> None:
        """Raise if a package is not ready `age_s` seconds after its creation, and time is up.

        Raises:
            PackageTimeoutError: `PollPolicy.wait_timeout_s` has passed.
        """
        limit = self._poll.wait_timeout_s
        if age_s >= limit:
            word = f' (its status is "{redact(status_word)}")' if status_word else ""
            message = f"not ready within {limit:g} s{word}; a rerun keeps waiting"
            raise PackageTimeoutError(message, key=download.key)

    async def wait_to_recreate(
        self, download: Download, attempt: int, error: PixxelError, *, reason: str
    ) -> None:
        """Report that a creation is about to be repeated, and wait for the delay.

        Args:
            download: The requested download.
            attempt: 1 for the first repeat.
            error: How the response was lost, or why the id is stale.
            reason: The same for the event.
        """
        delay_s = delay_before_repeat(
            self._retry,
            attempt=attempt,
            jitter=random.random(),  # noqa: S311 - jitter is not a secret
            retry_after_s=getattr(error, "retry_after_s", None),
        )
        await self._emit(
            events.Recreated(
                at_s=self._clock(),
                key=download.key,
                attempt=attempt,
                delay_s=delay_s,
                reason=reason,
            )
        )
        await anyio.sleep(delay_s)

    def _notify(self, download: Download) -> Callable[[Notice], Awaitable[None]]:
        async def notify(notice: Notice) -> None:
            await self._emit(event_of(notice, download.key, self._clock()))

        return notify

    def _log_unknown_word(self, package: Package) -> None:
        """Log each unknown status word once; it counts as "not ready yet"."""
        word = package.status_word
        if not package_calls.is_known_word(word) and word not in self._unknown_words:
            self._unknown_words.add(word)
            logger.warning("unknown status word %r: treated as not ready yet", redact(word))


def event_of(notice: Notice, key: str, at_s: float) -> events.Event:
    """Return the event for a notice about the calls of a package or run."""
    match notice:
        case SlowDown(pause_s=pause_s, requests_per_second=rate):
            return events.RateLimited(at_s=at_s, pause_s=pause_s, requests_per_second=rate)
        case RetryBudgetSpent():
            return events.RetryThrottled(at_s=at_s, key=key)
        case HostIsDown(host=host, reason=reason):
            return events.HostFailed(at_s=at_s, host=host, reason=reason)
        case HostIsUp(host=host, held_s=held_s):
            return events.HostRecovered(at_s=at_s, host=host, held_s=held_s)
        case Retry():
            return events.Retried(
                at_s=at_s,
                key=key,
                operation=notice.operation,
                attempt=notice.attempt,
                delay_s=notice.delay_s,
                reason=notice.reason,
            )


def raise_if_failed(package: Package, download: Download) -> None:
    """Raise PackageFailedError if the service reports that packaging failed."""
    if package.status is PackageStatus.FAILED:
        message = f'the service could not package it: its status is "{redact(package.status_word)}"'
        raise PackageFailedError(message, key=download.key)
