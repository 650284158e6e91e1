"""A server on a socket of this machine, for tests that look at bytes."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

ROUNDS = 20
"""Rounds of the event loop in which the end of a connection is noticed."""


class SocketServer(ABC):
    """Listens while its context is open; what it says is up to the class below it.

    Leaving the context ends what is left of each connection: no socket outlives its test.
    """

    _server: asyncio.Server
    _connections: dict[asyncio.Task[None], asyncio.StreamWriter]
    _context: ssl.SSLContext | None = None
    """Set it for TLS."""

    async def __aenter__(self) -> Self:
        self._connections = {}
        self._server = await self._listen()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for _ in range(ROUNDS):  # those that clients have left end by themselves
            await asyncio.sleep(0)
        while self._connections:
            for serving, writer in self._connections.items():
                writer.transport.abort()
                serving.cancel()
            await asyncio.wait(self._connections)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._serve_to_end(reader, writer))
        self._connections[serving] = writer
        serving.add_done_callback(self._connections.pop)

    async def _serve_to_end(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await self.serve(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
