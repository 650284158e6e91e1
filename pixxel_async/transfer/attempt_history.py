"""What the attempts at one package have met, and what that tells of its storage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .. import events
from .concurrency_limiter import ConcurrencyLimiter
from .errors import RetryableError

REFUSED_AGAIN = 2
"""Whoever was refused or one too many so often in a row tries alone."""


@dataclass(slots=True)
class AttemptHistory:
    """Counts what went wrong since the file last grew further than ever.

    Attributes:
        furthest: How far it has grown, in bytes.
        failures: Attempts that broke off.
        refreshes: Signed URLs that had expired.
        refusals: Writes that found the disk full.
        shortages: Attempts that found no free descriptor.
        next_requests: Answers that could not be used, or not for all that was missing.
        gone: Answers that the object is not there.
        crowded: Answers that the storage bears no more at once.
        company_at: When the last refusal came, if others were served by its host meanwhile.
        reason: What it said.
    """

    furthest: int
    failures: int = 0
    refreshes: int = 0
    refusals: int = 0
    shortages: int = 0
    next_requests: int = 0
    gone: int = 0
    crowded: int = 0
    company_at: float | None = None
    reason: str = ""

    @property
    def is_better_alone(self) -> bool:
        """Whether it may be for the number of transfers that this one is refused."""
        return max(self.refreshes, self.crowded) >= REFUSED_AGAIN

    def reached(self, size: int) -> None:
        """Begin anew if the file has grown further."""
        if size > self.furthest:
            self.furthest = size
            self.failures = self.refreshes = self.refusals = self.shortages = 0
            self.gone = self.crowded = self.next_requests = 0

    def note_refusal(self, refused: RetryableError, *, has_company: bool) -> None:
        """Note whether the storage refused while others ran at its host."""
        self.company_at = asyncio.get_running_loop().time() if has_company else None
        self.reason = str(refused)


class Load:
    """Learns what a storage bears from what it refuses, and tells it once for each host."""

    def __init__(
        self,
        slots: ConcurrencyLimiter,
        *,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        """Know nothing yet.

        Args:
            slots: Bounds the transfers.
            emit: Takes the events.
            clock: Seconds for `at_s`.
        """
        self._slots = slots
        self._emit = emit
        self._clock = clock
        self._overloaded: set[str] = set()

    async def learn(self, tries: AttemptHistory, host: str, *, is_alone: bool) -> None:
        """Let fewer run, if the storage has served alone what it refused among others."""
        if not is_alone or tries.company_at is None:
            return
        self._slots.crowded(tries.company_at)
        tries.company_at = None
        await self.tell(host, tries.reason)

    async def tell(self, host: str, reason: str) -> None:
        """Tell that a storage bears no more, once for each host."""
        if host not in self._overloaded:
            self._overloaded.add(host)
            await self._emit(events.HostOverloaded(at_s=self._clock(), host=host, reason=reason))
