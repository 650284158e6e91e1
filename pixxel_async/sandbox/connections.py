"""The sandbox's connections: served by uvicorn, and broken by faults."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from contextlib import suppress
from typing import Any, cast

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_LINGER_OFF = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
"""Closing sends RST instead of FIN."""


class Connections:
    """All open connections of a sandbox, by the client's address."""

    def __init__(self) -> None:
        """Start without connections."""
        self._transports: dict[Any, asyncio.Transport] = {}

    def opened(self, transport: asyncio.Transport) -> None:
        """Add a new connection."""
        self._transports[_peer(transport)] = transport

    def closed(self, transport: asyncio.Transport) -> None:
        """Remove a closed connection."""
        self._transports.pop(_peer(transport), None)

    def of(self, scope: Scope) -> asyncio.Transport:
        """Return the connection of a request.

        Raises:
            ClientDisconnect: It is closed.
        """
        transport = self._transports.get(tuple(scope["client"]))
        if transport is None:
            raise ClientDisconnect
        return transport

    async def reset(self, scope: Scope, receive: Receive) -> None:
        """Reset the connection of a request at once (RST)."""
        transport = self.of(scope)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
        transport.abort()
        await wait_for_disconnect(receive)

    async def close(self, scope: Scope, receive: Receive) -> None:
        """Close the connection of a request once everything is sent (FIN)."""
        self.of(scope).close()
        await wait_for_disconnect(receive)


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client of a request has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


def ignore_disconnects(app: ASGIApp) -> ASGIApp:
    """Wrap an application so that a disconnect is not an error and does not end the sandbox.

    uvicorn would log a traceback for both.
    """

    async def quiet(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError, ClientDisconnect):
            await app(scope, receive, send)

    return quiet


class Port:
    """One listening port."""

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        """Prepare to serve an application."""
        self._config = Config(
            ignore_disconnects(app), lifespan="off", log_config=None, access_log=False
        )
        self._state = ServerState()
        self._connections = connections
        self._server: asyncio.Server

    async def open(self, host: str, port: int) -> int:
        """Listen on `port`, or on a free one for 0; return its number.

        Raises:
            OSError: The port is taken.
        """
        self._config.load()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, host, port, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, abort all connections, and wait for their tasks."""
        self._server.close()
        for protocol in list(self._state.connections):
            cast("Protocol", protocol).transport.abort()
        await asyncio.sleep(0)  # their tasks notice that they are closed
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _protocol(self) -> Protocol:
        return Protocol(self._config, self._state, self._connections)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which registers its transport by the client's address."""

    def __init__(self, config: Config, state: ServerState, connections: Connections) -> None:
        """Serve one connection."""
        super().__init__(config=config, server_state=state, app_state={})
        self._connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the class above
        """Register the transport."""
        self._connections.opened(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the transport."""
        self._connections.closed(self.transport)
        super().connection_lost(exc)


def _peer(transport: asyncio.Transport) -> tuple[str, int]:
    """Return the client's address; a client that has disconnected has none."""
    host, port, *_ = transport.get_extra_info("peername") or ("", 0)
    return str(host), int(port)
