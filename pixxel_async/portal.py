"""Asynchronous work for a caller that blocks: an event loop on a thread of its own.

Rules:
    * The loop is never the caller's, so it does not matter whether the caller has one that runs.
    * The caller waits in short steps: Windows delivers Ctrl-C to a thread between waits only.
    * When waiting ends early, the work is cancelled and its end is waited for, at most `END_S`.
    * Ctrl-C is a KeyboardInterrupt, also inside a running asyncio loop: the handlers that
      `asyncio.run` and notebooks install there leave it to the loop, which stands still. A
      handler of a program without a loop is left in its place.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from typing import TypeVar

import anyio
from anyio.from_thread import BlockingPortal

T = TypeVar("T")

STEP_S = 0.2
"""Between two redraws; Ctrl-C on Windows takes this long at most."""

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
        BaseException: What the work raises.
    """
    with _interruptible():
        return _run(work, each_step)


def _run(work: Callable[[], Awaitable[T]], each_step: Callable[[], object]) -> T:
    opened: Future[BlockingPortal] = Future()
    # A daemon: work that does not end within its time does not keep the process alive.
    thread = threading.Thread(target=_serve, args=(opened,), name=THREAD, daemon=True)
    thread.start()
    try:
        result = opened.result().start_task_soon(work)
        while not wait([result], STEP_S).done:
            each_step()
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


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, where a loop would have to run to notice it."""
    handler = signal.getsignal(signal.SIGINT)
    is_ours = threading.current_thread() is threading.main_thread() and _has_running_loop()
    if not is_ours or not callable(handler):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
