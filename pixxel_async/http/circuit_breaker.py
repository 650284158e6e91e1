"""Delays requests to a failing host; `sansio.resilience.circuit_breaker` decides."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias
from urllib.parse import urlsplit

import anyio
from pydantic import SecretStr

from ..errors import TransportError
from ..sansio.redact import redact
from ..sansio.resilience.circuit_breaker import MOST_S, Breaker
from ..sansio.secrets import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIsDown:
    """A host failed several times in a row: requests wait, and one at a time probes it.

    Attributes:
        host: Which.
        reason: How it failed last.
    """

    host: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIsUp:
    """A host that has failed answers again.

    Attributes:
        host: Which.
        held_s: For how many seconds requests were delayed.
    """

    host: str
    held_s: float


_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]*")

News: TypeAlias = HostIsDown | HostIsUp
Tell: TypeAlias = Callable[[News], Awaitable[None]]


class CircuitOpenError(TransportError):
    """A request was not sent because its host is failing."""


class CircuitBreaker:
    """Admits or delays the requests to one host; belongs to one event loop."""

    def __init__(
        self,
        host: str,
        *,
        is_failure: Callable[[BaseException], bool],
        is_answer: Callable[[BaseException], bool],
        most_s: float = MOST_S,
    ) -> None:
        """Start closed: the host is assumed healthy.

        Args:
            host: Its name, for messages.
            is_failure: Whether an error shows that the host fails.
            is_answer: Whether an error proves that the host has answered, and is well. An error
                that is neither, such as that of a request that was never sent, decides nothing.
            most_s: The longest time between two requests that try a host which fails.
        """
        self._host = host
        self._is_failure = is_failure
        self._is_answer = is_answer
        self._breaker = Breaker(most_s=most_s)
        self._closed = anyio.Event()
        self._reason = ""

    def request(self, tell: Tell, *, waits: bool = True) -> GuardedRequest:
        """Return a context that waits until a request may go, and learns how it went.

        One that is cancelled, was never sent, or no longer goes, decides nothing.

        Args:
            tell: Told when the host fails, and when it is back.
            waits: Whether it is worth waiting until the host is back.

        Returns:
            An async context manager, to be entered once. Entering it raises CircuitOpenError if the
            host fails, and waiting is not worth it or has been of no use.
        """
        return GuardedRequest(self, tell, waits=waits)

    async def enter(self, *, waits: bool) -> None:
        """Wait until a request may go; it has to end in `ended`.

        Raises:
            CircuitOpenError: As above.
        """
        while not self._breaker.enter(now := asyncio.get_running_loop().time()):
            if not waits or self._breaker.is_down(now):
                message = f"{self._host} fails: {self._reason}"
                raise CircuitOpenError(message, sent=False)
            closed = self._closed
            with anyio.move_on_after(self._breaker.wait(now)):
                await closed.wait()

    @property
    def host(self) -> str:
        """The name of the host."""
        return self._host

    @property
    def is_failing(self) -> bool:
        """Whether the host fails, and one request at a time tries it."""
        return self._breaker.opened_at is not None

    def ended(self, error: BaseException | None, *, is_try: bool) -> News | None:
        """Learn from a request that has ended, and return what is to be told.

        Args:
            error: How it ended; None if it was answered.
            is_try: Whether it was let through to try a host that fails.
        """
        if error is None or self._is_answer(error):
            return self._went_well()
        if self._is_failure(error):
            return self._failed(error, is_try=is_try)
        if is_try:
            self._breaker.dropped()
        return None

    def _failed(self, error: BaseException, *, is_try: bool) -> News | None:
        self._reason = str(error)
        if self._breaker.failed(asyncio.get_running_loop().time(), is_try=is_try):
            return HostIsDown(host=self._host, reason=str(error))
        return None

    def _went_well(self) -> News | None:
        opened_at = self._breaker.opened_at
        if not self._breaker.went_well() or opened_at is None:
            return None
        self._closed.set()
        self._closed = anyio.Event()
        held_s = asyncio.get_running_loop().time() - opened_at
        return HostIsUp(host=self._host, held_s=held_s)


class GuardedRequest:
    """The context of one request; see `CircuitBreaker.request`.

    A class, since a generator would add 5 µs to each call.
    """

    __slots__ = ("_goes", "_guard", "_is_try", "_tell", "_waits")

    def __init__(self, guard: CircuitBreaker, tell: Tell, *, waits: bool) -> None:
        """Do nothing yet."""
        self._guard = guard
        self._tell = tell
        self._waits = waits
        self._is_try = False
        self._goes = True

    async def __aenter__(self) -> Self:
        """Wait until the request may go."""
        await self._guard.enter(waits=self._waits)
        self._is_try = self._guard.is_failing
        return self

    def still_goes(self) -> bool:
        """Return whether the request may still go; asked after a wait, right before it goes.

        It may not if the host was found to fail in the meantime. It is for another context, then.
        """
        self._goes = self._is_try or not self._guard.is_failing
        return self._goes

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Record the outcome, and notify if the state of the host changes."""
        if exc is None and not self._goes:
            return
        news = self._guard.ended(exc, is_try=self._is_try)
        if news is not None:
            await self._tell(news)


class CircuitBreakers:
    """A circuit breaker for each host; belongs to one event loop."""

    def __init__(
        self,
        *,
        is_failure: Callable[[BaseException], bool],
        is_answer: Callable[[BaseException], bool],
        redactor: Redactor | None = None,
    ) -> None:
        """Start with none; the arguments are those of `CircuitBreaker`."""
        self._is_failure = is_failure
        self._is_answer = is_answer
        self._redactor = redactor or Redactor()
        self._guards: dict[str, CircuitBreaker] = {}
        self._by_authority: dict[str, CircuitBreaker] = {}  # parsing a URL is slow

    def of(self, url: SecretStr) -> CircuitBreaker:
        """Return the guard of a URL's host."""
        match = _AUTHORITY.match(url.get_secret_value())
        authority = match[0] if match else ""
        if (known := self._by_authority.get(authority)) is not None:
            return known
        try:
            host = urlsplit(authority).hostname or ""
        except ValueError:  # half an IPv6 address: the client of the storage says so
            host = ""
        if host not in self._guards:
            shown = redact(self._redactor.text(host))
            self._guards[host] = CircuitBreaker(
                shown, is_failure=self._is_failure, is_answer=self._is_answer
            )
        self._by_authority[authority] = self._guards[host]
        return self._guards[host]
