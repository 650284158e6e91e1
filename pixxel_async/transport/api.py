"""Calls of the service: authorised, paced, bounded, retried, with errors of our own.

Rules:
    * No more calls are started than the connection pool has slots for, so nothing ever waits
      within the pool.
    * Retries are a bounded share of all calls (`sansio.budget`). One that finds nothing left in the
      budget waits for it; the call about a package that is asked about again anyhow is given up.
    * While the service fails, calls wait until one of them finds that it is back
      (`sansio.breaker`). That is another brake than the rate, which 429 and 503 lower.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import anyio
import tenacity

from ..config import Limits, RetryPolicy
from ..downloads import Download
from ..errors import ApiError
from ..models import Package
from ..sansio import wire
from ..sansio.backoff import (
    Failure,
    Verdict,
    delay,
    failure_of,
    judge,
)
from ..sansio.breaker import MOST_S
from ..sansio.budget import RetryBudget
from .guard import HeldBackError, HostFails, HostGuard, HostIsBack
from .rate import RateLimiter
from .service import Reply, Service

KNOWN_KEY = frozenset({403, 404})
"""Answers that only a key that is known gets, although they are errors."""
COMPLAINTS = frozenset({Failure.THROTTLED, Failure.UNAVAILABLE})
HOST_FAILS = frozenset(
    {Failure.NOT_SENT, Failure.LOST, Failure.UNAVAILABLE, Failure.BROKEN, Failure.UNREADABLE}
)
"""What a host does that is not well; one that says 429 or 404 is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A call has failed and will be tried again.

    Attributes:
        operation: The operation id of the call.
        attempt: Which attempt failed, from 1.
        delay_s: After how long it is tried again.
        reason: Why it failed.
    """

    operation: str
    attempt: int
    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDown:
    """The service complained, and everything pauses.

    Attributes:
        pause_s: For how long.
        requests_per_second: The rate after that.
    """

    pause_s: float
    requests_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryWaits:
    """A call has failed, and the share of calls that may be retries is used up."""


Notice: TypeAlias = Retry | SlowDown | RetryWaits | HostFails | HostIsBack
Notify: TypeAlias = Callable[[Notice], Awaitable[None]]
Before: TypeAlias = Callable[[], Awaitable[None]]


T = TypeVar("T")


async def ignore(_notice: Notice) -> None:
    """Take a notice that nobody waits for."""


async def nothing() -> None:
    """Do nothing before a call is sent."""


class Api:
    """Sends calls to a service that it does not own."""

    def __init__(
        self, service: Service, *, limits: Limits, retry: RetryPolicy, poll_max_s: float
    ) -> None:
        """Share one rate and one bound on calls in flight among all users of this object.

        Args:
            service: Carries the calls.
            limits: Rate and bound.
            retry: How often, and after how long, a failed call is tried again.
            poll_max_s: Within this time after a failing service is back, it is used again.
        """
        self._service = service
        self._retry = retry
        self._slots = anyio.CapacityLimiter(limits.requests)
        self._rate = RateLimiter(limits.requests_per_second)
        self._budget = RetryBudget()
        self._guard = HostGuard(
            service.base_url.host,
            is_failure=lambda error: failure_of(error) in HOST_FAILS,
            most_s=min(MOST_S, poll_max_s / 2),
        )

    @property
    def requests_per_second(self) -> float:
        """The rate at the moment; it sinks when the service complains."""
        return self._rate.per_second

    async def ping(self) -> None:
        """Ask the service for a sign of life (`GET /ping`).

        Raises:
            TransportError: No answer.
            ApiError: An answer other than 2xx.
        """

        def read(reply: Reply) -> None:
            wire.raise_for_status(
                wire.PING,
                status_code=reply.status,
                body=reply.body,
                retry_after_s=reply.retry_after_s,
            )

        await self._send(wire.PING, read, ignore)

    async def check_key(self) -> None:
        """Ask whether the service takes the key (`ListAOIs`, one entry).

        Raises:
            AuthenticationError: It does not.
            TransportError: No answer.
            ApiError: An answer that says nothing of the key, such as 500. 403 and 404 say that the
                key is known, and are fine.
        """

        def read(reply: Reply) -> None:
            if reply.status not in KNOWN_KEY:
                wire.raise_for_status(
                    wire.KEY_CHECK,
                    status_code=reply.status,
                    body=reply.body,
                    retry_after_s=reply.retry_after_s,
                )

        await self._send(wire.KEY_CHECK, read, ignore)

    async def create(
        self, download: Download, *, notify: Notify = ignore, before: Before = nothing
    ) -> Package:
        """Ask for a package.

        Args:
            download: What to ask for.
            notify: Told about retries and slow-downs.
            before: Awaited when the call's turn has come, right before it is sent, each time.

        Raises:
            TransportError: No complete answer, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented.
        """
        call = wire.creation(download)
        return await self._send(
            call, lambda reply: wire.package_of(download, _answer(call, reply)), notify, before
        )

    async def status(
        self,
        download: Download,
        download_id: str | None,
        *,
        notify: Notify = ignore,
        comes_again: bool = False,
    ) -> Package:
        """Ask how far a package has come; raises as `create` does.

        Args:
            download: The package.
            download_id: What its status call takes.
            notify: Told about retries and slow-downs.
            comes_again: The same is asked again later, so that a retry need not be waited for.
        """
        call = wire.status(download, download_id)

        def read(reply: Reply) -> Package:
            return wire.package_of(download, _answer(call, reply), download_id=download_id)

        return await self._send(call, read, notify, comes_again=comes_again)

    async def status_by_id(self, call: wire.Call, download_id: str) -> Package:
        """Ask about a package of which only the id is known; raises as `create` does."""
        return await self._send(
            call, lambda reply: wire.package_with_id(_answer(call, reply), download_id), ignore
        )

    async def ask(self, call: wire.Call, read: Callable[[bytes], T]) -> T:
        """Send a call that changes nothing, and read the body of its answer.

        Args:
            call: What to send.
            read: Reads the body; a ResponseError of it is tried again.

        Raises:
            TransportError: No complete answer, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented.
        """

        def read_reply(reply: Reply) -> T:
            wire.raise_for_status(
                call,
                status_code=reply.status,
                body=reply.body,
                retry_after_s=reply.retry_after_s,
            )
            return read(reply.body)

        return await self._send(call, read_reply, ignore)

    async def _send(
        self,
        call: wire.Call,
        read: Callable[[Reply], T],
        notify: Notify,
        before: Before = nothing,
        *,
        comes_again: bool = False,
    ) -> T:
        """Send a call until `read` takes its answer, or the policy gives up."""

        def delay_s(state: tenacity.RetryCallState) -> float:
            error = _error_of(state)
            return delay(
                self._retry,
                attempt=state.attempt_number,
                jitter=random.random(),  # noqa: S311 - jitter is no secret
                retry_after_s=error.retry_after_s if isinstance(error, ApiError) else None,
            )

        def is_worth_it(error: BaseException) -> bool:
            if isinstance(error, HeldBackError):
                return False
            if judge(call.kind, failure_of(error)) is not Verdict.RETRY:
                return False
            return not comes_again or self._budget.wait(anyio.current_time()) == 0

        async def before_sleep(state: tenacity.RetryCallState) -> None:
            error = _error_of(state)
            pause_s = state.upcoming_sleep
            if failure_of(error) in COMPLAINTS and self._rate.give_way(pause_s):
                rate = self._rate.per_second
                await notify(SlowDown(pause_s=pause_s, requests_per_second=rate))
            await notify(
                Retry(
                    operation=call.operation,
                    attempt=state.attempt_number,
                    delay_s=pause_s,
                    reason=str(error),
                )
            )

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(is_worth_it),
            wait=delay_s,
            stop=tenacity.stop_after_attempt(self._retry.attempts),
            before_sleep=before_sleep,
            sleep=anyio.sleep,
            reraise=True,
        )
        # The first attempt goes without tenacity, which takes a fifth of a call's time and is of
        # use to those that fail; it is told of the failure as if it had made that attempt.
        self._budget.earn()
        try:
            return await self._once(call, read, notify, before, waits=not comes_again)
        except Exception as error:  # noqa: BLE001 - judged by tenacity, as any other attempt
            failed: Exception | None = error

        async def attempt() -> T:
            nonlocal failed
            if failed is not None:
                error, failed = failed, None
                raise error
            await self._afford_a_retry(notify)
            return await self._once(call, read, notify, before, waits=not comes_again)

        return await retrying(attempt)

    async def _afford_a_retry(self, notify: Notify) -> None:
        if self._budget.spend(anyio.current_time()):
            return
        await notify(RetryWaits())
        while not self._budget.spend(now := anyio.current_time()):  # noqa: ASYNC110 - time pays
            await anyio.sleep(self._budget.wait(now))

    async def _once(
        self,
        call: wire.Call,
        read: Callable[[Reply], T],
        notify: Notify,
        before: Before,
        *,
        waits: bool,
    ) -> T:
        while True:
            async with self._guard.request(notify, waits=waits) as admission, self._slots:
                await self._rate.acquire()
                if admission.holds():  # the service may have been found to fail in the meantime
                    await before()
                    result = read(await self._service.exchange(call))
                    break
        self._rate.content()
        return result


def _answer(call: wire.Call, reply: Reply) -> wire.Answer:
    return wire.read_answer(
        call, status_code=reply.status, body=reply.body, retry_after_s=reply.retry_after_s
    )


def _error_of(state: tenacity.RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error if error is not None else AssertionError("a retry without an error")
