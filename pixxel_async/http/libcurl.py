"""The storage engine on libcurl: one multi handle on each of a few threads.

Rules:
    * libcurl connects, resolves, encrypts, keeps connections and talks to proxies. What is here is
      bookkeeping: who waits for what, and on which thread.
    * A handle is touched by its own thread only. The event loop submits commands and is notified of
      results; each side wakes the other once it has done what it can.
    * A body is written from within libcurl's callback, while it is in the processor's cache. A body
      whose writer has not been chosen yet is paused.
    * A callback never raises, and keeps no view of libcurl's buffer: the traceback of what a writer
      raised is dropped, since its frames hold such views.
    * A response belongs to the request before it only as long as nothing else came over their
      connection. One that was idle is looked at right before it is used again; one that brought
      more than its response, an error, or less than a package has, is not used again. libcurl
      looks at most once a second, and would take a stray response for the next one, and give every
      later request the response of the one before.
    * Nothing comes from the environment, no cookies are kept, and only http and https are spoken.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import itertools
import os
import re
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from enum import Enum, auto
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import pycurl

from .._version import USER_AGENT
from ..config import Timeouts
from ..errors import ConnectionBrokenError, PixxelError, StorageHostError, TransferError
from ..sansio.address_policy import AddressPolicy
from .body_writer import BandwidthLimiter, BodyWriter
from .curl_errors import NOT_HTTP, closed_error, error_of, out_of_descriptors
from .storage_response import (
    SWITCHING,
    ChooseWriter,
    StorageRequest,
    StorageResponse,
    framing_error,
    join_headers,
)
from .tls import Certificates

THREADS = 2
"""With two threads a large body and many small ones do not wait for each other."""
NO_THREAD = "the system allows no more threads; raise its limits (ulimit -u, ulimit -v)"
SUPPRESS_CONNECT_HEADERS = 265
"""An option of libcurl that pycurl has no name for."""
MAX_CONNECTIONS_KEPT = 64
BUFFER_BYTES = 512 * 1024
MAX_UNTOLD_S = 0.002
"""The longest that a result waits for others before the event loop is woken."""
SELECT_MAX_S = 60.0
_FINAL_STATUS = 200
_STATUS_LINE = re.compile(r"HTTP/[0-9](?:\.[0-9])? +([0-9]{3})(?: |$)")
END_S = 15.0
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
_PEEK = _DONT_WAIT | socket.MSG_PEEK
_IN, _OUT = selectors.EVENT_READ, selectors.EVENT_WRITE


class EndedError(Exception):
    """The event loop has ended the transfer."""


class _Phase(Enum):
    HEADERS = auto()
    PAUSED = auto()
    BODY = auto()
    OVER = auto()


class CurlResponse(StorageResponse):
    """A response that libcurl receives; see `StorageResponse`."""

    def __init__(
        self,
        thread: CurlThread,
        request: StorageRequest,
        choose_writer: ChooseWriter,
        bandwidth: BandwidthLimiter | None,
        *,
        addresses: AddressPolicy,
    ) -> None:
        """Send nothing yet."""
        super().__init__(bandwidth)
        self._addresses = addresses
        self._refusal: str | None = None
        self._shortage: OSError | None = None
        self.curl: pycurl.Curl | None = None
        self.request = request
        self._thread = thread
        self._choose_writer = choose_writer
        self._phase = _Phase.HEADERS
        self._fields: list[tuple[str, str]] = []
        self._writer: BodyWriter | None = None
        self._paused_until = 0.0
        self._is_in_head = False
        self._has_answered = False
        self._is_begun = False

    # Called on the event loop.

    async def headers_received(self) -> None:
        """Send the request; return when a writer is needed, or at the end.

        Raises:
            PixxelError: No response came.
            Exception: Whatever a writer has raised that was chosen at once.
        """
        self._is_begun = True
        self._thread.responses.add(self)
        self._thread.submit(self._thread.start, self)
        while not (self._has_answered or self.is_complete):
            await self._sleep()
        self._raise_error()

    def start_receiving(self, writer: BodyWriter) -> None:
        """Let the body go into a writer; see `StorageResponse`."""
        if not self.is_complete:
            self._thread.submit(self._resume_with, writer)

    def is_paused(self, now: float, longest_s: float) -> bool:
        """Tell whether no bytes arrive because of us; see `StorageResponse`."""
        writing_since = self._thread.writing_since
        is_slow = writing_since is not None and now - writing_since > longest_s
        return is_slow or self._phase is _Phase.PAUSED or now < self._paused_until

    async def aclose(self) -> None:
        """End the transfer; see `StorageResponse`."""
        if not self._is_begun:
            return
        cancelled: asyncio.CancelledError | None = None
        if not self.is_complete:
            self._thread.submit(self._finish, EndedError())
            with anyio.CancelScope(shield=True):
                while not self.is_complete:
                    try:
                        await self._sleep()
                    except asyncio.CancelledError as error:
                        cancelled = error
        self._is_begun = False
        self._thread.responses.discard(self)
        if cancelled is not None:
            raise cancelled

    # Called on the thread.

    def setup(self, curl: pycurl.Curl) -> None:
        """Set what differs between requests."""
        self.curl = curl
        request = self.request
        curl.setopt(pycurl.URL, request.origin + "/")
        curl.setopt(pycurl.REQUEST_TARGET, request.target.get_secret_value())
        curl.setopt(
            pycurl.HTTPHEADER,
            ["Accept:", *(f"{name}: {value}" for name, value in request.headers.items())],
        )
        proxy = "" if request.proxy is None else request.proxy.get_secret_value()
        curl.setopt(pycurl.PROXY, proxy)
        if request.proxy is None:  # else the address is the proxy's
            curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
            curl.setopt(pycurl.PREREQFUNCTION, self._check_peer)
        curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._on_body, use_memoryview=True)

    def failure(self, code: int, message: str) -> PixxelError:
        """Return the error of a transfer that libcurl has given up."""
        if self._refusal is not None and not self.status:
            return StorageHostError(self._refusal)
        if not self.status and (shortage := self._shortage or _shortage()) is not None:
            return out_of_descriptors(str(shortage))
        if self.curl is None:
            return closed_error()
        return error_of(code, message, self.curl, self.request)

    def _open_socket(self, _purpose: int, address: Any) -> _Duplicated | int:
        """Open a socket for an address that the host has been resolved to."""
        self._refusal = self._addresses.refusal(self.request.host, str(address.addr[0]))
        if self._refusal is not None:
            return pycurl.SOCKET_BAD
        try:
            opened = socket.socket(address.family, address.socktype, address.protocol)
        except OSError as error:
            self._shortage = error
            return pycurl.SOCKET_BAD
        return _Duplicated(opened.detach())

    def _check_peer(self, peer: str, own: str, _peer_port: int, _own_port: int) -> int:
        """Check where a connection has led, before the request is sent."""
        self._refusal = self._addresses.refusal(self.request.host, peer, own=own)
        return pycurl.PREREQFUNC_OK if self._refusal is None else pycurl.PREREQFUNC_ABORT

    def _on_header(self, line: bytes) -> int | None:
        if self._phase is not _Phase.HEADERS:
            return None  # a trailer
        try:
            return self._header(line)
        except BaseException as error:  # noqa: BLE001 - raised on the event loop
            self._error = error.with_traceback(None)
            return -1

    def _header(self, line: bytes) -> int | None:
        text = line.decode("latin-1").rstrip("\r\n")
        if text and not self._is_in_head:
            self._is_in_head = True
            self.status = _status(text)
            self._fields.clear()
        elif text[:1] in {" ", "\t"} and self._fields:  # a folded line (RFC 9112, 5.2)
            name, value = self._fields[-1]
            self._fields[-1] = (name, f"{value} {text.strip()}")
        elif text:
            name, _, value = text.partition(":")
            self._fields.append((name, value.strip()))
        else:  # the end of a head, perhaps of an interim response (RFC 9110, 15.2)
            self._is_in_head = False
            if self.status >= _FINAL_STATUS or self.status == SWITCHING:
                self._headers_complete()
        return None

    def _headers_complete(self) -> None:
        self.headers = join_headers(self._fields)
        if (error := framing_error(self.status, self.headers)) is not None:
            raise error
        self.headers_at = time.monotonic()
        self._writer = self._choose_writer(self)
        if self._writer is not None:
            self._phase = _Phase.BODY
            return
        self._phase = _Phase.PAUSED
        self._thread.tell(self._answer)

    def _answer(self) -> None:
        self._has_answered = True
        self._wake()

    def _on_body(self, data: memoryview) -> int | None:
        writer = self._writer
        if writer is None or self._paused_until:
            return pycurl.WRITEFUNC_PAUSE
        try:
            self._thread.writing_since = time.monotonic()
            self.received += len(data)
            writer.write(data)
        except BaseException as error:  # noqa: BLE001 - raised on the event loop
            self._error = error.with_traceback(None)
            return -1
        finally:
            self._thread.writing_since = None
        if self._bandwidth is not None:
            self._pause_for(self._bandwidth.take(len(data)))
        return None

    def _pause_for(self, delay_s: float) -> None:
        if delay_s > 0:
            self._paused_until = time.monotonic() + delay_s
            self._thread.call_at(self._paused_until, self._unpause)

    def _unpause(self) -> None:
        self._paused_until = 0.0
        if self._phase is _Phase.BODY and self.curl is not None:
            try:
                self.curl.pause(pycurl.PAUSE_CONT)  # calls back with what arrived before
            except pycurl.error as error:
                self._finish(ConnectionBrokenError(f"the transfer cannot resume ({error})"))

    def _resume_with(self, writer: BodyWriter) -> None:
        if self._phase is _Phase.PAUSED:
            self._writer = writer
            self._phase = _Phase.BODY
            self._unpause()

    def succeed(self) -> None:
        """End it as libcurl says, to which a connection that closes within the headers is fine."""
        is_cut = self._phase is _Phase.HEADERS
        message = "the connection closed before the headers were complete"
        self._finish(ConnectionBrokenError(message) if is_cut else None)

    def _finish(self, error: BaseException | None) -> None:
        """End it, on success without an error; from then on it is the event loop's."""
        if self._phase is _Phase.OVER:
            return
        self._phase = _Phase.OVER
        self._thread.release(self)
        if self._error is None:
            self._error = error
        self._thread.tell(self._complete)

    finish = _finish

    def _complete(self) -> None:
        self.is_complete = True
        self._wake()


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
        self._news: deque[Callable[[], None]] = deque()
        self._untold_since: float | None = None
        self._running: dict[pycurl.Curl, CurlResponse] = {}
        self._idle: list[pycurl.Curl] = []
        self._kept: dict[int, int] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._multi_due: float | None = None
        self._is_asleep = self._is_waking = self._is_over = False
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

        It waits for the write in progress, off the event loop, and gives up after `END_S`: a write
        to a dead disk may never end.
        """
        self.stop()
        with anyio.CancelScope(shield=True):
            if self._thread.is_alive():
                await anyio.to_thread.run_sync(self._thread.join, END_S)
        if not self._thread.is_alive():
            self._opened.close()

    def stop(self) -> None:
        """Let the thread end soon; may be called twice, and on any thread."""
        if not self._is_over:
            self._commands.append(self._end)
            with suppress(OSError):
                self._waker.send(b"\0")

    # Called on the thread.

    def tell(self, news: Callable[[], None]) -> None:
        """Run something on the event loop soon, in the order of telling."""
        self._news.append(news)
        if self._untold_since is None:
            self._untold_since = time.monotonic()

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
            self._look_at_kept()
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
        finally:  # a bug ends the thread, and must not leave anybody waiting
            self._is_over = True
            for response in tuple(self._running.values()):
                response.finish(closed_error())
            self._run_commands()
            for curl in self._idle:
                curl.close()
            self._deliver()

    def _run_commands(self) -> None:
        while self._commands:
            self._commands.popleft()()

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
            if self._untold_since and time.monotonic() - self._untold_since > MAX_UNTOLD_S:
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
        if is_trusted and not _has_input(fd):
            self._kept[fd] = os.fstat(fd).st_ino
        else:
            _spoil(fd)

    def _look_at_kept(self) -> None:
        """Make kept connections unusable over which something came that nobody has asked for."""
        for fd, inode in tuple(self._kept.items()):
            try:
                is_same = os.fstat(fd).st_ino == inode
            except OSError:
                is_same = False
            if not is_same or fd in self._selector.get_map():  # closed, or in use
                del self._kept[fd]
            elif _has_input(fd):
                del self._kept[fd]
                _spoil(fd)

    def _deliver(self) -> None:
        if self._news:
            self._untold_since = None
            news = []
            while self._news:
                news.append(self._news.popleft())
            with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_run_all, news)

    def _on_socket(self, action: int, fd: int, _multi: Any, _data: Any) -> None:
        if action == pycurl.POLL_REMOVE:
            with suppress(KeyError, ValueError, OSError):
                self._selector.unregister(fd)
            return
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


class CurlEngine:
    """Sends GETs through libcurl, on threads that it owns; belongs to one event loop."""

    def __init__(
        self,
        *,
        certificates: Certificates,
        timeouts: Timeouts,
        addresses: AddressPolicy,
        threads: int = THREADS,
    ) -> None:
        """Start no thread yet.

        Args:
            certificates: Which ones are trusted, for the storage and for proxies.
            timeouts: How long connecting may take.
            addresses: Where a storage may be.
            threads: How many threads there are at most.
        """
        self._certificates = certificates
        self._connect_ms = max(1, int(timeouts.connect_s * 1000))
        self._addresses = addresses
        self._max_threads = threads
        self._threads: list[CurlThread] = []
        self._is_closed = False

    async def get(
        self,
        request: StorageRequest,
        *,
        choose_writer: ChooseWriter,
        bandwidth: BandwidthLimiter | None,
    ) -> StorageResponse:
        """Send a GET, and return its response when the headers are there.

        Raises:
            PixxelError: No response came.
            Exception: Whatever a writer has raised that was chosen at once.
        """
        response = CurlResponse(
            self._thread(), request, choose_writer, bandwidth, addresses=self._addresses
        )
        try:
            await response.headers_received()
        except BaseException:
            await response.aclose()
            raise
        return response

    def prepare(self) -> None:
        """Start a thread; see `StorageEngine.prepare`."""
        self._thread()

    async def aclose(self) -> None:
        """End the threads, and every transfer on them; may be called twice."""
        self._is_closed = True
        threads, self._threads = self._threads, []
        for thread in threads:
            await thread.aclose()

    def abandon(self) -> None:
        """End the threads of an event loop that is over."""
        self._is_closed = True
        for thread in self._threads:
            thread.stop()

    def _thread(self) -> CurlThread:
        if self._is_closed:
            raise closed_error()
        self._threads = [thread for thread in self._threads if not thread.is_over]
        if len(self._threads) < self._max_threads and all(t.responses for t in self._threads):
            try:
                self._threads.append(CurlThread(self._configure))
            except (OSError, pycurl.error) as error:
                if not self._threads:
                    reason = error.strerror if isinstance(error, OSError) else str(error)
                    raise out_of_descriptors(reason or str(error)) from None
        return min(self._threads, key=lambda thread: len(thread.responses))

    def _configure(self, curl: pycurl.Curl) -> None:
        """Set what all requests share."""
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.HTTPPROXYTUNNEL, 1),
            (SUPPRESS_CONNECT_HEADERS, 1),
            (pycurl.CONNECTTIMEOUT_MS, self._connect_ms),
            (pycurl.BUFFERSIZE, BUFFER_BYTES),
            (pycurl.USERAGENT, USER_AGENT),
            (pycurl.NOPROXY, ""),
        ):
            curl.setopt(option, value)
        self._certificates.set_on(curl)


def _status(line: str) -> int:
    """Read a status line; libcurl lets some pass that have another form."""
    if (match := _STATUS_LINE.match(line)) is None:
        raise ConnectionBrokenError(NOT_HTTP)
    return int(match[1])


def _shortage() -> OSError | None:
    """Return why no descriptor can be had, or None; looking up a name hides the reason."""
    try:
        socket.socket().close()
    except OSError as error:
        return error
    return None


class _Duplicated:
    """A socket that pycurl duplicates; the original is closed with this object."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def __del__(self) -> None:
        os.close(self._fd)


def _has_input(fd: int) -> bool:
    """Tell whether something came over a connection, or its end."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        connection.recv(1, _PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass
    finally:
        connection.detach()
    return True


def _spoil(fd: int) -> None:
    """Make a connection unusable: libcurl finds it dead, and opens another one."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        connection.shutdown(socket.SHUT_RDWR)
        while connection.recv(BUFFER_BYTES, _DONT_WAIT):
            pass
    except OSError:  # such as BlockingIOError: nothing is left
        pass
    finally:
        connection.detach()


def _run_all(news: list[Callable[[], None]]) -> None:
    for each in news:
        each()
