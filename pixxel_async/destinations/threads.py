"""Waiting for the end of something, cancelled or not, as `workers` does it for its own work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from .thread_pool import keep

T = TypeVar("T")


async def to_end(work: Awaitable[T], *, drop: Callable[[T], None] = keep) -> T:
    """Wait until `work` is over, and only then let a cancellation through.

    Args:
        work: What is waited for.
        drop: Takes the result that a cancelled waiter will not get; closes what was opened.
    """
    future = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError as error:
        raise await _outlast(future, error, drop) from None


async def _outlast(
    future: asyncio.Future[T], cancelled: asyncio.CancelledError, drop: Callable[[T], None]
) -> asyncio.CancelledError:
    """Wait for work that nobody wants any more, and return the cancellation to raise."""
    with anyio.CancelScope(shield=True):
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError as error:
                cancelled = error
    # The cancellation goes first; an error of the work has been seen.
    if not future.cancelled() and future.exception() is None:
        drop(future.result())
    return cancelled
