"""A connected socket that no event loop looks at, with TLS or without.

Rules:
    * It is used by one thread at a time: by the event loop's until it is made, and while it is
      idle; by a reactor's while an answer is received.
    * Nothing here waits, but for the handshake.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from .readiness import Readiness
from .scratch import Scratch
from .tls_layer import TlsLayer

GREETING_BYTES = 16 * 1024
UNASKED = "something came while nothing was asked for, or the connection was closed"
CLOSED = "the connection was closed without an answer"


class Channel:
    """One connection; whoever has it closes it, or gives it back to its pool.

    Attributes:
        has_ended: Whether the other side has said that nothing more will come.
        is_kept: Whether another request may be sent when the answer is whole.
    """

    def __init__(self, endpoint: socket.socket, tls: TlsLayer | None = None) -> None:
        """Take over a socket that is connected."""
        endpoint.settimeout(0)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.has_ended = False
        self.is_kept = True
        self._endpoint = endpoint
        self._tls = tls
        self._unsent = memoryview(b"")
        self._is_fresh = True
        self._readiness = Readiness()
        self._is_closed = False

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent, as far as is known without looking."""
        return self.is_kept and not self._is_closed

    @property
    def is_lost(self) -> bool:
        """Whether nothing is left to be closed."""
        return self._is_closed

    @property
    def is_sealed(self) -> bool:
        """Whether what comes is decrypted here: more may be here than the socket tells."""
        return self._tls is not None

    @property
    def is_sending(self) -> bool:
        """Whether a part of what was sent last has not gone yet."""
        return bool(self._unsent)

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._endpoint.fileno()

    def looks_usable(self) -> bool:
        """Tell whether another request may be sent, as far as is known: `send` looks."""
        return self.is_usable

    async def greet(self) -> None:
        """Make the TLS handshake, if there is TLS; a cancelled one leaves a channel to be closed.

        Raises:
            SSLError: It failed, such as over a certificate that is not trusted.
            OSError: The connection broke.
        """
        if self._tls is None:
            return
        loop, room = asyncio.get_running_loop(), memoryview(bytearray(GREETING_BYTES))
        is_over = False
        while not is_over:
            try:
                is_over = self._tls.greet()
            finally:  # also an alert, which tells the other side why
                await loop.sock_sendall(self._endpoint, self._tls.to_send())
            if not is_over:
                count = await loop.sock_recv_into(self._endpoint, room)
                if count == 0:
                    raise ConnectionError(CLOSED)
                self._tls.take(room[:count])

    def send(self, data: bytes) -> bool:
        """Send data, and tell whether all of it has gone; `flush` sends the rest.

        Raises:
            OSError: The connection broke, or something came that nobody has asked for.
        """
        if not self._is_fresh and self._readiness.is_readable(self._endpoint):
            raise ConnectionResetError(UNASKED)
        self._is_fresh = False
        if self._tls is not None:
            self._tls.seal(data)
            data = self._tls.to_send()
        self._unsent = memoryview(data)
        return self.flush()

    def flush(self) -> bool:
        """Send what is left of it; as `send` does."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._endpoint.send(self._unsent) :]
        except BlockingIOError:
            return False
        return True

    def load(self, scratch: Scratch) -> None:
        """Take what came from the socket, where it has to be decrypted before it is received.

        Raises:
            OSError: The connection broke.
        """
        if self._tls is None:
            return
        try:
            count = self._endpoint.recv_into(scratch.sealed)
        except BlockingIOError:
            return
        if count == 0:
            message = "the connection was cut"  # an end in good order is said within TLS
            raise ConnectionError(message)
        self._tls.take(scratch.sealed[:count])

    def receive_into(self, room: memoryview) -> int:
        """Return how many bytes there were: fewer than there is room for if no more are here.

        Raises:
            SSLError: What came is not right.
            OSError: The connection broke.
        """
        if self._tls is None:
            try:
                count = self._endpoint.recv_into(room)
            except BlockingIOError:
                return 0
            self.has_ended = count == 0
            return count
        count = self._tls.open_into(room)
        self.has_ended = self._tls.is_ended
        if answer := self._tls.to_send():  # such as to a change of keys
            self._unsent = memoryview(bytes(self._unsent) + answer)
            with suppress(OSError):  # what it would tell is told by the next reading
                self.flush()
        return count

    def close(self) -> None:
        """Close the connection: in good order if its answer is whole; may be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._tls is not None and self.is_kept:
            self._tls.end()
            with suppress(OSError):
                self._endpoint.send(self._tls.to_send())
        self._endpoint.close()
