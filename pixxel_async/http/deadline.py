"""A limit on how long a response may take, which reads the sockets before it counts as exceeded.

A process that was suspended finds its timers due and its answers waiting in the sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LATE_S = 1.0
"""A timer that fires later than this shows that the event loop did not run."""
GRACE_S = 5.0
ROUNDS = 64
"""Rounds of the event loop in which a response may still arrive; each reads up to 256 KiB."""


@asynccontextmanager
async def deadline(limit_s: float) -> AsyncIterator[None]:
    """Cancel what runs in this context when its time is over.

    Args:
        limit_s: How long it may take, in seconds.

    Raises:
        TimeoutError: It took longer.
    """
    async with asyncio.timeout(None) as timeout:
        alarm = _Alarm(timeout, limit_s)
        try:
            yield
        finally:
            alarm.cancel()


class _Alarm:
    """Ends a timeout when it is due, and the sockets have been read."""

    def __init__(self, timeout: asyncio.Timeout, limit_s: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.Handle
        self._set(limit_s)

    def cancel(self) -> None:
        self._handle.cancel()

    def _set(self, delay_s: float) -> None:
        due = self._loop.time() + delay_s
        self._handle = self._loop.call_at(due, self._ring, due)

    def _ring(self, due: float) -> None:
        if self._loop.time() - due > LATE_S:
            self._set(GRACE_S)
        else:
            self._wait(ROUNDS)

    def _wait(self, rounds: int) -> None:
        if rounds:
            self._handle = self._loop.call_soon(self._wait, rounds - 1)
        else:
            self._timeout.reschedule(self._loop.time())
