"""A thread with a multi handle of libcurl.

Rules:
    * A handle is touched by its own thread only. The event loop submits commands and is notified of
      results; each side wakes the other once it has done what it can.
    * A response belongs to the request before it only as long as nothing else came over their
      connection. One that was idle is looked at right before it is used again; one that brought
      more than its response, an error, or less than a package has, is not used again. libcurl
      looks at most once a second, and would take a stray response for the next one, and give every
      later request the response of the one before.
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
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import pycurl

from ..errors import TransferError
from ..waits import wait_for_end
from .curl_errors import closed_error
from .curl_response import CurlResponse, has_input, spoil, with_input

NO_THREAD = "the system allows no more threads; raise its limits (ulimit -u, ulimit -v)"
MAX_CONNECTIONS_KEPT = 64
MAX_DELAY_S = 0.002
"""The longest that a result waits for others before the event loop is woken."""
SELECT_MAX_S = 60.0
END_S = 15.0
logger = logging.getLogger("pixxel_async")
_IN, _OUT = selectors.EVENT_READ, selectors.EVENT_WRITE


class CurlThread:
    """A thread with a multi handle, which all of its transfers share.

    Attributes:
        responses: Those that have not been closed; the event loop's.
        writing_since: Since when a writer has been busy, on the clock of `time.monotonic`.
    """

    def __init__(self, configure: Callable[[pycurl.Curl], None]) -> None:
        """Start it.

        Args:
            configure: Sets the options that all requests share.

        Raises:
            OSError: There are no descriptors or threads left.
        """
        self.responses: set[CurlResponse] = set()
        self.writing_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self._configure = configure
        self._commands: deque[Callable[[], None]] = deque()
        self._results: deque[Callable[[], None]] = deque()
        self._undelivered_since: float | None = None
        self._running: dict[pycurl.Curl, CurlResponse] = {}
        self._idle: list[pycurl.Curl] = []
        self._kept: dict[int, int] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._multi_due: float | None = None
        self._is_asleep = self._is_waking = self._is_over = False
        self._ended: asyncio.Future[None] = self._loop.create_future()
        with ExitStack() as opened:
            self._waker, self._woken = socket.socketpair()
            for end in (self._waker, self._woken):
                opened.callback(end.close)
                end.settimeout(0)
            self._selector = selectors.DefaultSelector()
            opened.callback(self._selector.close)
            self._selector.register(self._woken, _IN)
            self._multi = pycurl.CurlMulti()
            opened.callback(self._multi.close)
            self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
            self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
            self._multi.setopt(pycurl.M_MAXCONNECTS, MAX_CONNECTIONS_KEPT)
            self._thread = threading.Thread(
                target=self._run, name="pixxel-async libcurl", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError:
                raise OSError(errno.EAGAIN, NO_THREAD) from None
            self._opened = opened.pop_all()

    # Called on the event loop.

    def submit(self, command: Callable[..., None], *arguments: object) -> None:
        """Run something on the thread soon, in the order of submission."""
        self._commands.append(partial(command, *arguments))
        if not self._thread.is_alive():  # it has ended, and nobody else touches its handles
            self._run_commands()
            self._deliver()
            return
        # Either the thread sees the command before it sleeps, or it is seen to be asleep.
        if self._is_asleep and not self._is_waking:
            self._is_waking = True
            self._loop.call_soon(self._wake)  # after the other tasks have had their turn

    def _wake(self) -> None:
        self._is_waking = False
        if self._is_asleep:
            self._is_asleep = False
            with suppress(OSError):  # it has been woken often enough, or is over
                self._waker.send(b"\0")

    @property
    def is_over(self) -> bool:
        """Whether it has ended, such as by a bug."""
        return self._is_over

    async def aclose(self) -> None:
        """End the thread, and every transfer on it; may be called twice.

        It waits for the write in progress, and gives up after `END_S`: a write to a dead disk may
        never end. A cancelled call waits just as long before it raises.
        """
        self.stop()
        try:
            await wait_for_end(self._ended, END_S)
        finally:
            if self._ended.done():
                self._thread.join()  # it has nothing left to do
                self._opened.close()
            else:
                logger.warning("a thread still writes after %g s; it is left behind", END_S)

    def stop(self) -> None:
        """Let the thread end soon; may be called twice, and on any thread."""
        if not self._is_over:
            self._commands.append(self._end)
            with suppress(OSError):
                self._waker.send(b"\0")

    # Called on the thread.

    def tell(self, news: Callable[[], None]) -> None:
        """Run something on the event loop soon, in the order of telling."""
        self._results.append(news)
        if self._undelivered_since is None:
            self._undelivered_since = time.monotonic()

    def call_at(self, at: float, command: Callable[[], None]) -> None:
        """Run something on the thread at a time on the clock of `time.monotonic`."""
        heapq.heappush(self._timers, (at, next(self._numbers), command))

    def start(self, response: CurlResponse) -> None:
        """Start a transfer."""
        if self._is_over:
            response.finish(closed_error())
            return
        curl: pycurl.Curl | None = None
        try:
            curl = self._idle.pop() if self._idle else pycurl.Curl()
            self._configure(curl)
            response.setup(curl)
            self._running[curl] = response
            self._check_kept()
            self._multi.add_handle(curl)
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)  # it sends before another begins
            self._collect()
        except Exception as error:  # noqa: BLE001 - it concerns this transfer alone
            response.finish(TransferError(f"libcurl refuses the request: {type(error).__name__}"))

    def release(self, response: CurlResponse) -> None:
        """Take a transfer off the multi handle; its connection is closed unless it was complete."""
        curl, response.curl = response.curl, None
        if curl is None:
            return
        if self._running.pop(curl, None) is not None:
            with suppress(pycurl.error):
                self._multi.remove_handle(curl)
        curl.reset()
        if len(self._idle) < MAX_CONNECTIONS_KEPT:
            self._idle.append(curl)
        else:
            curl.close()

    def _end(self) -> None:
        self._is_over = True

    def _run(self) -> None:
        try:
            while not self._is_over:
                self._turn()
        except Exception:  # the event loop starts another thread
            logger.exception("a thread of libcurl has ended")
        finally:  # a bug ends the thread, and must not leave anybody waiting
            self._is_over = True
            for response in tuple(self._running.values()):
                response.finish(closed_error())
            self._run_commands()
            for curl in self._idle:
                curl.close()
            self._deliver()
            with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _run_commands(self) -> None:
        while self._commands:
            try:
                self._commands.popleft()()
            except Exception:  # it concerns one transfer alone
                logger.exception("a command of a thread of libcurl failed")

    def _turn(self) -> None:
        self._is_asleep = True
        ready = self._selector.select(self._patience_s())
        self._is_asleep = False
        for key, events in ready:
            if key.fileobj is self._woken:
                with suppress(BlockingIOError):
                    self._woken.recv(4096)
                continue
            mask = (pycurl.CSELECT_IN if events & _IN else 0) | (
                pycurl.CSELECT_OUT if events & _OUT else 0
            )
            with suppress(pycurl.error):  # the event before has closed this socket
                self._multi.socket_action(key.fd, mask)
            self._collect()
            if self._undelivered_since and time.monotonic() - self._undelivered_since > MAX_DELAY_S:
                self._deliver()
        self._run_commands()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        if self._multi_due is not None and self._multi_due <= now:
            self._multi_due = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()
        self._deliver()

    def _patience_s(self) -> float:
        if self._commands:
            return 0
        due = [at for at in (self._multi_due, self._timers[0][0] if self._timers else None) if at]
        return max(0.0, min(min(due) - time.monotonic(), SELECT_MAX_S)) if due else SELECT_MAX_S

    def _collect(self) -> None:
        """Finish the transfers that libcurl has completed."""
        left = 1
        while left:
            left, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                response = self._running[curl]
                fd = curl.getinfo(pycurl.ACTIVESOCKET)
                if fd >= 0 and fd not in self._selector.get_map():  # not in use again
                    self._left(fd, is_trusted=response.is_package)
                response.succeed()
            for curl, code, message in failed:
                response = self._running[curl]
                response.finish(response.failure(code, message))

    def _left(self, fd: int, *, is_trusted: bool) -> None:
        """Keep a connection for a later request, or make it unusable."""
        if is_trusted and not has_input(fd):
            self._kept[fd] = os.fstat(fd).st_ino
        else:
            spoil(fd)

    def _check_kept(self) -> None:
        """Make kept connections unusable over which something came that nobody has asked for."""
        for fd in with_input(self._kept):
            inode = self._kept.pop(fd)
            with suppress(OSError):  # it is closed
                if os.fstat(fd).st_ino == inode and fd not in self._selector.get_map():
                    spoil(fd)

    def _deliver(self) -> None:
        if self._results:
            self._undelivered_since = None
            news = []
            while self._results:
                news.append(self._results.popleft())
            with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_run_all, news)

    def _on_socket(self, action: int, fd: int, _multi: Any, _data: Any) -> None:
        if action == pycurl.POLL_REMOVE:
            with suppress(KeyError, ValueError, OSError):
                self._selector.unregister(fd)
            return
        self._kept.pop(fd, None)  # in use; while its transfer is paused, no event is awaited
        events = (_IN if action & pycurl.POLL_IN else 0) | (_OUT if action & pycurl.POLL_OUT else 0)
        try:
            if not events:
                self._selector.unregister(fd)
            else:
                self._selector.modify(fd, events)
        except KeyError:
            if events:
                self._selector.register(fd, events)

    def _on_timer(self, delay_ms: int) -> None:
        self._multi_due = None if delay_ms < 0 else time.monotonic() + delay_ms / 1000


def _run_all(news: list[Callable[[], None]]) -> None:
    for each in news:
        each()
