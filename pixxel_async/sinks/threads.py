"""Waiting for work on a thread, cancelled or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


def keep(_result: object) -> None:
    """Leave a result to nobody."""


async def to_end(work: Awaitable[T], *, drop: Callable[[T], None] = keep) -> T:
    """Wait until `work` is over, and only then let a cancellation through.

    A thread cannot be stopped. Whoever stops waiting for it must not touch what it uses, so
    nobody stops waiting. Holds for anyio's cancel scopes and for asyncio's `Task.cancel`.

    Args:
        work: What is waited for.
        drop: Takes the result that a cancelled waiter will not get; closes what was opened.
    """
    future = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError as error:
        cancelled = error
    with anyio.CancelScope(shield=True):
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError as error:
                cancelled = error
    # The cancellation goes first; an error of the work has been seen.
    if not future.cancelled() and future.exception() is None:
        drop(future.result())
    raise cancelled
