"""The first contact with the service: reach it, and check what answers, before any other call.

Rules:
    * Until the service has answered once, a call that could not be sent is followed by pings, one
      at a time for all calls, for at most `RetryPolicy.reach_s`: a network may come up late. Then
      the call fails with one RouteError, whatever the retry policy allows.
    * A service that has answered once and goes away later is left to the circuit breaker.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable

import anyio

from ..errors import AuthenticationError, PixxelError, RouteError, TransportError
from ..sansio.api.package_calls import PING
from .api_client import ApiClient, NoDescriptorsError, UnreachedError

CHECK_S = 20.0
"""How long the preflight may take, in seconds; a service that is only slow passes it."""

PAUSE_S = 0.5
MOST_PAUSE_S = 2.0
"""Between two pings the pause doubles, from the first to the second of these."""


class FirstContact:
    """Whether the service has answered yet, and what to do until it does.

    Attributes:
        is_made: Whether it has answered any call, or nobody waits for that.
    """

    def __init__(self, service: ApiClient, reach_s: float) -> None:
        """Nothing is sent before a call has failed; zero seconds leave it to the retry policy."""
        self.is_made = not reach_s
        self._service = service
        self._reach_s = reach_s
        self._until: float | None = None
        self._waiting = 0
        self._turn = anyio.Lock()

    def record(self, error: PixxelError) -> None:
        """Learn from a call that failed."""
        if isinstance(error, NoDescriptorsError | RouteError):
            return
        self.is_made |= error.sent if isinstance(error, TransportError) else True

    async def wait(self, failed: Exception, since: float) -> None:
        """Return once the service answers, or at once if this is not what a call lacks.

        Args:
            failed: How the call failed.
            since: When it began.

        Raises:
            RouteError: The service did not answer in time.
        """
        if self.is_made or not isinstance(failed, UnreachedError):
            return
        if self._until is None:
            self._until = since + self._reach_s
        self._waiting += 1
        try:
            async with self._turn:
                await self._reach(failed.problem, self._until)
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._until = None

    async def _reach(self, problem: str, until: float) -> None:
        pause_s = PAUSE_S
        while not self.is_made:
            with anyio.move_on_at(until) as limit:
                await anyio.sleep(pause_s)
                try:
                    await self._service.send(PING)
                    self.is_made = True
                except UnreachedError as error:
                    problem = error.problem
                except PixxelError as error:
                    self.record(error)
            if limit.cancelled_caught or (anyio.current_time() >= until and not self.is_made):
                raise RouteError(problem)
            pause_s = min(MOST_PAUSE_S, 2 * pause_s)


class Preflight:
    """A check before the first call; the calls that wait for it share its outcome.

    Attributes:
        is_due: Whether no check has succeeded yet, and one is wanted.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        """Nothing is sent yet."""
        self.is_due = is_wanted
        self._turn = anyio.Lock()
        self._failures = 0
        self._failure: PixxelError | None = None

    async def run(self, check: Callable[[], Awaitable[None]]) -> None:
        """Check, unless another call has.

        Args:
            check: Raises one of the errors below; other errors are left to the calls themselves.

        Raises:
            RouteError: The service cannot be reached, or something else answers in its place.
            AuthenticationError: It rejects the key.
        """
        before = self._failures
        async with self._turn:
            if not self.is_due:
                return
            if self._failure is not None and self._failures != before:
                raise copy.copy(self._failure)
            try:
                with anyio.move_on_after(CHECK_S):
                    await check()
            except (AuthenticationError, RouteError) as error:
                self._failure = copy.copy(error)
                self._failures += 1
                raise
            except PixxelError:
                pass  # such as 503: the service is reached, and the calls have their own patience
            self.is_due = False
