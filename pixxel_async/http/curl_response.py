"""A response that libcurl receives on its thread, and the event loop waits for.

Rules:
    * A body is written from within libcurl's callback, while it is in the processor's cache. A body
      whose writer has not been chosen yet is paused.
    * A callback never raises, and keeps no view of libcurl's buffer: the traceback of what a writer
      raised is dropped, since its frames hold such views.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import select
import socket
import time
from collections.abc import Collection
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import anyio
import pycurl

from ..errors import ConnectionBrokenError, PixxelError, StorageHostError
from ..sansio.storage.address_policy import AddressPolicy
from .curl_errors import NOT_HTTP, closed_error, error_of, out_of_descriptors
from .storage_response import (
    SWITCHING,
    BandwidthLimiter,
    BodyWriter,
    ChooseWriter,
    StorageRequest,
    StorageResponse,
    framing_error,
    join_headers,
)

if TYPE_CHECKING:
    from .curl_thread import CurlThread

SCRATCH_BYTES = 512 * 1024
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
_PEEK = _DONT_WAIT | socket.MSG_PEEK


def find_shortage() -> OSError | None:
    """Return why no descriptor can be had, or None; looking up a name hides the reason."""
    try:
        socket.socket().close()
    except OSError as error:
        return error
    return None


class DuplicatedSocket:
    """A socket that pycurl duplicates; the original is closed with this object."""

    def __init__(self, fd: int) -> None:
        """Take over a descriptor."""
        self._fd = fd

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def __del__(self) -> None:
        """Close it."""
        os.close(self._fd)


def has_input(fd: int) -> bool:
    """Return whether something came over a connection, or its end."""
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


def with_input(fds: Collection[int]) -> list[int]:
    """Return the connections over which something came, or their end; it looks once at all."""
    if not hasattr(select, "poll"):  # Windows
        return [fd for fd in fds if has_input(fd)]
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(0)]


def spoil(fd: int) -> None:
    """Make a connection unusable: libcurl finds it dead, and opens another one."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        connection.shutdown(socket.SHUT_RDWR)
        while connection.recv(SCRATCH_BYTES, _DONT_WAIT):
            pass
    except OSError:  # such as BlockingIOError: nothing is left
        pass
    finally:
        connection.detach()


_FINAL_STATUS = 200
_STATUS_LINE = re.compile(r"HTTP/[0-9](?:\.[0-9])? +([0-9]{3})(?: |$)")
logger = logging.getLogger("pixxel_async")


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
        """Return whether no bytes arrive because of us; see `StorageResponse`."""
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
        if not self.status and (shortage := self._shortage or find_shortage()) is not None:
            return out_of_descriptors(str(shortage))
        if self.curl is None:
            return closed_error()
        return error_of(code, message, self.curl, self.request)

    def _open_socket(self, _purpose: int, address: Any) -> DuplicatedSocket | int:
        """Open a socket for an address that the host has been resolved to."""
        self._refusal = self._addresses.refusal(self.request.host, str(address.addr[0]))
        if self._refusal is not None:
            return pycurl.SOCKET_BAD
        try:
            opened = socket.socket(address.family, address.socktype, address.protocol)
        except OSError as error:
            self._shortage = error
            return pycurl.SOCKET_BAD
        return DuplicatedSocket(opened.detach())

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
        try:
            self._thread.release(self)
        except Exception:  # a bug, and somebody waits
            logger.exception("a transfer could not be taken off libcurl")
        if self._error is None:
            self._error = error
        self._thread.tell(self._complete)

    finish = _finish

    def _complete(self) -> None:
        self.is_complete = True
        self._wake()


def _status(line: str) -> int:
    """Read a status line; libcurl lets some pass that have another form."""
    if (match := _STATUS_LINE.match(line)) is None:
        raise ConnectionBrokenError(NOT_HTTP)
    return int(match[1])
