"""Where threads tell an event loop something.

All threads of an event loop share one, so that it wakes up once for all that they have told. It
takes one call of the system to hear it, where asyncio's own (`call_soon_threadsafe`) takes two;
each of them lets another thread take the interpreter's lock, which small packages spend most of
their time on.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias
from weakref import WeakKeyDictionary, ref

News: TypeAlias = Callable[[], None]
"""What the event loop does when it hears it; it must not raise."""


class LoopWaker:
    """Hands news to one event loop; `loop_waker` gives it, and who has got it gives it back."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen, in whichever way the loop and the system allow."""
        self.users = 0
        self._loop = ref(loop)
        self._news: deque[News] = deque()
        self._is_rung = False
        self._button: socket.socket | None = None
        self._ear: socket.socket | None = None
        try:
            self._button, self._ear = socket.socketpair()
        except OSError:  # no descriptors are left: asyncio has one
            return
        self._button.settimeout(0)
        self._ear.settimeout(0)
        try:
            loop.add_reader(self._ear, self._hear)
        except NotImplementedError:  # that of Windows cannot
            self._close()

    def tell(self, news: News) -> None:
        """Let the loop do something soon, in the order in which it is told; for any thread.

        Nobody hears it once the loop is closed.
        """
        self.leave(news)
        self.ring()

    def leave(self, news: News) -> None:
        """Leave something to be told by the next `ring`, or with what others tell before."""
        self._news.append(news)

    def ring(self) -> None:
        """Let the loop hear what was left."""
        if self._is_rung:
            return
        self._is_rung = True
        button, loop = self._button, self._loop()
        if button is not None:
            with suppress(OSError):  # it was closed just now
                button.send(b"\0")
                return
        if loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._hear)

    def give_back(self) -> None:
        """Count a user less; without any it is closed, when all that was told is heard."""
        self.users -= 1
        if self.users:
            return
        if (loop := self._loop()) is not None:
            if _WAKERS.get(loop) is self:
                del _WAKERS[loop]
            if self._ear is not None:
                with suppress(RuntimeError):  # the loop is closed
                    loop.remove_reader(self._ear)
            if self._news and not loop.is_closed():
                loop.call_soon_threadsafe(self._hear_all)
        self._close()

    def _hear(self) -> None:
        if self._ear is not None:
            with suppress(BlockingIOError):
                self._ear.recv(16)
        self._hear_all()

    def _hear_all(self) -> None:
        self._is_rung = False  # first: what is told from now on rings again
        try:
            while self._news:
                self._news.popleft()()
        finally:
            if self._news and (loop := self._loop()) is not None:  # one raised: others are heard
                loop.call_soon(self._hear_all)

    def _close(self) -> None:
        for end in (self._button, self._ear):
            if end is not None:
                end.close()
        self._button = self._ear = None


_WAKERS: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopWaker] = WeakKeyDictionary()


def loop_waker() -> LoopWaker:
    """Return that of the running event loop, to be given back."""
    loop = asyncio.get_running_loop()
    found = _WAKERS.get(loop)
    if found is None:
        found = _WAKERS[loop] = LoopWaker(loop)
    found.users += 1
    return found
