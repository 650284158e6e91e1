"""One HTTP/1.1 connection of an event loop, for answers that are taken whole.

Rules:
    * One task uses it at a time: it sends a request, and waits for the answer.
    * What comes when nothing was asked for, or beyond an answer, belongs to no request: such a
      connection is not used again.
    * A connection whose answer did not come whole is not used again.
"""

from __future__ import annotations

import asyncio
import ssl
from enum import Enum, auto
from typing import cast

import httpx
from pydantic import SecretBytes

from .deadlines import Deadlines
from .readiness import Readiness
from .scratch import Scratch
from .tls_layer import TlsLayer
from .waiting import Waiting
from .whole import AnswerReader, WholeAnswer

CLOSED = "the connection was closed without an answer"


class LostBeforeAnswerError(httpx.RemoteProtocolError):
    """The connection was lost before a byte of the answer came."""


class _Phase(Enum):
    GREETING = auto()
    IDLE = auto()
    ASKED = auto()


class Connection(asyncio.BufferedProtocol):
    """A connection that is there; `pool.Pool` makes and keeps them."""

    def __init__(self, scratch: Scratch, deadlines: Deadlines, tls: TlsLayer | None) -> None:
        """Take what all connections of a loop share.

        Args:
            scratch: What comes is put there. That is safe: the event loop asks where to put bytes,
                puts them there, and says so, without doing anything else in between.
            deadlines: End waits that are too long.
            tls: For TLS, or None.
        """
        self._scratch = scratch.plain
        self._room = scratch.plain if tls is None else scratch.sealed
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._readiness = Readiness()
        self._phase = _Phase.IDLE if tls is None else _Phase.GREETING
        self._is_kept = True
        self._is_lost = False  # nothing more will come
        self._is_closed = False  # and the event loop has let go of it
        self._error: Exception | None = None
        self._reader = AnswerReader()
        self._waiting = Waiting(deadlines)

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

    async def ask(
        self,
        message: SecretBytes,
        *,
        most_bytes: int,
        ends_at: float | None,
        is_raw: bool = False,
    ) -> WholeAnswer:
        """Send a request, and wait for the answer.

        Args:
            message: All of it; it holds the key.
            most_bytes: The body of the answer has no more.
            ends_at: How long to wait, on the clock of the event loop; None sets no limit.
            is_raw: Whether the body is left as it comes, whatever its content coding.

        Raises:
            LostBeforeAnswerError: No byte of an answer came.
            TimeoutError: It was not whole in time.
            TooLongError: It is longer than it may be.
            DecodingError: Its content coding is not accepted, or broken.
            ReadError: The connection broke.
            RemoteProtocolError: What came is no answer, or not all of one.
        """
        self._phase = _Phase.ASKED
        self._reader.begin(most_bytes, is_raw=is_raw)
        if not self._is_lost:
            self._send(message.get_secret_value())
            await self._waiting.wait(ends_at)
        if self._phase is not _Phase.IDLE:
            raise self._error or LostBeforeAnswerError(CLOSED)
        return self._reader.answer()

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
        """Say where the next bytes go."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes that came."""
        if self._tls is None:
            self._came(nbytes)
            return
        self._tls.take(self._room[:nbytes])
        self._open_what_came()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self._is_closed = True
        if exc is None and self._tls is not None and not self._tls.is_ended:
            exc = ConnectionError("the connection was cut")
        self._ended(exc)

    def _came(self, count: int) -> None:
        if self._phase is _Phase.IDLE:
            self.abort()
            return
        try:
            is_whole = self._reader.feed(self._scratch[:count])
        except (httpx.RemoteProtocolError, httpx.DecodingError) as error:
            self._fail(error)
            return
        if is_whole:
            self._phase = _Phase.IDLE
            self._is_kept = self._reader.is_kept
            self._waiting.wake()

    def _ended(self, exc: Exception | None) -> None:
        """Note the end, which is the end of the body where nothing else tells."""
        if self._is_lost:
            return
        self._is_lost = True
        if self._error is None:
            if self._phase is _Phase.ASKED and exc is None and self._reader.ends_so():
                self._phase = _Phase.IDLE
            if self._phase is not _Phase.IDLE:
                self._error = self._loss(exc)
        self._waiting.wake()

    def _open_what_came(self) -> None:
        """Decrypt what came."""
        tls = cast("TlsLayer", self._tls)
        try:
            if self._phase is _Phase.GREETING and tls.greet():
                self._phase = _Phase.IDLE
                self._waiting.wake()
            while self._phase is not _Phase.GREETING and not self._is_over:
                count = tls.open_into(self._scratch)
                if count:
                    self._came(count)
                if tls.is_ended:
                    self._ended(None)
                    self.close()
                if count < len(self._scratch):  # nothing is left
                    break
        except ssl.SSLError as error:
            is_greeting = self._phase is _Phase.GREETING
            self._send(b"")  # an alert tells the other side why
            self._fail(error if is_greeting else httpx.ReadError(str(error)))
        else:
            self._send(b"")

    @property
    def _is_over(self) -> bool:
        return self._is_lost or self._error is not None

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
        if not self._reader.has_begun:
            return LostBeforeAnswerError(str(exc) if exc else CLOSED)
        if exc is not None:
            return httpx.ReadError(str(exc))
        return httpx.RemoteProtocolError(
            f"the connection was closed within the {self._reader.is_within}"
        )

    def _fail(self, error: Exception) -> None:
        self._error = error
        self.abort()
        self._waiting.wake()
