"""A body that is being received, as the watchdog sees it."""

from __future__ import annotations

from typing import Protocol


class ReceivedBody(Protocol):
    """A body that is being received."""

    def is_paused(self, now: float, longest_s: float) -> bool:
        """Tell whether no bytes arrive because of us, for longer than that."""
        ...

    def notify(self) -> None:
        """Let whoever waits for it check whether a mark is due."""
        ...
