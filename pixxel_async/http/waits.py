"""Waits that a cancellation does not end, whoever it comes from.

anyio's shields hold off anyio's own cancellations, but not those of `asyncio.Task.cancel`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio


async def wait_for_end(task: asyncio.Future[Any], within_s: float | None = None) -> None:
    """Wait for the end of a task; only then let a cancellation through.

    Args:
        task: What is waited for; its result is left where it is.
        within_s: How long it is waited for, in seconds; None is as long as it takes.
    """
    loop = asyncio.get_running_loop()
    until = None if within_s is None else loop.time() + within_s
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            left_s = None if until is None else until - loop.time()
            if left_s is not None and left_s <= 0:
                break
            try:
                await asyncio.wait([task], timeout=left_s)
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled


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
