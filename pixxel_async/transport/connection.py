"""One HTTP/1.1 connection, which receives bodies straight into the memory of who asks for them.

Rules:
    * One task uses it at a time: it sends a request, waits for the head, and takes the body.
    * A body of known length is received into the caller's buffer, without a copy in between; as
      long as nobody asks for more, nothing is received.
    * What comes when nothing was asked for, or beyond a body, belongs to no request: such a
      connection is not used again.
    * A connection whose answer was not read to its end is not used again.
"""

from __future__ import annotations

import asyncio
import ssl
from enum import Enum, auto
from typing import cast

import httpx

from .early import Early
from .heads import AnswerParser, Head
from .readiness import Readiness
from .scratch import Scratch
from .tls_layer import TlsLayer
from .waiting import Waiting

CLOSED = "the connection was closed without an answer"


class LostBeforeAnswerError(httpx.RemoteProtocolError):
    """The connection was lost before a byte of the answer came."""


class _Phase(Enum):
    GREETING = auto()
    IDLE = auto()
    HEAD = auto()
    BODY = auto()


class Connection(asyncio.BufferedProtocol):
    """A connection that is there; `pool.Pool` makes and keeps them."""

    def __init__(self, scratch: Scratch, tls: TlsLayer | None = None) -> None:
        """Take what has no other place into `scratch`, which all connections of a loop share.

        It is safe to share: the event loop asks where to put bytes, puts them there, and says so,
        without doing anything else in between.
        """
        self._scratch = scratch.plain
        self._sealed = scratch.sealed
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._readiness = Readiness()
        self._phase = _Phase.IDLE if tls is None else _Phase.GREETING
        self._is_kept = True
        self._is_lost = False  # nothing more will come
        self._is_closed = False  # and the event loop has let go of it
        self._error: Exception | None = None
        self._parser = AnswerParser()
        self._left: int | None = 0  # of the body, where its length is known
        self._early = Early()
        self._target: memoryview | None = None
        self._filled = 0
        self._is_impatient = False
        self._waiting = Waiting()

    # What the user of a connection calls.

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent, as far as the event loop knows."""
        return (
            self._phase is _Phase.IDLE
            and self._is_kept
            and not self._is_lost
            and self._loop is asyncio.get_running_loop()
            and self._transport is not None
            and not self._transport.is_closing()
        )

    def looks_usable(self) -> bool:
        """Look whether another request may be sent."""
        return self.is_usable and not self.has_input()

    def has_input(self) -> bool:
        """Tell whether something came, or the other side has closed, that the loop has not seen."""
        endpoint = None if self._transport is None else self._transport.get_extra_info("socket")
        return endpoint is not None and self._readiness.is_readable(endpoint)

    @property
    def is_lost(self) -> bool:
        """Whether nothing is left to be closed."""
        return self._is_closed

    async def greet(self) -> None:
        """Make the TLS handshake, on a connection that has TLS.

        Raises:
            SSLError: It failed, such as over a certificate that is not trusted.
            OSError: The connection broke.
        """
        if self._phase is _Phase.GREETING and not self._is_lost:
            self._open_what_came()  # says hello
        if self._phase is _Phase.GREETING and self._error is None:
            await self._waiting.wait(None)
        if self._phase is _Phase.GREETING:
            raise self._error or ConnectionError(CLOSED)

    async def exchange(self, message: bytes, timeout_s: float | None) -> Head:
        """Send a request, and wait for the head of the answer.

        Args:
            message: All of it.
            timeout_s: The longest wait, or None.

        Raises:
            LostBeforeAnswerError: No byte of an answer came.
            ReadTimeout: It took too long.
            ReadError: The connection broke.
            RemoteProtocolError: What came is no answer.
        """
        transport = cast("asyncio.Transport", self._transport)
        self._phase = _Phase.HEAD
        self._parser = AnswerParser()
        self._left = None
        self._early.clear()
        if not self._is_lost:
            self._send(message)
            transport.resume_reading()
            await self._waiting.wait(timeout_s)
        head = self._parser.head
        if head is None:
            raise self._error or LostBeforeAnswerError(CLOSED)
        return head

    async def receive_into(
        self, target: memoryview, *, patience_s: float | None, timeout_s: float | None = None
    ) -> int:
        """Take more of the body.

        Returns early when it is cancelled: what has come is in `target`, and the connection is
        not used again.

        Args:
            target: Filled from its beginning, until it is full or the body ends.
            patience_s: After this, fewer bytes will do; None waits until it is full.
            timeout_s: The longest wait for anything at all, or None.

        Returns:
            How many bytes came; zero when the body has ended.

        Raises:
            ReadError: The connection broke.
            RemoteProtocolError: It was closed within the body, or the body is wrongly framed.
            ReadTimeout: Nothing came for too long.
        """
        self._filled = self._early.take_into(target)
        if self._filled == len(target) or self._phase is _Phase.IDLE:
            return self._filled
        await self._fill(target, patience_s, timeout_s)
        if self._filled == 0 and self._phase is _Phase.BODY:
            raise self._error or httpx.ReadError("the connection was closed")
        return self._filled

    def close(self) -> None:
        """Close the connection: in good order if its answer is whole, or else at once."""
        if self._tls is not None and self._phase is _Phase.IDLE and not self._is_closed:
            self._tls.end()
            self._send(b"")
        self.abort()

    def abort(self) -> None:
        """Close the connection at once; may be called twice."""
        self._is_kept = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the interface has it
        """Say where the next bytes go: to who waits for them, if they can only be theirs."""
        return self._place() if self._tls is None else self._sealed

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes that came."""
        if self._tls is None:
            self._came(nbytes)
            return
        self._tls.take(self._sealed[:nbytes])
        self._open_what_came()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self._is_closed = True
        if exc is None and self._tls is not None and not self._tls.is_ended:
            exc = ConnectionError("the connection was cut")
        self._ended(exc)

    def _place(self) -> memoryview:
        if self._target is not None and self._left is not None:
            # No less than there is room for, so that bytes beyond the body are noticed.
            return self._target[self._filled :]
        return self._scratch

    def _came(self, nbytes: int) -> None:
        if self._phase is _Phase.IDLE:
            self.abort()
        elif self._phase is _Phase.HEAD:
            self._head_came(self._scratch[:nbytes])
        elif self._target is not None and self._left is not None:
            self._body_came(nbytes)
        else:
            self._body_came_early(bytes(self._scratch[:nbytes]))

    def _ended(self, exc: Exception | None) -> None:
        """Note the end, which is the end of the body where nothing else tells."""
        if self._is_lost:
            return
        self._is_lost = True
        head = self._parser.head
        ends_so = head is not None and head.length is None and not head.is_chunked
        if self._phase is _Phase.BODY and ends_so and exc is None:
            self._phase = _Phase.IDLE
        if self._error is None and self._phase is not _Phase.IDLE:
            self._error = self._loss(exc)
        self._waiting.wake()

    def _open_what_came(self) -> None:
        """Decrypt as long as somebody wants it; the rest stays sealed."""
        tls = cast("TlsLayer", self._tls)
        try:
            if self._phase is _Phase.GREETING and tls.greet():
                self._phase = _Phase.IDLE
                self._waiting.wake()
            while self._phase is not _Phase.GREETING and self._wants_more():
                count = tls.open_into(self._place())
                if count:
                    self._came(count)
                if tls.is_ended:
                    self._ended(None)
                    self.close()
                if not count:
                    break
        except ssl.SSLError as error:
            is_greeting = self._phase is _Phase.GREETING
            self._send(b"")  # an alert tells the other side why
            self._fail(error if is_greeting else httpx.ReadError(str(error)))
        else:
            self._send(b"")

    def _wants_more(self) -> bool:
        is_held_back = self._phase is _Phase.BODY and self._target is None
        return not (is_held_back or self._is_lost or self._error is not None)

    def _send(self, data: bytes) -> None:
        """Send data, and what TLS has to say."""
        if self._tls is not None:
            if data:
                self._tls.seal(data)
            data = self._tls.to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _loss(self, exc: Exception | None) -> Exception:
        if self._phase is _Phase.GREETING:
            return exc or ConnectionError(CLOSED)
        if self._phase is _Phase.HEAD and not self._parser.has_begun:
            return LostBeforeAnswerError(str(exc) if exc else CLOSED)
        if exc is not None:
            return httpx.ReadError(str(exc))
        place = "head" if self._phase is _Phase.HEAD else "body"
        return httpx.RemoteProtocolError(f"the connection was closed within the {place}")

    # How bytes are taken.

    def _head_came(self, data: memoryview) -> None:
        try:
            rest = self._parser.feed_head(data)
        except httpx.RemoteProtocolError as error:
            self._fail(error)
            return
        head = self._parser.head
        if rest is None or head is None:
            return
        self._phase, self._left, self._is_kept = _Phase.BODY, head.length, head.is_kept
        self._body_came_early(rest)
        if self._phase is _Phase.BODY:
            self._pause()
        self._waiting.wake()

    def _body_came(self, nbytes: int) -> None:
        """Count bytes that are where they belong."""
        left, target = cast("int", self._left), cast("memoryview", self._target)
        self._filled += min(nbytes, left)
        self._left = left - min(nbytes, left)
        if nbytes >= left:
            self._end(has_more=nbytes > left)
        elif self._filled == len(target) or self._is_impatient:
            self._target = None
            self._pause()
            self._waiting.wake()

    def _body_came_early(self, data: bytes) -> None:
        """Keep bytes until they are asked for."""
        if self._left is not None:
            kept = data[: self._left]
            self._left -= len(kept)
            self._early.put([kept])
            if self._left == 0:
                self._end(has_more=len(data) > len(kept))
            return
        try:
            self._early.put(self._parser.feed_body(data))
        except httpx.RemoteProtocolError as error:
            self._fail(error)
            return
        if self._parser.is_whole:
            self._end(has_more=self._parser.has_more)
        elif self._early and self._target is not None:
            self._filled += self._early.take_into(self._target[self._filled :])
            if self._early or self._is_impatient or self._filled == len(self._target):
                self._target = None
                self._pause()
                self._waiting.wake()

    def _end(self, *, has_more: bool) -> None:
        """Note that the answer is whole."""
        if self._target is not None:
            self._filled += self._early.take_into(self._target[self._filled :])
        self._target = None
        self._phase = _Phase.IDLE
        if has_more:
            self.abort()
        self._waiting.wake()

    def _fail(self, error: Exception) -> None:
        self._error = error
        self.abort()
        self._waiting.wake()

    # How a task waits.

    async def _fill(
        self, target: memoryview, patience_s: float | None, timeout_s: float | None
    ) -> None:
        transport = cast("asyncio.Transport", self._transport)
        self._target = target
        self._is_impatient = False
        timer = None
        try:
            if self._tls is not None:
                self._open_what_came()
            if self._is_lost or self._error is not None or self._target is None:
                return
            transport.resume_reading()
            if patience_s is not None:
                timer = self._loop.call_later(patience_s, self._lose_patience)
            await self._waiting.wait(timeout_s)
        finally:
            self._target = None
            if timer is not None:
                timer.cancel()

    def _lose_patience(self) -> None:
        self._is_impatient = True
        if self._filled:
            self._target = None
            self._pause()
            self._waiting.wake()

    def _pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()
