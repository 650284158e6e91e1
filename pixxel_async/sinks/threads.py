"""Waiting for work on a thread, cancelled or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import anyio

T = TypeVar("T")


async def to_end(work: Awaitable[T]) -> T:
    """Wait until `work` is over, and only then let a cancellation through.

    A thread cannot be stopped. Whoever stops waiting for it must not touch what it uses, so
    nobody stops waiting. Holds for anyio's cancel scopes and for asyncio's `Task.cancel`.
    """
    future = asyncio.ensure_future(work)
    with anyio.CancelScope(shield=True):
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            await asyncio.wait([future])
            future.exception()  # the cancellation goes first; this one has been seen
            raise
    return future.result()
