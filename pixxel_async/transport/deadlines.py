"""Ends waits whose time is over, with one timer of the event loop for all of them.

Rules:
    * What lies in a socket is read before a wait counts as timed out: one that is due gets some
      more rounds of the event loop. A process that was stopped and continued finds its timers due
      before it has looked at its sockets.
    * A timer that rings late tells that the event loop did not run: the process was suspended, or
      something blocked it. Then every wait gets some more time: what did not fit into the socket
      is only sent now.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LATE_S = 1.0
"""A timer that rings later than this tells that the event loop did not run meanwhile."""

GRACE_S = 5.0
"""What every wait gets then, at least."""

ROUNDS = 64
"""Rounds of the event loop in which a wait that is due may still end well: in each, a connection
takes up to 256 KiB that are there already."""


class Deadlines:
    """The ends of waits; belongs to one event loop at a time.

    A timer of the event loop for each wait has to find its place among as many others as there
    are calls in flight. These here are kept in no order: the one timer is set for the first that
    is known, and looks at all of them when it rings, which is seldom, since calls are answered.
    """

    def __init__(self) -> None:
        """Know of no wait."""
        self._ends: dict[asyncio.Future[bool], float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf

    def add(self, waiter: asyncio.Future[bool], ends_at: float) -> None:
        """Give a waiter False when its time is over, unless it is discarded before.

        Args:
            waiter: Of the event loop that runs.
            ends_at: When that is, on the clock of that loop.
        """
        loop = waiter.get_loop()
        if loop is not self._loop:  # what waits in another one has nobody left who asks
            self._ends.clear()
            self._loop, self._rings_at = loop, math.inf
        self._ends[waiter] = ends_at
        if ends_at < self._rings_at:
            self._set(loop, ends_at)

    def discard(self, waiter: asyncio.Future[bool]) -> None:
        """Forget a waiter, known or not."""
        self._ends.pop(waiter, None)

    def _set(self, loop: asyncio.AbstractEventLoop, rings_at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        rings_at = max(rings_at, loop.time())
        self._timer = loop.call_at(rings_at, self._ring, loop)
        self._rings_at = rings_at

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        late_s = loop.time() - self._rings_at
        now = max(loop.time(), self._rings_at)  # a loop may be early by the grain of its clock
        self._timer, self._rings_at = None, math.inf
        if late_s > LATE_S:
            least = now + GRACE_S
            self._ends = {waiter: max(ends_at, least) for waiter, ends_at in self._ends.items()}
        due = [waiter for waiter, ends_at in self._ends.items() if ends_at <= now]
        for waiter in due:
            del self._ends[waiter]
        if due:
            loop.call_soon(self._end, loop, due, ROUNDS)
        if self._ends:
            self._set(loop, min(self._ends.values()))

    def _end(
        self, loop: asyncio.AbstractEventLoop, due: list[asyncio.Future[bool]], rounds: int
    ) -> None:
        """Give waiters False that are not done some rounds from now."""
        due = [waiter for waiter in due if not waiter.done()]
        if due and rounds:
            loop.call_soon(self._end, loop, due, rounds - 1)
            return
        for waiter in due:
            waiter.set_result(False)


@asynccontextmanager
async def within(limit_s: float, deadlines: Deadlines) -> AsyncIterator[None]:
    """Cancel what is done in this context when its time is over.

    Args:
        limit_s: How long it may take, in seconds.
        deadlines: Tell when that is.

    Raises:
        TimeoutError: It took longer.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[bool] = loop.create_future()
    is_left = False
    async with asyncio.timeout(None) as timeout:

        def end(_: asyncio.Future[bool]) -> None:
            if not is_left:  # it may be called after the context was left
                timeout.reschedule(loop.time())

        waiter.add_done_callback(end)
        deadlines.add(waiter, loop.time() + limit_s)
        try:
            yield
        finally:
            is_left = True
            deadlines.discard(waiter)
            waiter.cancel()
