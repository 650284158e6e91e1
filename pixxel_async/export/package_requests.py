"""Asking the service for packages and about them, with what has to be said on the way.

Rules:
    * A creation whose answer was lost or timed out may have made a package. The PUT of an insight,
      job or task is its own status call, so that sending it again is looking for the package. The
      service lists no AOI and catalog packages (`AOICreateDownload` and `CreateDownload` have a
      status call by id alone): those creations are sent again after a wait, a bounded number of
      times, and each time is told as `Recreated`.
    * A 404 of the status call soon after the creation is "not yet": the service may need a
      moment to know its own package.
    * A status call that fails in a way that passes, after all its attempts, is "not yet", too: the
      package is there, and a service that is down for a while costs none of those that wait.
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

logger = logging.getLogger("pixxel_async")


class PackageRequests:
    """Asks on behalf of one export or one `wait`."""

    def __init__(
        self,
        api: Api,
        *,
        retry: RetryPolicy,
        poll: PollPolicy,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        """Share the client's `api`.

        Args:
            api: Sends the calls.
            retry: How often a lost creation may be repeated.
            poll: How long a 404 is forgiven, and how long a package is waited for.
            emit: Takes the events.
            clock: Seconds for `at_s`.
        """
        self._api = api
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
        """Ask for a package.

        Args:
            download: What to ask for.
            lost: How many answers to this creation were lost already, earlier runs included.
            note_lost: Told that number each time that it grows.
            before: Awaited right before the call is sent, each time.

        Raises:
            PixxelError: As `Api.create`, when all attempts are used up.
        """
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
                reason = f"the answer was lost ({error})"
                await self.wait_to_recreate(download, attempt, error, reason=reason)
            else:
                self._log_unknown_word(package)
                return package

    async def status(
        self, download: Download, download_id: str | None, *, comes_again: bool = False
    ) -> Package:
        """Ask how far a package has come.

        Raises:
            PixxelError: As `Api.status`, when all attempts are used up.
        """
        package = await self._api.status(
            download, download_id, notify=self._notify(download), comes_again=comes_again
        )
        self._log_unknown_word(package)
        return package

    async def poll(
        self,
        download: Download,
        download_id: str | None,
        *,
        age_s: float,
        on_transient: Callable[[PixxelError], None] = lambda _: None,
    ) -> Package | None:
        """Ask how far a package has come, and forgive what passes.

        Args:
            download: What was asked for.
            download_id: What its status call takes.
            age_s: Seconds since its creation; infinite for a package of an earlier run.
            on_transient: Told an error that passes.

        Returns:
            The package, or None if the next look may tell more.

        Raises:
            PixxelError: The service answered with an error that will not pass.
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
        """Ask for a fresh signed URL of a package that was ready.

        Returns:
            The URL, or None if the service says that the package is not ready any more.

        Raises:
            PixxelError: The service answered with an error, or that packaging failed.
        """
        if package_calls.needs_id(download) and download_id is None:
            message = "its signed URL does not work, and it came without an id to ask for another"
            raise ResponseError(message)
        fresh = await self.status(download, download_id)
        raise_if_failed(fresh, download)
        return fresh.signed_url

    def raise_if_timed_out(self, download: Download, *, age_s: float, status_word: str) -> None:
        """Raise if a package has been waited for as long as it may be.

        Args:
            download: The package.
            age_s: Seconds since its creation.
            status_word: The service's last word on it.

        Raises:
            PackageTimeoutError: The waiting limit is reached.
        """
        limit = self._poll.wait_timeout_s
        if age_s >= limit:
            word = f' (its status is "{redact(status_word)}")' if status_word else ""
            message = f"not ready within {limit:g} s{word}; a rerun keeps waiting"
            raise PackageTimeoutError(message, key=download.key)

    async def wait_to_recreate(
        self, download: Download, attempt: int, error: PixxelError, *, reason: str
    ) -> None:
        """Tell that a creation is sent again, and wait before it is.

        Args:
            download: What is asked for.
            attempt: 1 for the first time that it is sent again.
            error: How the answer was lost, or where the id of the package leads.
            reason: What is told of that.
        """
        delay_s = delay_before_repeat(
            self._retry,
            attempt=attempt,
            jitter=random.random(),  # noqa: S311 - jitter is no secret
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
            await self._emit(_event_of(notice, download, self._clock()))

        return notify

    def _log_unknown_word(self, package: Package) -> None:
        """Log each unknown status word once; it is taken as "not yet"."""
        word = package.status_word
        if not package_calls.is_known_word(word) and word not in self._unknown_words:
            self._unknown_words.add(word)
            logger.warning("unknown status word %r: taken as not ready yet", redact(word))


def _event_of(notice: Notice, download: Download, at_s: float) -> events.Event:
    match notice:
        case SlowDown(pause_s=pause_s, requests_per_second=rate):
            return events.RateLimited(at_s=at_s, pause_s=pause_s, requests_per_second=rate)
        case RetryBudgetSpent():
            return events.RetryThrottled(at_s=at_s, key=download.key)
        case HostIsDown(host=host, reason=reason):
            return events.HostFailed(at_s=at_s, host=host, reason=reason)
        case HostIsUp(host=host, held_s=held_s):
            return events.HostRecovered(at_s=at_s, host=host, held_s=held_s)
        case Retry():
            return events.Retried(
                at_s=at_s,
                key=download.key,
                operation=notice.operation,
                attempt=notice.attempt,
                delay_s=notice.delay_s,
                reason=notice.reason,
            )


def raise_if_failed(package: Package, download: Download) -> None:
    """Raise if the service said that packaging failed.

    Raises:
        PackageFailedError: It did.
    """
    if package.status is PackageStatus.FAILED:
        message = f'the service could not package it: its status is "{redact(package.status_word)}"'
        raise PackageFailedError(message, key=download.key)
