"""A limit on what all transfers of a client bring together."""

from __future__ import annotations

import threading
import time

from ..sansio.resilience.gcra import pace

PIECE_S = 0.05
"""For how long one transfer may use all of the limit at once."""


class Bandwidth:
    """Says who has to wait; who waits reads no more, and the storage sends no more.

    Attributes:
        chunk_bytes: No more should be read at once, or the limit would hold in the mean only.
    """

    def __init__(self, bytes_per_second: int) -> None:
        """Set the limit."""
        self.chunk_bytes = max(1, int(bytes_per_second * PIECE_S))
        self._pace = pace(float(bytes_per_second))
        self._turn = threading.Lock()  # bytes come on several threads

    def take(self, count: int) -> float:
        """Count bytes that came; return for how many seconds no more may."""
        with self._turn:
            now = time.monotonic()
            self._pace.take(now, count)
            return self._pace.wait(now)
