"""A body on its way, as the watchdog sees it."""

from __future__ import annotations

from typing import Protocol


class Flow(Protocol):
    """A body on its way."""

    def is_held_up(self, now: float, longest_s: float) -> bool:
        """Tell whether it is for us that nothing comes, and has been for longer than that."""
        ...

    def nudge(self) -> None:
        """Let who waits for it look whether a mark is due."""
        ...
