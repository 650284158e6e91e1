"""Lets threads schedule callbacks on an event loop.

All threads of a loop share one `LoopWaker`, so that the loop wakes up once for all pending
callbacks. Each takes one system call to receive, where asyncio's own `call_soon_threadsafe` takes
two. Every system call lets another thread take the interpreter's lock, where small packages spend
most of their time.
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
"""A callback for the event loop; it must not raise."""


class LoopWaker:
    """Runs callbacks on one event loop; get it with `loop_waker`, end its use with `give_back`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen on a socket pair, or fall back to asyncio where that is not possible."""
        self.users = 0
        self._loop = ref(loop)
        self._callbacks: deque[News] = deque()
        self._is_woken = False
        self._sender: socket.socket | None = None
        self._receiver: socket.socket | None = None
        try:
            self._sender, self._receiver = socket.socketpair()
        except OSError:  # out of file descriptors; asyncio's own socket pair exists already
            return
        self._sender.settimeout(0)
        self._receiver.settimeout(0)
        try:
            loop.add_reader(self._receiver, self._receive)
        except NotImplementedError:  # the proactor loop of Windows
            self._close()

    def tell(self, news: News) -> None:
        """Schedule a callback, in call order; callable from any thread.

        After the loop is closed, callbacks are ignored.
        """
        self._callbacks.append(news)
        if self._is_woken:
            return
        self._is_woken = True
        sender, loop = self._sender, self._loop()
        if sender is not None:
            with suppress(OSError):  # closed in the meantime
                sender.send(b"\0")
                return
        if loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._receive)

    def give_back(self) -> None:
        """Release one use; the last one closes the waker once all its callbacks have run."""
        self.users -= 1
        if self.users:
            return
        if (loop := self._loop()) is not None:
            if _WAKERS.get(loop) is self:
                del _WAKERS[loop]
            if self._receiver is not None:
                with suppress(RuntimeError):  # the loop is closed
                    loop.remove_reader(self._receiver)
            if self._callbacks and not loop.is_closed():
                loop.call_soon_threadsafe(self._run_callbacks)
        self._close()

    def _receive(self) -> None:
        if self._receiver is not None:
            with suppress(BlockingIOError):
                self._receiver.recv(16)
        self._run_callbacks()

    def _run_callbacks(self) -> None:
        self._is_woken = False  # first: callbacks scheduled from now on wake the loop again
        try:
            while self._callbacks:
                self._callbacks.popleft()()
        finally:
            if self._callbacks and (loop := self._loop()) is not None:  # one raised: run the rest
                loop.call_soon(self._run_callbacks)

    def _close(self) -> None:
        for end in (self._sender, self._receiver):
            if end is not None:
                end.close()
        self._sender = self._receiver = None


_WAKERS: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopWaker] = WeakKeyDictionary()


def loop_waker() -> LoopWaker:
    """Return the waker of the running event loop; the caller must give it back."""
    loop = asyncio.get_running_loop()
    found = _WAKERS.get(loop)
    if found is None:
        found = _WAKERS[loop] = LoopWaker(loop)
    found.users += 1
    return found
