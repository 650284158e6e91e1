"""Holds requests to a host back while it fails, as `sansio.breaker` says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

import anyio
from pydantic import SecretStr

from ..errors import TransportError
from ..sansio.breaker import MOST_S, Breaker
from ..sansio.redact import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFails:
    """A host has failed several times in a row: requests to it wait, and one at a time tries it.

    Attributes:
        host: Which.
        reason: How it failed last.
    """

    host: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIsBack:
    """A host that has failed answers again.

    Attributes:
        host: Which.
        held_s: For how many seconds requests to it were held back.
    """

    host: str
    held_s: float


_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]*")

News: TypeAlias = HostFails | HostIsBack


class HeldBackError(TransportError):
    """A request was not sent, since its host fails."""


class Admission:
    """Leave to send a request; it lapses if the host is found to fail before the request goes.

    Attributes:
        has_lapsed: Whether it was found to have.
    """

    def __init__(self, breaker: Breaker) -> None:
        """Take the leave that `breaker` has just given."""
        self.has_lapsed = False
        self._breaker = breaker
        self._is_try = breaker.opened_at is not None

    def holds(self) -> bool:
        """Tell whether the request may still go; asked after a wait, right before it goes."""
        self.has_lapsed = self._breaker.opened_at is not None and not self._is_try
        return not self.has_lapsed


class HostGuard:
    """Lets requests to one host through, or holds them back; belongs to one event loop."""

    def __init__(
        self,
        host: str,
        *,
        is_failure: Callable[[BaseException], bool],
        most_s: float = MOST_S,
    ) -> None:
        """Begin with a host that is well.

        Args:
            host: Its name, to be told.
            is_failure: Whether an error tells that the host fails; any other is an answer of one
                that is well.
            most_s: The longest time between two requests that try a host which fails.
        """
        self._host = host
        self._is_failure = is_failure
        self._breaker = Breaker(most_s=most_s)
        self._closed = anyio.Event()
        self._reason = ""

    @asynccontextmanager
    async def request(
        self, tell: Callable[[News], Awaitable[None]], *, waits: bool = True
    ) -> AsyncIterator[Admission]:
        """Wait until a request may go, and learn how it went from what leaves the context.

        One that is cancelled, or whose admission has lapsed, decides nothing.

        Args:
            tell: Told when the host fails, and when it is back.
            waits: Whether it is worth waiting until the host is back.

        Raises:
            HeldBackError: The host fails, and waiting is not worth it or has been of no use.
        """
        await self._enter(waits=waits)
        news: News | None = None
        admission = Admission(self._breaker)
        try:
            yield admission
        except Exception as error:
            news = self._failed(error) if self._is_failure(error) else self._went_well()
            if news is not None:
                await tell(news)
            raise
        except BaseException:
            self._breaker.dropped()
            raise
        if admission.has_lapsed:
            return
        news = self._went_well()
        if news is not None:
            await tell(news)

    async def _enter(self, *, waits: bool) -> None:
        while not self._breaker.enter(now := anyio.current_time()):
            if not waits or self._breaker.is_down(now):
                message = f"{self._host} fails: {self._reason}"
                raise HeldBackError(message, sent=False)
            closed = self._closed
            with anyio.move_on_after(self._breaker.wait(now)):
                await closed.wait()

    def _failed(self, error: Exception) -> News | None:
        self._reason = str(error)
        if self._breaker.failed(anyio.current_time()):
            return HostFails(host=self._host, reason=str(error))
        return None

    def _went_well(self) -> News | None:
        opened_at = self._breaker.opened_at
        if not self._breaker.went_well() or opened_at is None:
            return None
        self._closed.set()
        self._closed = anyio.Event()
        return HostIsBack(host=self._host, held_s=anyio.current_time() - opened_at)


class HostGuards:
    """A guard for each host that is met; belongs to one event loop."""

    def __init__(self, *, is_failure: Callable[[BaseException], bool]) -> None:
        """Know none yet; `is_failure` as for `HostGuard`."""
        self._is_failure = is_failure
        self._guards: dict[str, HostGuard] = {}
        self._by_authority: dict[str, HostGuard] = {}  # taking a URL apart takes its time

    def of(self, url: SecretStr) -> HostGuard:
        """Return the guard of a URL's host."""
        match = _AUTHORITY.match(url.get_secret_value())
        authority = match[0] if match else ""
        if (known := self._by_authority.get(authority)) is not None:
            return known
        host = urlsplit(authority).hostname or ""
        if host not in self._guards:
            self._guards[host] = HostGuard(redact(host), is_failure=self._is_failure)
        self._by_authority[authority] = self._guards[host]
        return self._guards[host]
