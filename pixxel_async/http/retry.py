"""Retries of failed calls: `retry_rules` and `retry_budget` of `sansio.resilience` decide.

Rules:
    * Retries are a bounded share of all calls. A retry that exceeds the budget waits; a poll is
      given up instead, since the next one is due anyway.
    * 429 and 503 lower the rate of all calls, and pause them.
    * The first attempt is made elsewhere, so a call that succeeds at once pays for none of this.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import anyio
import tenacity

from ..config import RetryPolicy
from ..errors import ApiError
from ..sansio.api.package_calls import Call
from ..sansio.resilience.gcra import LEAST_WAIT_S
from ..sansio.resilience.retry_budget import RetryBudget
from ..sansio.resilience.retry_rules import Failure, Verdict, delay, failure_of, judge
from .circuit_breaker import CircuitOpenError
from .rate_limiter import RateLimiter

COMPLAINTS = frozenset({Failure.THROTTLED, Failure.UNAVAILABLE})


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
class RetryBudgetSpent:
    """A call has failed, and the share of calls that may be retries is used up."""


RetryNotice: TypeAlias = Retry | SlowDown | RetryBudgetSpent
Notify: TypeAlias = Callable[[RetryNotice], Awaitable[None]]
T = TypeVar("T")


class Retries:
    """Goes on with calls whose first attempt has failed."""

    def __init__(self, policy: RetryPolicy, rate: RateLimiter) -> None:
        """Begin with a full budget.

        Args:
            policy: How often, and after how long, a failed call is tried again.
            rate: Of all calls; it gives way when the service complains.
        """
        self._policy = policy
        self._rate = rate
        self._budget = RetryBudget()

    def earn(self) -> None:
        """Count a call that is not a retry."""
        self._budget.earn()

    async def go_on(
        self,
        call: Call,
        once: Callable[[], Awaitable[T]],
        failed: Exception,
        notify: Notify,
        *,
        comes_again: bool,
    ) -> T:
        """Send a call again until it is answered, or the policy gives up; raise what came last.

        Args:
            call: What was sent.
            once: Sends it once.
            failed: How the first attempt failed.
            notify: Called with each retry and each throttled retry.
            comes_again: The same is asked again later, so that a retry need not be waited for.
        """

        def delay_s(state: tenacity.RetryCallState) -> float:
            error = _error_of(state)
            return delay(
                self._policy,
                attempt=state.attempt_number,
                jitter=random.random(),  # noqa: S311 - jitter is not a secret
                retry_after_s=error.retry_after_s if isinstance(error, ApiError) else None,
            )

        def is_worth_it(error: BaseException) -> bool:
            if isinstance(error, CircuitOpenError):
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

        first: Exception | None = failed
        del failed  # its traceback knows this frame

        async def attempt() -> T:
            nonlocal first
            if first is not None:  # tenacity counts it as its own first attempt
                error, first = first, None
                raise error
            await self._afford(notify)
            return await once()

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(is_worth_it),
            wait=delay_s,
            stop=tenacity.stop_after_attempt(self._policy.attempts),
            before_sleep=before_sleep,
            sleep=anyio.sleep,
            reraise=True,
        )
        return await retrying(attempt)

    async def _afford(self, notify: Notify) -> None:
        """Wait until the budget allows a retry."""
        if self._budget.spend(anyio.current_time()):
            return
        await notify(RetryBudgetSpent())
        while not self._budget.spend(now := anyio.current_time()):  # noqa: ASYNC110 - time pays
            # Less than the clock can tell would be waited for in vain.
            await anyio.sleep(max(LEAST_WAIT_S, self._budget.wait(now)))


def _error_of(state: tenacity.RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error if error is not None else AssertionError("a retry without an error")
