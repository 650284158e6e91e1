"""A server on a socket of this machine, for tests that look at bytes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

ROUNDS = 20
"""Rounds of the event loop in which the end of a connection is noticed."""


class SocketServer(ABC):
    """Listens while its context is open; what it says is up to the class below it."""

    _server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for _ in range(ROUNDS):  # Python 3.11 does not wait for connections that clients have left
            await asyncio.sleep(0)
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
