"""A limit on what all transfers of a client bring together."""

from __future__ import annotations

import anyio

from ..sansio.pacing import pace


class Bandwidth:
    """Holds transfers back; who is held back reads no more, and the storage sends no more."""

    def __init__(self, bytes_per_second: int | None) -> None:
        """Set the limit; None sets none."""
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
