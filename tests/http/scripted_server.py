"""A server that answers byte for byte as a test says, in plain or over TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Sequence
from enum import Enum, auto
from typing import Self, TypeAlias

from pixxel_async.http.engines import Engine

from ..socket_server import SocketServer


class End(Enum):
    """How a connection ends.

    Attributes:
        CLOSE: In good order.
        CUT: By the system alone: over TLS, nothing says that nothing more will come.
        RESET: Unread bytes and all.
    """

    CLOSE = auto()
    CUT = auto()
    RESET = auto()


Answer: TypeAlias = Sequence[bytes | End | asyncio.Event]
"""The pieces of an answer; each is sent by itself. An event is waited for."""

CLOSE, CUT, RESET = End.CLOSE, End.CUT, End.RESET
OK = b"HTTP/1.1 200 OK\r\n"
BODY = b"PK\x03\x04" + bytes(range(256)) * 3
LONG = OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = (
    OK
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"%x;name=value\r\n%b\r\n" % (7, BODY[n : n + 7]) for n in range(0, 700, 7))
    + b"%x\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (len(BODY) - 700, BODY[700:])
)
UNTIL_CLOSE = OK + b"\r\n" + BODY


class Way:
    """How servers and clients of a test speak with each other; the fixture `way` sets it."""

    server: ssl.SSLContext | None = None
    ca_file: str | None = None
    engine = Engine.LIBCURL


class Scripted(SocketServer):
    """A server that speaks as the test's way says."""

    async def __aenter__(self) -> Self:
        self._context = Way.server
        return await super().__aenter__()

    @property
    def url(self) -> str:
        scheme = "https" if Way.server else "http"
        return f"{scheme}://127.0.0.1:{self.port}"


class Server(Scripted):
    """Answers the requests of each connection with the next answers, which all of them share.

    Attributes:
        heads: The requests, in order.
        connections: How many there were.
        asked: Set when there has been a request.
        ended: Set when a client has closed a connection.
        endings: How often that was.
    """

    def __init__(self, *answers: Answer) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()
        self.endings = 0
        self._answers = list(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                self.asked.set()
                for piece in self._answers.pop(0):
                    if isinstance(piece, End):
                        end(writer, piece)
                        return
                    if isinstance(piece, asyncio.Event):
                        await piece.wait()
                        continue
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.endings += 1
            self.ended.set()
        finally:
            writer.close()


class Endless(Scripted):
    """Sends a body without an end, as fast as it is taken.

    Attributes:
        sent: Bytes of it.
    """

    sent = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 100000000000\r\n\r\n")
        try:
            while not writer.is_closing():  # over TLS, a lost connection raises nothing
                writer.write(bytes(65536))
                await writer.drain()
                self.sent += 65536
                await asyncio.sleep(0)  # or the loop would never hear that it is lost
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def is_stuck(self) -> None:
        """Return when the sockets between it and its client are full."""
        seen = -1
        while self.sent != seen:
            seen = self.sent
            for _ in range(100):
                await asyncio.sleep(0)


def end(writer: asyncio.StreamWriter, how: End) -> None:
    """End a connection; what was written has gone, since it was little."""
    if how is End.CLOSE:
        writer.close()  # says so over TLS, and would wait for the other side to say it too
    if how is End.RESET:
        endpoint = writer.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def in_bytes(answer: bytes) -> Answer:
    """Send an answer byte by byte."""
    return [answer[at : at + 1] for at in range(len(answer))]


def cut(answer: bytes, at: int) -> Answer:
    """Send an answer in two pieces."""
    return [answer[:at], answer[at:]]
