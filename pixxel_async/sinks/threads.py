"""Waiting for work on a thread, cancelled or not.

A thread cannot be stopped. Whoever stops waiting for it must not touch what it uses, so nobody
stops waiting: a cancellation is let through when the work is over. Holds for anyio's cancel scopes
and for asyncio's `Task.cancel`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

import anyio

T = TypeVar("T")


def keep(_result: object) -> None:
    """Leave a result to nobody."""


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


async def in_thread(
    threads: Executor, work: Callable[[], T], *, drop: Callable[[T], None] = keep
) -> T:
    """Run `work` on a thread, wait until it is over, and only then let a cancellation through.

    Does what `to_end(loop.run_in_executor(...))` does, for half of the event loop's time: each
    package makes some of these trips.

    Args:
        threads: Where it runs.
        work: What is done.
        drop: Takes the result that a cancelled waiter will not get; closes what was opened.
    """
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    running = threads.submit(work)

    def tell(_: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_set, over)

    running.add_done_callback(tell)
    try:
        await over
    except asyncio.CancelledError as error:
        raise await _outlast(asyncio.wrap_future(running), error, drop) from None
    return running.result()


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


def _set(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
