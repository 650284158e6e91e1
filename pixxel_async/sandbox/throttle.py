"""A limit on the calls of the service: so many a second, and a second's worth at once."""

from __future__ import annotations

import time


class ByteRate:
    """A bucket that fills evenly."""

    def __init__(self, per_second: float | None) -> None:
        """Begin with a full bucket; None lets everything through."""
        self._per_second = per_second
        self._due = 0.0

    def wait_s(self) -> float:
        """Count a call, and return how long the caller should have waited; 0 lets it through."""
        if self._per_second is None:
            return 0.0
        now = time.monotonic()
        interval = 1 / self._per_second
        due = max(self._due, now - max(1.0, interval)) + interval
        if due > now:
            return due - now
        self._due = due
        return 0.0
