"""TLS over bytes that somebody else carries.

asyncio has such a layer too. It takes half as long again for each byte: it moves them through one
more buffer, and does its bookkeeping for each record.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import cast


class TlsLayer:
    """One side of a TLS connection: bytes in, bytes out, no socket.

    Attributes:
        is_ended: Whether the other side has said that nothing more will come (RFC 8446 section
            6.1). A connection that ends without it may have been cut.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """Prepare; `host` is who the certificate has to be made out for."""
        self.is_ended = False
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def greet(self) -> bool:
        """Go on with the handshake, and tell whether it is over.

        Raises:
            SSLError: It failed.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def take(self, sealed: memoryview) -> None:
        """Take bytes that came."""
        self._incoming.write(sealed)

    def seal(self, data: bytes) -> None:
        """Put data among the bytes that are to be sent."""
        self._tls.write(data)

    def end(self) -> None:
        """Say that nothing more will come, if that can still be said."""
        with suppress(ssl.SSLError):  # the other side need not answer
            self._tls.unwrap()

    def to_send(self) -> bytes:
        """Return the bytes that are to be sent now: of data, of the handshake, of an alert."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def open_into(self, target: memoryview) -> int:
        """Decrypt what came, until `target` is full or nothing is left; return how much it is.

        Raises:
            SSLError: What came is not right.
        """
        # typeshed knows `read` with a buffer by what it returns without one.
        read = cast("Callable[[int, memoryview], int]", self._tls.read)
        filled, room = 0, len(target)
        try:
            while filled < room:
                count = read(room - filled, target[filled:])
                if count == 0:
                    self.is_ended = True
                    break
                filled += count
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_ended = True
        return filled
