"""A thread that waits for sockets, and lets those go on that they belong to.

This is the reactor pattern (Schmidt, 1995), beside the event loop: what receives a body here writes
it to disk on the spot, while the bytes are in the processor's cache, and blocks nobody but those
that share the thread.

Rules:
    * What is watched belongs to the thread. The event loop hands work over with `submit`, and hears
      of its results by `tell`; either wakes the other side once for all that waits for it.
    * Work and handlers raise nothing: they note what went wrong, and tell it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from .scratch import Scratch

MOST_REACTORS = 4
"""More of them take the interpreter's lock from each other more often than they gain."""


class Handler(Protocol):
    """What is watched."""

    def fileno(self) -> int:
        """Return the descriptor of its socket."""
        ...

    def ready(self) -> None:
        """Go on: there is something to be received, or sent."""
        ...


class Reactor:
    """One thread, started with the first work; belongs to one event loop.

    Attributes:
        scratch: Memory for what handlers receive, which is theirs until they return.
        busy_since: When the thread began with what it does now, in seconds of `time.monotonic`, or
            None while it waits. What it does may be blocked by a disk.
        load: How many users it has; they count themselves.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self._loop = asyncio.get_running_loop()
        self._work: deque[Callable[[], None]] = deque()
        self._news: deque[Callable[[], None]] = deque()
        self._is_telling = False
        self._is_asleep = False
        self._is_over = False
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._bell.settimeout(0)
        self._ear.settimeout(0)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self.scratch = Scratch()
        self.busy_since: float | None = None
        self.load = 0
        self._thread = threading.Thread(target=self._run, name="pixxel-reactor", daemon=True)
        self._thread.start()

    # What the event loop calls.

    def submit(self, work: Callable[[], None]) -> None:
        """Let the thread do something soon, in the order in which it is submitted."""
        self._work.append(work)
        # Either the thread sees the work before it sleeps, or we see that it sleeps.
        if self._is_asleep:
            self._is_asleep = False
            with suppress(BlockingIOError):  # it has been rung often enough
                self._bell.send(b"\0")

    def close(self) -> None:
        """End the thread, once it has done what was submitted; may be called twice."""
        if not self._is_over:
            self.submit(self._end)
            self._thread.join()
            self._selector.close()
            self._bell.close()
            self._ear.close()

    # What the thread calls, and whatever runs on it.

    def tell(self, news: Callable[[], None]) -> None:
        """Let the event loop do something soon, in the order in which it is told."""
        self._news.append(news)
        if not self._is_telling:
            self._is_telling = True
            with suppress(RuntimeError):  # the loop is closed: nobody listens
                self._loop.call_soon_threadsafe(self._hear)

    def watch(self, handler: Handler, events: int = selectors.EVENT_READ) -> None:
        """Call a handler whenever its socket is ready."""
        self._selector.register(handler, events, handler)

    def unwatch(self, handler: Handler) -> None:
        """Call it no more; it must be watched, and its socket open."""
        self._selector.unregister(handler)

    def after(self, delay_s: float, work: Callable[[], None]) -> None:
        """Do something later, in so many seconds."""
        at = time.monotonic() + delay_s
        heapq.heappush(self._timers, (at, next(self._numbers), work))

    def _run(self) -> None:
        while not self._is_over:
            self._is_asleep = True
            ready = self._selector.select(self._patience_s())
            self._is_asleep = False
            self.busy_since = time.monotonic()
            for key, _ in ready:
                if key.data is None:
                    self._ear.recv(4096)
                else:
                    key.data.ready()
            while self._timers and self._timers[0][0] <= self.busy_since:
                heapq.heappop(self._timers)[2]()
            while self._work:
                self._work.popleft()()
            self.busy_since = None

    def _patience_s(self) -> float | None:
        if self._work:
            return 0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _end(self) -> None:
        self._is_over = True

    # What the event loop does with what it is told.

    def _hear(self) -> None:
        self._is_telling = False  # first: what is told from now on rings again
        while self._news:
            self._news.popleft()()


class Reactors:
    """As many reactors as the machine has use for, started as they are needed."""

    def __init__(self) -> None:
        """Start none."""
        self._most = min(MOST_REACTORS, os.cpu_count() or 1)
        self._reactors: list[Reactor] = []

    def least_busy(self) -> Reactor:
        """Return the one that has the fewest users."""
        if len(self._reactors) < self._most and all(each.load for each in self._reactors):
            self._reactors.append(Reactor())
        return min(self._reactors, key=lambda each: each.load)

    def close(self) -> None:
        """End them all; may be called twice."""
        reactors, self._reactors = self._reactors, []
        for reactor in reactors:
            reactor.close()
