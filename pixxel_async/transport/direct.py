"""Requests that go to their host without a proxy, and whose answers are taken whole.

Calls of the service are sent by `ask`, past everything that httpx would make of them. For others
it stands where `httpx.AsyncHTTPTransport` would. The cost of a request does not grow with the
number of those in flight.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpx
from pydantic import SecretBytes

from .connection import Connection, LostBeforeAnswerError
from .deadlines import Deadlines
from .heads import request_head
from .pool import PORTS, Origin, Pool, Trace
from .scratch import Scratch
from .tls_layer import TlsLayer
from .whole import WholeAnswer

MAX_ANSWER_BYTES = 16 * 1024**2
"""What comes for a request of httpx has no more; who sends by `ask` says it."""
SENT_AGAIN = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Sending these twice does what sending them once does (RFC 9110 section 9.2.2).

Others get a connection of their own. A server may close an idle one at any moment, and a request
that crosses that on its way is lost without a sign whether it was carried out. No look at the
socket, however late, closes that gap. Later requests may use the connection again.
"""


class DirectTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over connections of its own; belongs to one event loop."""

    def __init__(self, context: ssl.SSLContext, *, keep_alive: int) -> None:
        """Prepare; no connection is made.

        Args:
            context: Which certificates are trusted.
            keep_alive: How many idle connections are kept.
        """
        self._scratch = Scratch()
        self._deadlines = Deadlines()
        self._pool = Pool(self._attach, context, keep_alive=keep_alive)

    async def ask(  # noqa: PLR0913 - what a request is, and how long it may take
        self,
        origin: Origin,
        message: SecretBytes,
        *,
        method: str,
        most_bytes: int,
        ends_at: float | None = None,
        connect_s: float | None = None,
        trace: Trace | None = None,
        is_raw: bool = False,
    ) -> WholeAnswer:
        """Send a request, and return its answer when that is whole.

        If an idle connection turns out to be dead, a request that changes nothing when it is sent
        twice is sent again, once and over a new connection. A cancelled one closes its connection.

        Args:
            origin: Where to.
            message: All of it. It holds the key, so it is shown by no tool that shows variables.
            method: Its method.
            most_bytes: The body of the answer has no more.
            ends_at: How long all of it may take, on the clock of the event loop.
            connect_s: How long connecting may take of that.
            trace: Told how far a new connection has come; see `Pool.connect`.
            is_raw: Whether the body is left as it comes, whatever its content coding.

        Raises:
            TimeoutError: `ends_at` was reached.
            TooLongError: The answer is longer than it may be.
            DecodingError: Its content coding is not accepted, or broken.
            TransportError: No answer came.
        """
        may_be_idle = True
        while True:
            takes_idle = may_be_idle and method in SENT_AGAIN
            connection = self._pool.take(origin) if takes_idle else None
            is_fresh = connection is None
            if connection is None:
                async with asyncio.timeout_at(ends_at):
                    connection = await self._pool.connect(origin, connect_s, trace)
            try:
                answer = await connection.ask(
                    message, most_bytes=most_bytes, ends_at=ends_at, is_raw=is_raw
                )
            except BaseException as error:
                self._pool.drop(connection)
                is_stale = isinstance(error, LostBeforeAnswerError) and not is_fresh
                if is_stale and method in SENT_AGAIN:
                    may_be_idle = False
                    continue
                raise
            self._pool.give_back(origin, connection)
            return answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request of httpx; of its timeouts, that for connecting is kept.

        Raises:
            UnsupportedProtocol: The URL is no http URL.
            LocalProtocolError: The request cannot be sent as it is.
            TransportError: No answer came.
        """
        target = request.extensions.get("target") or request.url.raw_path
        method = request.method.encode("ascii")
        answer = await self.ask(
            origin_of(request.url),
            SecretBytes(request_head(method, target, request.headers.raw) + await request.aread()),
            method=request.method,
            most_bytes=MAX_ANSWER_BYTES,
            connect_s=request.extensions.get("timeout", {}).get("connect"),
            trace=request.extensions.get("trace"),
            is_raw=True,
        )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=httpx.ByteStream(answer.body),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def _attach(self, endpoint: socket.socket, tls: TlsLayer | None) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self._scratch, self._deadlines, tls), sock=endpoint
        )
        return connection

    def drop_idle(self) -> None:
        """Close all idle connections, since each holds a descriptor."""
        self._pool.drop_idle()

    async def aclose(self) -> None:
        """Close all idle connections."""
        await self._pool.aclose()


def origin_of(url: httpx.URL) -> Origin:
    """Return where a URL leads to.

    Raises:
        UnsupportedProtocol: It is no http URL.
    """
    if url.scheme not in PORTS:
        message = f"{url.scheme} is no protocol that is spoken here"
        raise httpx.UnsupportedProtocol(message)
    return Origin(
        is_tls=url.scheme == "https",
        host=url.raw_host.decode("ascii"),
        port=url.port or PORTS[url.scheme],
    )
