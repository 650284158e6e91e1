"""Waits that delay a cancellation until the awaited work has ended.

anyio's shields delay anyio's own cancellations, but not those of `asyncio.Task.cancel`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


def keep(_result: object) -> None:
    """Do nothing with a result."""


async def wait_for_end(task: asyncio.Future[Any], within_s: float | None = None) -> None:
    """Wait until a task has ended, then raise a cancellation that arrived meanwhile.

    Args:
        task: The task.
        within_s: The longest wait in seconds, or None.
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


async def to_end(work: Awaitable[T], *, drop: Callable[[T], None] = keep) -> T:
    """Run `work` to its end and return its result, or raise a cancellation that arrived meanwhile.

    Args:
        work: The awaitable.
        drop: Gets the result if the caller was cancelled, to close what was opened.
    """
    future = asyncio.ensure_future(work)
    try:
        await wait_for_end(future)
    except asyncio.CancelledError:
        if not future.cancelled() and future.exception() is None:
            drop(future.result())
        raise
    return future.result()
