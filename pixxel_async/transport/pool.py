"""Connections that are there, for the next request to the same host.

Rules:
    * Finding one costs the same however many there are; the one that was used last is taken
      first, so those that are not needed grow old and are closed.
    * There is no bound on connections here: who sends requests holds it.
    * One that the other side has closed meanwhile is not given out.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import httpx
from aiohappyeyeballs import start_connection

from ..errors import StorageHostError
from ..sansio.address_policy import AddressPolicy, Scope, refused, scope_of_host
from .tls_layer import TlsLayer

IDLE_S = 5.0
"""How long a connection is kept without a request; many servers close theirs after 5 to 75 s."""
SWEEP_S = 1.0
"""How often those are looked for that have been idle for so long."""
SECOND_ADDRESS_S = 0.25
"""After this the next address of a host is tried beside the first (RFC 8305 section 5)."""
CLOSING_ROUNDS = 10
"""Rounds of the event loop in which aborted connections tell their end."""
PORTS = {"http": 80, "https": 443}

Trace: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[None]]


async def _untold(_name: str, _info: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection leads to."""

    is_tls: bool
    host: str
    port: int


class Pooled(Protocol):
    """A connection of either kind."""

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent, as far as is known without looking."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether nothing is left to be closed."""
        ...

    def looks_usable(self) -> bool:
        """Look whether another request may be sent, unless that is found out when one is."""
        ...

    async def greet(self) -> None:
        """Make the TLS handshake, if there is TLS."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Pooled)
Info = TypeVar("Info", bound=tuple[Any, ...])
"""What `getaddrinfo` says of an address; its last part begins with the address itself."""

Attach: TypeAlias = Callable[[socket.socket, TlsLayer | None], Awaitable[C]]
"""Makes a connection of a socket that is connected, and of TLS if there shall be any."""


class Pool(Generic[C]):
    """Makes and keeps connections."""

    def __init__(self, attach: Attach[C], context: ssl.SSLContext, *, keep_alive: int) -> None:
        """Make none yet.

        Args:
            attach: Makes a connection; the socket is closed if it fails.
            context: For https.
            keep_alive: How many idle connections are kept.
        """
        context.set_alpn_protocols(["http/1.1"])
        self._attach = attach
        self._context = context
        self._keep_alive = keep_alive
        self._idle: dict[Origin, OrderedDict[C, float]] = {}
        self._idle_count = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing: set[C] = set()

    def take(self, origin: Origin) -> C | None:
        """Return an idle connection, or None."""
        idle = self._idle.get(origin)
        while idle:
            connection, _ = idle.popitem()
            self._idle_count -= 1
            if connection.looks_usable():
                return connection
            self.drop(connection)
        return None

    async def connect(
        self,
        origin: Origin,
        timeout_s: float | None,
        trace: Trace | None = None,
        *,
        addresses: AddressPolicy | None = None,
    ) -> C:
        """Make a connection.

        Args:
            origin: Where to.
            timeout_s: The longest wait for all of it, or None.
            addresses: Which addresses may be connected to; None allows every one.
            trace: Told how far it has come, in httpcore's words: `connection.connect_tcp.started`
                and `.complete`, and the same of `start_tls`.

        Raises:
            ConnectTimeout: It took too long.
            ConnectError: It could not be made; its cause is the error of the system.
            StorageHostError: The host has no address that may be connected to.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connect(origin, trace or _untold, addresses)
        except TimeoutError as error:
            message = "" if timeout_s is None else f"{timeout_s:g} s"
            raise httpx.ConnectTimeout(message) from error
        except (OSError, ssl.CertificateError) as error:
            raise httpx.ConnectError(str(error)) from error

    async def _connect(self, origin: Origin, trace: Trace, policy: AddressPolicy | None) -> C:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        # Judged here, after the only look-up: a second one might be answered differently.
        addresses = _allowed(addresses, origin, policy)
        await trace("connection.connect_tcp.started", {})
        # That of asyncio (seen in 3.11) leaves a socket open when it is cancelled.
        endpoint = await start_connection(addresses, happy_eyeballs_delay=SECOND_ADDRESS_S)
        try:
            _check_peer(endpoint, origin, policy)
            tls = TlsLayer(self._context, origin.host) if origin.is_tls else None
            connection = await self._attach(endpoint, tls)
        except BaseException:
            endpoint.close()
            raise
        try:
            await trace("connection.connect_tcp.complete", {})
            if tls is not None:
                await trace("connection.start_tls.started", {})
                await connection.greet()
                await trace("connection.start_tls.complete", {})
        except BaseException:
            self.drop(connection)
            raise
        return connection

    def give_back(self, origin: Origin, connection: C) -> None:
        """Keep a connection whose answer is whole, if it may be used again."""
        if not connection.is_usable or self._keep_alive == 0:
            self.drop(connection)
            return
        if self._idle_count >= self._keep_alive:
            self._drop_any()
        loop = asyncio.get_running_loop()
        self._idle.setdefault(origin, OrderedDict())[connection] = loop.time()
        self._idle_count += 1
        if self._sweeping is None:
            self._sweeping = loop.call_later(SWEEP_S, self._sweep)

    def drop(self, connection: C) -> None:
        """Close a connection at once."""
        self._closing = {each for each in self._closing if not each.is_lost}
        if not connection.is_lost:
            self._closing.add(connection)
            connection.close()

    def drop_idle(self) -> None:
        """Close those that are idle."""
        while self._idle_count:
            self._drop_any()

    async def aclose(self) -> None:
        """Close those that are idle, and wait until the event loop has let go of them."""
        self.drop_idle()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for _ in range(CLOSING_ROUNDS):
            if all(connection.is_lost for connection in self._closing):
                break
            await asyncio.sleep(0)
        self._closing.clear()

    def _sweep(self) -> None:
        """Drop those that have been idle for long; one timer serves all of them."""
        loop = asyncio.get_running_loop()
        old = loop.time() - IDLE_S
        for idle in self._idle.values():
            while idle and next(iter(idle.values())) <= old:
                self._drop_oldest(idle)
        self._sweeping = loop.call_later(SWEEP_S, self._sweep) if self._idle_count else None

    def _drop_oldest(self, idle: OrderedDict[C, float]) -> None:
        connection, _ = idle.popitem(last=False)
        self._idle_count -= 1
        self.drop(connection)

    def _drop_any(self) -> None:
        """Drop an idle connection: of some host, the one that was used longest ago."""
        self._drop_oldest(next(idle for idle in self._idle.values() if idle))


def _allowed(found: Sequence[Info], origin: Origin, policy: AddressPolicy | None) -> list[Info]:
    """Return the addresses of a host that may be connected to.

    Raises:
        StorageHostError: None may.
    """
    if policy is None:
        return list(found)
    refusals = [policy.refusal(origin.host, str(info[4][0])) for info in found]
    allowed = [info for info, refusal in zip(found, refusals, strict=True) if refusal is None]
    if not allowed and refusals:
        raise StorageHostError(refusals[0] or "")
    return allowed


def _check_peer(endpoint: socket.socket, origin: Origin, policy: AddressPolicy | None) -> None:
    """Refuse a connection that a public address of this machine has led back to it.

    Raises:
        StorageHostError: It is one, and the policy allows no address of this machine.
    """
    if policy is None or policy.allows(Scope.LOOPBACK):
        return
    peer = str(endpoint.getpeername()[0])
    if peer == endpoint.getsockname()[0] and scope_of_host(peer) is Scope.PUBLIC:
        raise StorageHostError(refused(origin.host, Scope.LOOPBACK, peer))
