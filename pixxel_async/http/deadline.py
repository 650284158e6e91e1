"""A limit on how long a response may take, which reads the socket before it counts as exceeded.

Rules:
    * A limit that is due still waits for some rounds of the event loop. A process that was stopped
      and continued finds its timers due before it has read its sockets.
    * A timer that fires late shows that the event loop did not run: the process was suspended, or
      something blocked it. Then there is some more time: what did not fit into the socket is only
      sent now.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:

        def due(at: float) -> None:
            nonlocal handle
            if loop.time() - at > LATE_S:
                later = loop.time() + GRACE_S
                handle = loop.call_at(later, due, later)
            else:
                wait(ROUNDS)

        def wait(rounds: int) -> None:
            nonlocal handle
            if rounds:
                handle = loop.call_soon(wait, rounds - 1)
            else:
                timeout.reschedule(loop.time())

        ends_at = loop.time() + limit_s
        handle: asyncio.Handle = loop.call_at(ends_at, due, ends_at)
        try:
            yield
        finally:
            handle.cancel()
