"""The sandbox on a thread of its own, for code that has no event loop or blocks its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from .sandbox import Sandbox
from .scenario import Scenario


@contextmanager
def sandbox_in_thread(
    scenario: Scenario | None = None, *, clock: Callable[[], float] = time.time
) -> Iterator[Sandbox]:
    """Run a sandbox while the context is open.

    Args:
        scenario: What it does.
        clock: As for `Sandbox`; called on the sandbox's thread.

    Yields:
        The sandbox; what it has recorded may be read from any thread.
    """
    sandbox = Sandbox(scenario, clock=clock)
    listening: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(_run(sandbox, listening)), name="pixxel-async sandbox"
    )
    thread.start()
    try:
        loop, stop = listening.result()
        try:
            yield sandbox
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()


async def _run(
    sandbox: Sandbox, listening: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
) -> None:
    stop = asyncio.Event()
    try:
        async with sandbox:
            listening.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()
    except BaseException as error:
        if listening.done():
            raise
        listening.set_exception(error)
