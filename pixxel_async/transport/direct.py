"""The transport for requests that go to their host without a proxy.

It stands where `httpx.AsyncHTTPTransport` would, and answers as that does. What is different: the
bodies of its answers can be received into the caller's own memory (`Body.receive_into`), and the
cost of a request does not grow with the number of those in flight.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import httpx

from .connection import Connection, LostBeforeAnswerError
from .heads import request_head
from .pool import PORTS, Origin, Pool
from .scratch import Scratch
from .tls_layer import TlsLayer

PIECE_BYTES = 64 * 1024
SENT_AGAIN = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Sending these twice does what sending them once does (RFC 9110 section 9.2.2)."""


class DirectTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over connections of its own; belongs to one event loop."""

    def __init__(self, context: ssl.SSLContext, *, keep_alive: int) -> None:
        """Prepare; no connection is made.

        Args:
            context: Which certificates are trusted.
            keep_alive: How many idle connections are kept.
        """
        self._scratch = Scratch()
        self._pool = Pool(self._attach, context, keep_alive=keep_alive)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return as soon as the head of the answer is there.

        A request that changes nothing when it is sent twice is sent again if a connection that was
        idle turns out to be dead. A cancelled one closes its connection.

        Raises:
            UnsupportedProtocol: The URL is no http URL.
            LocalProtocolError: The request cannot be sent as it is.
            TransportError: No answer came.
        """
        url = request.url
        if url.scheme not in PORTS:
            message = f"{url.scheme} is no protocol that is spoken here"
            raise httpx.UnsupportedProtocol(message)
        target = request.extensions.get("target") or url.raw_path
        head = request_head(request.method.encode("ascii"), target, request.headers.raw)
        message_bytes = head + await request.aread()
        origin = Origin(
            is_tls=url.scheme == "https",
            host=url.raw_host.decode("ascii"),
            port=url.port or PORTS[url.scheme],
        )
        timeouts = request.extensions.get("timeout", {})
        while True:
            connection = self._pool.take(origin)
            is_fresh = connection is None
            if connection is None:
                connection = await self._pool.connect(
                    origin, timeouts.get("connect"), request.extensions.get("trace")
                )
            try:
                answer = await connection.exchange(message_bytes, timeouts.get("read"))
            except BaseException as error:
                self._pool.drop(connection)
                is_stale = isinstance(error, LostBeforeAnswerError) and not is_fresh
                if is_stale and request.method in SENT_AGAIN:
                    continue
                raise
            body = Body(self._pool, origin, connection, timeouts.get("read"))
            return httpx.Response(
                answer.status,
                headers=answer.headers,
                stream=body,
                extensions={"http_version": b"HTTP/1.1"},
            )

    async def _attach(self, endpoint: socket.socket, tls: TlsLayer | None) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self._scratch, tls), sock=endpoint
        )
        return connection

    def drop_idle(self) -> None:
        """Close all idle connections, since each holds a descriptor."""
        self._pool.drop_idle()

    async def aclose(self) -> None:
        """Close all idle connections."""
        await self._pool.aclose()


class Body(httpx.AsyncByteStream):
    """The body of an answer; closing it gives its connection back."""

    def __init__(
        self,
        pool: Pool[Connection],
        origin: Origin,
        connection: Connection,
        read_timeout_s: float | None,
    ) -> None:
        """Take over a connection whose head has come."""
        self._pool = pool
        self._origin = origin
        self._connection: Connection | None = connection
        self._read_timeout_s = read_timeout_s

    async def receive_into(self, target: memoryview, *, patience_s: float | None = None) -> int:
        """Take more of the body; see `Connection.receive_into`."""
        if self._connection is None:
            raise httpx.StreamClosed
        return await self._connection.receive_into(
            target, patience_s=patience_s, timeout_s=self._read_timeout_s
        )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces, as they come."""
        room = memoryview(bytearray(PIECE_BYTES))
        while count := await self.receive_into(room, patience_s=0):
            yield bytes(room[:count])

    async def aclose(self) -> None:
        """Give the connection back, or close it if there is more to come; may be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(self._origin, connection)
