"""Counts the failures of one package's attempts, and what they show about its storage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .. import events
from .concurrency_limiter import ConcurrencyLimiter
from .errors import RetryableError

REFUSED_AGAIN = 2
"""After this many refusals in a row, a transfer retries alone at its host."""


@dataclass(slots=True)
class AttemptHistory:
    """Counts failures since the file last reached a new maximum size.

    Attributes:
        furthest: That size, in bytes.
        failures: Attempts that broke off.
        refreshes: Signed URLs that had expired.
        refusals: Writes that found the disk full.
        shortages: Attempts that found no free file descriptor.
        next_requests: Responses that were unusable, or covered only some of the missing bytes.
        gone: Responses that the object does not exist.
        crowded: Responses that too many transfers run.
        refused_at: When the last refusal arrived, if its host served others meanwhile.
        reason: Its message.
    """

    furthest: int
    failures: int = 0
    refreshes: int = 0
    refusals: int = 0
    shortages: int = 0
    next_requests: int = 0
    gone: int = 0
    crowded: int = 0
    refused_at: float | None = None
    reason: str = ""

    @property
    def needs_exclusive(self) -> bool:
        """Whether the number of transfers may be why this one is refused."""
        return max(self.refreshes, self.crowded) >= REFUSED_AGAIN

    def reached(self, size: int) -> None:
        """Reset the counts if the file has grown further."""
        if size > self.furthest:
            self.furthest = size
            self.failures = self.refreshes = self.refusals = self.shortages = 0
            self.gone = self.crowded = self.next_requests = 0

    def note_refusal(self, refused: RetryableError, *, has_others: bool) -> None:
        """Note whether the storage refused while other transfers ran at its host."""
        self.refused_at = asyncio.get_running_loop().time() if has_others else None
        self.reason = str(refused)


class OverloadReporter:
    """Lowers concurrency for an overloaded storage, and reports each host once."""

    def __init__(
        self,
        slots: ConcurrencyLimiter,
        *,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        """Report nothing yet."""
        self._slots = slots
        self._emit = emit
        self._clock = clock
        self._overloaded: set[str] = set()

    async def learn(self, history: AttemptHistory, host: str, *, is_alone: bool) -> None:
        """Lower concurrency if the storage serves a transfer alone that it refused among others."""
        if not is_alone or history.refused_at is None:
            return
        self._slots.crowded(history.refused_at)
        history.refused_at = None
        await self.report(host, history.reason)

    async def report(self, host: str, reason: str) -> None:
        """Report that a host is overloaded, once."""
        if host not in self._overloaded:
            self._overloaded.add(host)
            await self._emit(events.HostOverloaded(at_s=self._clock(), host=host, reason=reason))
