"""Asynchronous work for a caller that blocks: an event loop on a thread of its own.

Rules:
    * The loop is never the caller's, so it does not matter whether the caller has one that runs.
    * The caller waits in short steps: Windows delivers Ctrl-C to a thread between waits only.
    * When waiting ends early, the work is cancelled and its end is waited for, at most `END_S`.
    * Ctrl-C inside a running asyncio loop is a cancellation of the task that blocks it (so do
      `asyncio.run` and notebooks). The loop cannot deliver it while it is blocked: it is looked
      for here.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TypeVar

import anyio
from anyio.from_thread import BlockingPortal

T = TypeVar("T")

STEP_S = 0.2
"""Between two looks at what the caller has been told; also between two redraws."""

END_S = 15.0
"""How long the end of cancelled work is waited for: disk work that is under way ends first."""

THREAD = "pixxel-async portal"

logger = logging.getLogger(__name__)


def run_blocking(work: Callable[[], Awaitable[T]], *, each_step: Callable[[], object]) -> T:
    """Run asynchronous work to its end, and return what it returns.

    Args:
        work: Called and awaited on the other thread.
        each_step: Called by the thread that waits, a few times a second.

    Raises:
        KeyboardInterrupt: In the main thread, after Ctrl-C; the work has been cancelled.
        CancelledError: The caller's task has been cancelled, and so has the work.
        BaseException: What the work raises.
    """
    opened: Future[BlockingPortal] = Future()
    is_cancelled = _cancellation()
    # A daemon: work that does not end within its time does not keep the process alive.
    thread = threading.Thread(target=_serve, args=(opened,), name=THREAD, daemon=True)
    thread.start()
    try:
        result = opened.result().start_task_soon(work)
        while not wait([result], STEP_S).done:
            each_step()
            if is_cancelled():
                raise asyncio.CancelledError
        return result.result()
    finally:
        # On a thread of its own: a call of the portal waits for its loop, which may be held up,
        # such as by an iterable of the caller.
        closing = threading.Thread(target=_close, args=(opened,), name=THREAD, daemon=True)
        closing.start()
        thread.join(END_S)
        if thread.is_alive():
            logger.warning("work goes on %g s after its cancellation: its folder is locked", END_S)
        else:
            closing.join()


def _serve(opened: Future[BlockingPortal]) -> None:
    async def serve() -> None:
        async with BlockingPortal() as portal:
            opened.set_result(portal)
            await portal.sleep_until_stopped()

    try:
        anyio.run(serve)
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)


def _close(opened: Future[BlockingPortal]) -> None:
    """End the portal, and with it what still runs on it."""
    if opened.exception() is None:
        with suppress(RuntimeError):  # it has ended by itself
            opened.result().call(opened.result().stop, True)  # noqa: FBT003 - takes no keyword


def _cancellation() -> Callable[[], bool]:
    """Return what tells whether the caller's task has been cancelled from now on."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None:
        return lambda: False
    before = task.cancelling()
    return lambda: task.cancelling() > before
