"""A thread that waits for sockets, and lets those go on that they belong to.

This is the reactor pattern (Schmidt, 1995), beside the event loop: what receives a body here writes
it to disk on the spot, while the bytes are in the processor's cache, and blocks nobody but those
that share the thread.

Rules:
    * What is watched belongs to the thread. The event loop hands work over with `submit`, and hears
      of its results by `tell`. Either side wakes the other when it has done what it can: of two
      threads that are awake, each waits for the interpreter's lock after all calls of the system.
    * Work and handlers raise nothing: they note what went wrong, and tell it. What they raise all
      the same ends their user alone.
    * However the thread ends, nobody waits for it: who is served then, or comes later, loses it.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import itertools
import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Protocol, runtime_checkable

import anyio

from ..doorbell import doorbell
from .scratch import Scratch

NO_THREAD = "the system allows no more threads; raise its limits (ulimit -u, ulimit -v)"
MOST_REACTORS = 4
"""More of them take the interpreter's lock from each other more often than they gain."""
LATELY_S = 0.05
MOST_LEFT_S = 0.005
"""The longest that news waits for what else may come."""
KEEPS_UP = 0.8
"""A reactor that works for more of its time than this has enough to do."""
END_S = 15.0
"""How long the end of the threads is waited for: a disk may hold one up."""
CLOSED = "the client is closed"

logger = logging.getLogger("pixxel_async")


class ClosedError(Exception):
    """There are no threads any more: their owner has closed them."""


class Handler(Protocol):
    """What is watched."""

    def fileno(self) -> int:
        """Return the descriptor of its socket."""
        ...

    def ready(self) -> None:
        """Go on: there is something to be received, or sent."""
        ...


@runtime_checkable
class User(Protocol):
    """Who is served by a reactor."""

    def lose(self) -> None:
        """End: the reactor does not serve it any more. May be called twice, and must not raise."""
        ...


