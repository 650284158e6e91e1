"""The shared rate of all calls to the service: waits as `sansio.pacing` says."""

from __future__ import annotations

import anyio

from ..sansio.pacing import pace


class RateLimiter:
    """Lets calls go one by one, in the order in which they came."""

    def __init__(self, per_second: float) -> None:
        """Start at the full rate, in calls per second."""
        self._pace = pace(per_second)
        self._turn = anyio.Lock()

    @property
    def per_second(self) -> float:
        """Calls per second at the moment."""
        return self._pace.rate

    async def acquire(self) -> None:
        """Wait until the next call may go; a cancelled wait uses nothing up."""
        async with self._turn:
            while (wait := self._pace.wait(anyio.current_time())) > 0:  # noqa: ASYNC110
                # A pause may have begun in the meantime: look again after each wait.
                await anyio.sleep(wait)
            self._pace.take(anyio.current_time())

    def content(self) -> None:
        """Count an answer without complaint."""
        self._pace.content()

    def give_way(self, pause_s: float) -> bool:
        """Pause all calls and lower the rate; return whether it was lowered."""
        return self._pace.give_way(anyio.current_time(), pause_s)
