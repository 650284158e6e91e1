"""Where bodies go that are received on a reactor's thread, and what holds them back."""

from __future__ import annotations

from typing import Protocol


class Target(Protocol):
    """Where a body goes."""

    def write(self, data: memoryview) -> None:
        """Take bytes, on the reactor's thread; they are overwritten afterwards.

        Whatever it raises ends the exchange, and comes out of `Exchange.poured`, or of
        `Exchange.answer` if it was named at once.
        """
        ...


class Throttle(Protocol):
    """Holds back what comes too fast.

    Attributes:
        piece_bytes: No more is received at once.
    """

    piece_bytes: int

    def take(self, count: int) -> float:
        """Count bytes, on any thread; return for how many seconds no more may come."""
        ...


class EnoughError(Exception):
    """A target wants no more of a body; that is no failure."""
