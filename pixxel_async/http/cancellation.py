"""Waits that a cancellation does not end, whoever it comes from.

anyio's shields hold off anyio's own cancellations, but not those of `asyncio.Task.cancel`.
"""

from __future__ import annotations

import asyncio
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
