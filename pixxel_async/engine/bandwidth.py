"""A limit on what all transfers of a client bring together."""

from __future__ import annotations

import sys

import anyio

from ..sansio.pacing import pace

PIECE_S = 0.05
"""For how long one transfer may use all of the limit at once."""


class Bandwidth:
    """Holds transfers back; who is held back reads no more, and the storage sends no more.

    Attributes:
        piece_bytes: No more should be read at once, or the limit would hold in the mean only.
    """

    def __init__(self, bytes_per_second: int | None) -> None:
        """Set the limit; None sets none."""
        self.piece_bytes = (
            sys.maxsize if bytes_per_second is None else max(1, int(bytes_per_second * PIECE_S))
        )
        self._pace = None if bytes_per_second is None else pace(float(bytes_per_second))

    async def take(self, count: int) -> bool:
        """Count bytes that came, and wait until the next may.

        Returns:
            True if it had to wait.
        """
        if self._pace is None:
            return False
        now = anyio.current_time()
        self._pace.take(now, count)
        wait_s = self._pace.wait(now)
        if wait_s > 0:
            await anyio.sleep(wait_s)
        return wait_s > 0
