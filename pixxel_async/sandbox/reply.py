"""A response of the storage as data, and its sender."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, TypeAlias

from starlette.types import Receive, Scope, Send

from .connections import Connections, wait_for_disconnect

Ending: TypeAlias = Literal["complete", "close", "reset", "stall", "drip"]
Bytes: TypeAlias = bytes | memoryview

DRIP_S = 0.05
"""The pause between two bytes of a body that drips, in seconds."""

SLOW_PIECE = 32 * 1024
"""The bytes sent at once where the rate is limited."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A response.

    Attributes:
        status: The HTTP status.
        headers: Names in lower case, without Content-Length.
        body: Its pieces.
        length: Content-Length; None for a chunked body.
        is_framed: False for a body without a length that ends with its connection.
        stop_at: The bytes after which `ending` ends the body; None for all.
        ending: How the body ends.
        excess: Bytes sent after the end of the body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Sequence[Bytes] = ()
    length: int | None = 0
    is_framed: bool = True
    stop_at: int | None = None
    ending: Ending = "complete"
    excess: bytes = b""

    @classmethod
    def of(cls, status: int, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Return a response with a short body."""
        return cls(status=status, headers=headers, body=(body,), length=len(body))


class Sender:
    """Sends replies.

    Attributes:
        body_bytes: The bytes of all bodies so far.
    """

    def __init__(self, connections: Connections, bytes_per_s: float | None) -> None:
        """Limit each transfer to a rate; None for no limit."""
        self._connections = connections
        self._bytes_per_s = bytes_per_s
        self.body_bytes = 0

    async def send(self, reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a response and end it as `ending` says."""
        headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        if reply.length is not None:
            headers.append((b"content-length", str(reply.length).encode()))
        if not reply.is_framed:
            await self._send_unframed(reply, headers, scope, receive)
            return
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        for piece in self._pieces(reply):
            self._connections.of(scope)  # raises if the client has disconnected
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self.body_bytes += len(piece)
            if self._bytes_per_s is not None and not reply.excess:
                await asyncio.sleep(len(piece) / self._bytes_per_s)
        await self._end(reply, scope, receive, send)

    async def _end(self, reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
        match reply.ending:
            case "complete":
                if reply.excess:
                    self._connections.of(scope).write(reply.excess)
                await send({"type": "http.response.body"})
            case "close":
                await self._connections.close(scope, receive)
            case "reset":
                await self._connections.reset(scope, receive)
            case "stall":
                await wait_for_disconnect(receive)
            case "drip":
                await _drip(_after(reply.body, reply.stop_at or 0), receive, send)

    async def _send_unframed(
        self, reply: Reply, headers: list[tuple[bytes, bytes]], scope: Scope, receive: Receive
    ) -> None:
        """Send a body that ends with its connection, which uvicorn does not know of."""
        transport = self._connections.of(scope)
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        transport.write(b"\r\n".join([*lines, b"connection: close", b"", b""]))
        for piece in self._pieces(reply):
            self._connections.of(scope).write(piece)
            self.body_bytes += len(piece)
            await asyncio.sleep(len(piece) / self._bytes_per_s if self._bytes_per_s else 0)
        await self._connections.close(scope, receive)

    def _pieces(self, reply: Reply) -> Iterator[Bytes]:
        left = reply.stop_at
        for piece in reply.body:
            part = piece if left is None else piece[:left]
            if left is not None:
                left -= len(part)
            if self._bytes_per_s is None:
                yield part
            else:
                yield from (part[at : at + SLOW_PIECE] for at in range(0, len(part), SLOW_PIECE))
            if left == 0:
                return


def _after(body: Sequence[Bytes], count: int) -> Iterator[Bytes]:
    """Yield single bytes, from the one after the first `count`."""
    for piece in body:
        yield from (piece[at : at + 1] for at in range(min(count, len(piece)), len(piece)))
        count = max(0, count - len(piece))


async def _drip(rest: Iterator[Bytes], receive: Receive, send: Send) -> None:
    disconnect = asyncio.ensure_future(wait_for_disconnect(receive))
    try:
        for byte in rest:
            if (await asyncio.wait({disconnect}, timeout=DRIP_S))[0]:
                return
            await send({"type": "http.response.body", "body": byte, "more_body": True})
        await send({"type": "http.response.body"})
    finally:
        disconnect.cancel()
