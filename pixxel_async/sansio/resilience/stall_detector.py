"""Has a transfer stalled: fewer than a number of bytes in a window of time.

A read timeout alone never catches a slow drip, since each byte restarts it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Throughput:
    """Bytes of one transfer, seen in windows of time.

    Attributes:
        window_s: The length of a window.
        least_bytes: What has to come in each window.
        since: When the current window began.
        bytes: What came in it.
    """

    window_s: float
    least_bytes: float
    since: float
    bytes: int = 0

    def received(self, count: int) -> None:
        """Count bytes that came."""
        self.bytes += count

    def excuse(self, now: float) -> None:
        """Begin a new window, because we and not the storage were slow."""
        self.since, self.bytes = now, 0

    def postpone(self, by_s: float) -> None:
        """Let the current window end later, because nobody could receive for a while."""
        self.since += by_s

    def is_stalled(self, now: float) -> bool:
        """Look at the clock; a full window is judged, and the next one begins."""
        if now - self.since < self.window_s:
            return False
        stalled = self.bytes < self.least_bytes
        self.excuse(now)
        return stalled