class Reactor:
    """One thread; belongs to one event loop.

    Attributes:
        scratch: Memory for what handlers receive, which is theirs until they return.
        busy_since: When the thread began with what it does now, in seconds of `time.monotonic`, or
            None while it waits. What it does may be blocked by a disk.
        users: Those that it serves. They come and go on the event loop.
    """

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: The system allows no more descriptors, of which it takes three, or threads.
        """
        self._loop = asyncio.get_running_loop()
        self._work: deque[tuple[Callable[[], None], User | None]] = deque()
        self._is_asleep = False
        self._is_over = False
        self._is_waking = False
        self._left_at: float | None = None  # when the oldest news was left that was not rung for
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.scratch = Scratch()
        self.busy_since: float | None = None
        self.users: set[User] = set()
        self._busy_share = 0.0
        self._thread = threading.Thread(target=self._run, name="pixxel-reactor", daemon=True)
        self._doorbell = doorbell()
        with ExitStack() as opened:
            opened.callback(self._doorbell.give_back)
            self._start(opened)
            self._opened = opened.pop_all()

    def _start(self, opened: ExitStack) -> None:
        self._bell, self._ear = socket.socketpair()
        for end in (self._bell, self._ear):
            opened.callback(end.close)
            end.settimeout(0)
        self._selector = selectors.DefaultSelector()
        opened.callback(self._selector.close)
        self._selector.register(self._ear, selectors.EVENT_READ)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, NO_THREAD) from error

    # What the event loop calls.

    @property
    def is_over(self) -> bool:
        """Whether the thread has ended, or is about to: it serves nobody any more."""
        return self._is_over

    def submit(self, work: Callable[[], None], user: User | None = None) -> None:
        """Let the thread do something soon, in the order in which it is submitted.

        Args:
            work: What.
            user: For whom; it loses the reactor if the work raises.
        """
        self._work.append((work, user))
        if self._is_over:  # looked at last: the thread looks for users when it has set this
            self._lose_users()
            return
        # Either the thread sees the work before it sleeps, or we see that it sleeps.
        if self._is_asleep and not self._is_waking:
            self._is_waking = True
            self._loop.call_soon(self._wake)  # when other tasks have had their turn

    def _wake(self) -> None:
        self._is_waking = False
        if self._is_asleep:
            self._is_asleep = False
            with suppress(BlockingIOError):  # it has been rung often enough
                self._bell.send(b"\0")

    @property
    def keeps_up(self) -> bool:
        """Whether it has time left: it has waited lately, and is not blocked now."""
        since = self.busy_since
        is_blocked = since is not None and time.monotonic() - since > LATELY_S
        return not is_blocked and self._busy_share < KEEPS_UP

    def close(self) -> None:
        """End the thread, once it has done what was submitted; may be called twice.

        Users that are left lose it.
        """
        self.end()
        self._thread.join()
        self.release()

    def end(self) -> None:
        """Let the thread end, once it has done what was submitted."""
        if not self._is_over:
            self._work.append((self._end, None))
            self._wake()

    def release(self) -> None:
        """Close what the thread has used, which must have ended; may be called twice."""
        self._opened.close()

    # What the thread calls, and whatever runs on it.

    def tell(self, news: Callable[[], None]) -> None:
        """Let the event loop do something soon, in the order in which it is told."""
        self._doorbell.leave(news)
        if self._left_at is None:
            self._left_at = time.monotonic()

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
        try:
            self._serve()
        except Exception:
            logger.exception("a thread that receives packages has ended")
        finally:
            self._is_over = True
            self._lose_users()
            self._ring(at_once=True)

    def _serve(self) -> None:
        ended_at = time.monotonic()
        while not self._is_over:
            self._is_asleep = True
            ready = self._selector.select(self._patience_s())
            self._is_asleep = False
            self.busy_since = began_at = time.monotonic()
            for key, _ in ready:
                if key.data is None:
                    self._ear.recv(4096)
                else:
                    self._do(key.data.ready, key.data)
                    self._ring(at_once=False)
            while self._timers and self._timers[0][0] <= began_at:
                self._do(heapq.heappop(self._timers)[2], None)
            while self._work:
                self._do(*self._work.popleft())
            self._ring(at_once=True)
            self.busy_since = None
            before, ended_at = ended_at, time.monotonic()
            self._note_share(began_at - before, ended_at - began_at)

    def _do(self, work: Callable[[], None], handler: Handler | User | None) -> None:
        try:
            work()
        except Exception:
            logger.exception("a transfer ends: its handler failed")
            with suppress(Exception):  # it may not be watched
                self._selector.unregister(handler)  # type: ignore[arg-type]  # or not be a handler
            if isinstance(handler, User):
                handler.lose()

    def _lose_users(self) -> None:
        for user in tuple(self.users):  # they come and go on the event loop meanwhile
            user.lose()

    def _ring(self, *, at_once: bool) -> None:
        """Wake the event loop if there is news for it, some time from now unless `at_once`."""
        left_at = self._left_at
        if left_at is not None and (at_once or time.monotonic() - left_at > MOST_LEFT_S):
            self._left_at = None
            self._doorbell.ring()

    def _note_share(self, waited_s: float, worked_s: float) -> None:
        """Bring the share of its time up to date that it works, smoothed over `LATELY_S`."""
        span_s = waited_s + worked_s
        weight = min(1.0, span_s / LATELY_S)
        if span_s > 0:
            self._busy_share += weight * (worked_s / span_s - self._busy_share)

    def _patience_s(self) -> float | None:
        if self._work:
            return 0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _end(self) -> None:
        self._is_over = True

    @property
    def thread(self) -> threading.Thread:
        """The thread."""
        return self._thread


class Reactors:
    """As many reactors as the machine has use for, started as they are needed.

    Requests, and small bodies with them, go to the first one that keeps up: threads that take the
    interpreter's lock from each other do less together. Large bodies are spread: most of their time
    goes by in the system and in OpenSSL, without that lock.
    """

    def __init__(self) -> None:
        """Start none."""
        self._most = min(MOST_REACTORS, os.cpu_count() or 1)
        self._reactors: list[Reactor] = []
        self._is_closed = False

    def for_request(self) -> Reactor:
        """Return the one that the next request goes to.

        Raises:
            ClosedError: They have been ended.
            OSError: There is none, and the system allows no more descriptors or threads.
        """
        for each in self._living():
            if each.keeps_up:
                return each
        return self.for_body()

    def for_body(self) -> Reactor:
        """Return the one that has the fewest users; errors are those of `for_request`."""
        if self._is_closed:
            raise ClosedError(CLOSED)
        self._living()
        if len(self._reactors) < self._most and all(each.users for each in self._reactors):
            try:
                self._reactors.append(Reactor())
            except OSError:
                if not self._reactors:
                    raise
                self._most = len(self._reactors)  # they will do
        return min(self._reactors, key=lambda each: len(each.users))

    def _living(self) -> list[Reactor]:
        """Return those that serve; one whose thread has failed is replaced when there is need."""
        if any(each.is_over for each in self._reactors):
            for each in self._reactors:
                if each.is_over and not each.thread.is_alive():
                    each.release()
            self._reactors = [each for each in self._reactors if not each.is_over]
        return self._reactors

    async def aclose(self) -> None:
        """End them all without holding up the event loop; no more are started.

        It waits for what is being written, cancelled or not, but no longer than `END_S`.
        """
        self._is_closed = True
        reactors, self._reactors = self._reactors, []
        for reactor in reactors:
            reactor.end()
        try:
            await _joined([reactor.thread for reactor in reactors])
        finally:
            for reactor in reactors:
                if reactor.thread.is_alive():
                    logger.warning("a thread still writes %g s after the client was closed", END_S)
                else:
                    reactor.release()

    def close(self) -> None:
        """End them all; no more are started. May be called twice."""
        self._is_closed = True
        reactors, self._reactors = self._reactors, []
        for reactor in reactors:
            reactor.close()


async def _joined(threads: Sequence[threading.Thread]) -> None:
    """Wait until threads have ended, at most `END_S`; only then let a cancellation through."""
    if not threads:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    ends_at = time.monotonic() + END_S

    def join() -> None:
        for thread in threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(ended.set)

    cancelled: asyncio.CancelledError | None = None
    threading.Thread(target=join, name="pixxel-closing", daemon=True).start()
    with anyio.CancelScope(shield=True):
        while not ended.is_set():
            try:
                await ended.wait()
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled
