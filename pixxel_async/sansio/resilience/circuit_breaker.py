"""A circuit breaker for one host: while all fails, one request after the other tries it.

The states are those of the pattern (Nygard, "Release It!"): closed, all go; open, none goes; half
open, one goes and decides. Two things are different, since an export has time and loses nothing by
waiting:
    * A delayed request waits, and does not fail, until the host has failed for `HELD_S`.
    * The time between two tries is short, and grows to a few seconds only: a host that is back is
      used again soon, and one request in a few seconds keeps nobody down.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURES = 12
"""The number of failures in a row that opens it."""
FIRST_S = 0.5
FACTOR = 2.0
MOST_S = 5.0
HELD_S = 300.0
"""A host that fails for this long counts as down: delayed requests fail, too."""


@dataclass(slots=True)
class Breaker:
    """The state of one host; times in seconds on a clock that never jumps.

    Attributes:
        most_s: The longest time between two tries.
        failures: In a row, up to now.
        opened_at: Since when it is not closed, or None.
    """

    most_s: float = MOST_S
    failures: int = 0
    opened_at: float | None = None
    _try_at: float = 0.0
    _interval_s: float = 0.0
    _is_trying: bool = False

    def __post_init__(self) -> None:
        """Begin with the shortest time between tries."""
        self._interval_s = self._first_s

    @property
    def _first_s(self) -> float:
        return min(FIRST_S, self.most_s)

    def enter(self, now: float) -> bool:
        """Return whether a request may go; one that may has to end in one of the three below."""
        if self.opened_at is None:
            return True
        if self._is_trying or now < self._try_at:
            return False
        self._is_trying = True
        return True

    def wait(self, now: float) -> float:
        """Return after how many seconds to ask again, unless it is closed before."""
        if self._is_trying:
            return self._interval_s
        return max(0.0, self._try_at - now)

    def is_down(self, now: float) -> bool:
        """Return whether the host has failed for so long that waiting is of no use."""
        return self.opened_at is not None and now - self.opened_at >= HELD_S

    def went_well(self) -> bool:
        """Count an answer that is none of a failing host; return True if this closes it."""
        was_open = self.opened_at is not None
        self.failures, self.opened_at = 0, None
        self._interval_s, self._is_trying = self._first_s, False
        return was_open

    def failed(self, now: float, *, is_try: bool) -> bool:
        """Count a failure; return True if this opens it.

        Args:
            now: The time.
            is_try: Whether it is the request that tried the host while it was open. Others, sent
                before it opened, do not end that try.
        """
        self.failures += 1
        if self.opened_at is None:
            if self.failures < FAILURES:
                return False
            self.opened_at, self._try_at = now, now + self._interval_s
            return True
        if is_try:
            self._is_trying = False
            self._interval_s = min(self.most_s, self._interval_s * FACTOR)
            self._try_at = now + self._interval_s
        return False

    def dropped(self) -> None:
        """Let the next request try the host: the one that tried it was cancelled or never sent."""
        self._is_trying = False
