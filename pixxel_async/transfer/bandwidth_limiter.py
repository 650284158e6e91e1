"""A bandwidth limit for all transfers of a client."""

from __future__ import annotations

import threading
import time

from ..sansio.resilience.gcra import pace

PIECE_S = 0.05
"""How long one transfer may use the full limit at once, in seconds."""


class Bandwidth:
    """Delays reads, so that the storage slows down too.

    Attributes:
        chunk_bytes: The most to read at once; larger reads would hold the limit only on average.
    """

    def __init__(self, bytes_per_second: int) -> None:
        """Set the limit."""
        self.chunk_bytes = max(1, int(bytes_per_second * PIECE_S))
        self._pace = pace(float(bytes_per_second))
        self._lock = threading.Lock()  # several threads receive bytes

    def take(self, count: int) -> float:
        """Count received bytes; return how many seconds to wait before the next read."""
        with self._lock:
            now = time.monotonic()
            self._pace.take(now, count)
            return self._pace.wait(now)
