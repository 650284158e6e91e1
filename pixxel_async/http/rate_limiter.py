"""The shared rate limit of all calls to the service; `sansio.resilience.gcra` decides."""

from __future__ import annotations

import asyncio

import anyio

from ..sansio.resilience.gcra import pace


class RateLimiter:
    """Admits calls one by one, in the order of their arrival."""

    def __init__(self, per_second: float) -> None:
        """Start at the full rate, in calls per second."""
        self._pace = pace(per_second)
        self._turn = anyio.Lock()

    @property
    def per_second(self) -> float:
        """Calls per second at the moment."""
        return self._pace.rate

    def try_acquire(self) -> bool:
        """Admit a call if none has to wait; return whether it was admitted."""
        if self._turn.locked():  # held until no call waits any more
            return False
        now = asyncio.get_running_loop().time()
        if self._pace.wait(now) > 0:
            return False
        self._pace.take(now)
        return True

    async def acquire(self) -> None:
        """Wait until the next call is admitted; a cancelled wait uses nothing."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            while (wait := self._pace.wait(loop.time())) > 0:  # noqa: ASYNC110
                # A pause may have begun in the meantime: check again after each wait.
                await anyio.sleep(wait)
            self._pace.take(loop.time())

    def content(self) -> None:
        """Record a successful call."""
        self._pace.content()

    def give_way(self, pause_s: float) -> bool:
        """Pause all calls and lower the rate; return whether it was lowered."""
        return self._pace.give_way(asyncio.get_running_loop().time(), pause_s)
