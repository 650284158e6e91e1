"""The storage engine on httpx: slower than libcurl, and seen by every tool for httpx.

It serves a client that was given an `httpx.AsyncClient` for the storage, and systems for which
there is no pycurl.

Rules:
    * The request target goes out byte for byte: it is the raw path of the request's URL. httpcore's
      extension `target` is not used, as it would show a proxy the signed URL with CONNECT.
    * Nothing of the client is added to a signed URL: no authentication, no cookies, no parameters.
      What its event hooks add is up to whoever made it.
    * Chunks are gathered before they are written: each write is a trip to another thread. What
      arrived before an error, or a cancellation, is written.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

import anyio
import httpx
from pydantic import SecretStr

from .._version import USER_AGENT
from ..config import Timeouts
from ..errors import ConnectionBrokenError, PixxelError, StorageHostError, TransferError
from ..sansio.storage.address_policy import AddressPolicy
from ..waits import wait_for_end
from .clients import CLOSE_S, ConnectionReuse
from .error_messages import storage_error
from .storage_response import (
    BandwidthLimiter,
    BodyWriter,
    ChooseWriter,
    StorageRequest,
    StorageResponse,
    framing_error,
    join_headers,
)

GATHERED_BYTES = 256 * 1024
GATHERED_S = 0.25


class HttpxResponse(StorageResponse):
    """A response that httpx receives; see `StorageResponse`."""

    def __init__(
        self,
        response: httpx.Response,
        request: StorageRequest,
        bandwidth: BandwidthLimiter | None,
    ) -> None:
        """Take over a response whose headers have just arrived."""
        super().__init__(bandwidth)
        self.status = response.status_code
        self.headers = join_headers(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw
        )
        self.headers_at = time.monotonic()
        self._request = request
        self._response = response
        self._task: asyncio.Task[None] | None = None
        self._gathered = bytearray()
        self._blocked_since: float | None = None

    def start_receiving(self, writer: BodyWriter) -> None:
        """Let the body go into a writer; see `StorageResponse`."""
        self._task = asyncio.create_task(self._receive(writer), name="pixxel-async body")

    def is_paused(self, now: float, longest_s: float) -> bool:
        """Return whether no bytes arrive because of us; see `StorageResponse`."""
        if self._task is None:
            return True
        return self._blocked_since is not None and now - self._blocked_since > longest_s

    async def aclose(self) -> None:
        """End the transfer; see `StorageResponse`."""
        task, self._task = self._task, None
        try:
            if task is not None:
                task.cancel()
                await wait_for_end(task)
        finally:
            self.is_complete = True
            closing = asyncio.ensure_future(self._close())
            await wait_for_end(closing)

    async def _close(self) -> None:
        with suppress(httpx.HTTPError):
            if not self.is_package and "network_stream" in self._response.extensions:
                await self._response.extensions["network_stream"].aclose()
            await self._response.aclose()

    async def _receive(self, writer: BodyWriter) -> None:
        try:
            await self._pull(writer)
        except asyncio.CancelledError:
            raise
        except httpx.HTTPError as error:
            self._error = storage_error(error, self._request.host, self._request.proxy)
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits
            self._error = error
        finally:
            self.is_complete = True
            self._wake()

    async def _pull(self, writer: BodyWriter) -> None:
        written_at = time.monotonic()
        try:
            async for chunk in cast("httpx.AsyncByteStream", self._response.stream):
                self.received += len(chunk)
                self._gathered += chunk
                await self._slow_down(len(chunk))
                now = time.monotonic()
                if len(self._gathered) >= GATHERED_BYTES or now - written_at >= GATHERED_S:
                    await self._write(writer)
                    written_at = now
        except (httpx.HTTPError, asyncio.CancelledError):
            with anyio.CancelScope(shield=True):
                await self._write(writer)
            raise
        await self._write(writer)
        self._check_end()

    def _check_end(self) -> None:
        """Check that a body without a length has ended, and was not cut off.

        Over TLS the other side announces its end (close_notify); httpcore accepts any.

        Raises:
            ConnectionBrokenError: It was cut off.
        """
        stream = self._response.extensions.get("network_stream")
        tls = None if stream is None else stream.get_extra_info("ssl_object")
        has_length = {"content-length", "transfer-encoding"} & self.headers.keys()
        if tls is None or has_length or not self._response.http_version.startswith("HTTP/1"):
            return
        try:
            tls.read(1)
        except ssl.SSLEOFError:
            message = "the connection closed before the body was complete"
            raise ConnectionBrokenError(message) from None
        except ssl.SSLError:  # there is no body, and the connection is open
            pass

    async def _slow_down(self, count: int) -> None:
        if self._bandwidth is not None and (delay_s := self._bandwidth.take(count)) > 0:
            self._blocked_since = float("-inf")
            await anyio.sleep(delay_s)
            self._blocked_since = None

    async def _write(self, writer: BodyWriter) -> None:
        # Taken before the write: a cancelled one has written all the same.
        gathered, self._gathered = self._gathered, bytearray()
        if gathered:
            self._blocked_since = time.monotonic()
            writing = asyncio.ensure_future(writer.take(memoryview(gathered)))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:  # another thread writes on: nobody may think it over
                await asyncio.wait([writing])
                writing.exception()
                raise
            self._blocked_since = None


class HttpxEngine:
    """Sends GETs through an `httpx.AsyncClient` for each proxy."""

    def __init__(
        self,
        client_for: Callable[[SecretStr | None, int | None], httpx.AsyncClient],
        *,
        timeouts: Timeouts,
        addresses: AddressPolicy,
        closes: bool,
    ) -> None:
        """Make no client yet.

        Args:
            client_for: Returns a client for a proxy or None, and for how many connections it
                keeps for later requests; None keeps all.
            timeouts: How long connecting may take.
            addresses: Where a storage may be.
            closes: Whether the clients are closed with the engine.
        """
        self._client_for = client_for
        self._clients: dict[tuple[str, int | None], httpx.AsyncClient] = {}
        self._timeout = httpx.Timeout(None, connect=timeouts.connect_s)
        self._addresses = addresses
        self._closes = closes

    async def get(
        self,
        request: StorageRequest,
        *,
        choose_writer: ChooseWriter,
        bandwidth: BandwidthLimiter | None,
    ) -> StorageResponse:
        """Send a GET; see `StorageEngine.get`."""
        failure: PixxelError
        try:
            received = await self._send(request)
        except httpx.HTTPError as error:
            failure = storage_error(error, request.host, request.proxy)
        except (httpx.InvalidURL, UnicodeError):
            failure = TransferError("the signed URL is not a URL that can be requested")
        else:
            response = HttpxResponse(received, request, bandwidth)
            if (contradiction := framing_error(response.status, response.headers)) is not None:
                await response.aclose()
                raise contradiction
            try:
                if (writer := choose_writer(response)) is not None:
                    response.start_receiving(writer)
                    while not await response.wait():
                        pass
            except BaseException:
                await response.aclose()
                raise
            return response
        # Raised here, so that it has no context: the error of httpx knows the URL.
        raise failure

    def prepare(self) -> None:
        """Do nothing: no threads are needed."""

    async def aclose(self) -> None:
        """Close the clients, if they are ours."""
        clients, self._clients = self._clients, {}
        with anyio.move_on_after(CLOSE_S, shield=True):
            for client in clients.values() if self._closes else ():
                await client.aclose()

    def abandon(self) -> None:
        """Do nothing: there are no threads."""

    def _client(self, proxy: SecretStr | None, kept: int | None) -> httpx.AsyncClient:
        key = ("" if proxy is None else proxy.get_secret_value(), kept)
        if key not in self._clients:
            self._clients[key] = self._client_for(proxy, kept)
        return self._clients[key]

    async def _send(self, request: StorageRequest) -> httpx.Response:
        """Send a GET, and again while the server had closed the kept connection that it took."""
        kept = None
        while True:
            check = _ConnectionCheck(self._addresses, request)
            try:
                return await self._send_once(request, check, kept=kept)
            except httpx.TransportError as error:
                if not check.reuse.was_closed(error):
                    raise
            kept = 0  # of our own clients, one that keeps no connections

    async def _send_once(
        self, request: StorageRequest, check: _ConnectionCheck, *, kept: int | None
    ) -> httpx.Response:
        return await self._client(request.proxy, kept).send(
            self._built(request, check), stream=True, auth=None, follow_redirects=False
        )

    def _built(self, request: StorageRequest, check: _ConnectionCheck) -> httpx.Request:
        """Return a request without the headers, cookies and parameters of the client."""
        built = httpx.Request(
            "GET",
            request.origin,
            headers={**request.headers, "User-Agent": USER_AGENT},
            extensions={
                "timeout": self._timeout.as_dict(),
                "trace": check.trace,
            },
        )
        built.url = _ExactUrl(request.url.get_secret_value(), request.target.get_secret_value())
        return built


class _ConnectionCheck:
    """Checks the address that a connection was made to, before anything is sent over it.

    Attributes:
        reuse: Whether the request was sent over a kept connection.
    """

    def __init__(self, addresses: AddressPolicy, request: StorageRequest) -> None:
        self._addresses = addresses
        self._request = request
        self._is_ours = False  # else it leads to a proxy, which resolves the name
        self.reuse = ConnectionReuse()

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow a connection; called by httpcore.

        Raises:
            StorageHostError: The storage may not be there.
        """
        self.reuse.follow(event)
        if event == "connection.connect_tcp.started":
            self._is_ours = info["host"] == self._request.host
        elif event == "connection.connect_tcp.complete" and self._is_ours:
            stream = info["return_value"]
            peer, own = _end(stream, "server_addr"), _end(stream, "client_addr")
            refusal = self._addresses.refusal(self._request.host, peer, own=own)
            if refusal is not None:
                await stream.aclose()  # httpcore does not have it yet
                raise StorageHostError(refusal)


def _end(stream: Any, name: str) -> str | None:
    address = stream.get_extra_info(name)
    return str(address[0]) if address else None


class _ExactUrl(httpx.URL):
    """A URL whose path and query go out as they are given, and whose text has no query.

    httpx logs the text of each URL that it requests, and tracers record it.
    """

    def __init__(self, url: str, target: bytes) -> None:
        super().__init__(url)
        self._target = target

    def __str__(self) -> str:
        return super().__str__().partition("?")[0]

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"

    @property
    def raw_path(self) -> bytes:
        return self._target
