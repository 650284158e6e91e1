"""Ends waits whose time is over, with one timer of the event loop for all of them."""

from __future__ import annotations

import asyncio
import math


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
        self._timer = loop.call_at(rings_at, self._ring, loop)
        self._rings_at = rings_at

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now = max(loop.time(), self._rings_at)  # a loop may be early by the grain of its clock
        self._timer, self._rings_at = None, math.inf
        for waiter in [waiter for waiter, ends_at in self._ends.items() if ends_at <= now]:
            del self._ends[waiter]
            if not waiter.done():
                waiter.set_result(False)
        if self._ends:
            self._set(loop, min(self._ends.values()))
