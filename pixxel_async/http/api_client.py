"""Calls of the service, through an `httpx.AsyncClient`.

Rules:
    * A client that a user gave is used as it is, and is not closed: its hooks, mounts, proxies and
      instrumentation see every call. One of ours takes nothing from the environment.
    * Both httpx and httpx2 are accepted: their clients have the same methods, and their errors the
      same names.
    * A response is read as a stream, and bounded while it is decoded (`sansio.api.body_decoder`).
    * Errors of httpx are translated here, and leave without their cause: the cause knows the
      request, and the request knows the key.
    * A connect that is under way is not cancelled, nor is the return of a connection, as httpcore
      may keep its place in the pool for ever (encode/httpcore#1093). A request whose
      caller is cancelled before it is sent is not sent.
    * The pool of a client of ours has no limit: whoever sends calls bounds them. A limited one
      loses a place for ever whenever a TLS handshake behind a proxy fails (httpcore 1.0.9), and
      would let calls wait for connects that nobody wants any more.
    * A server may close a kept connection while a request is on its way, and nobody can tell
      whether it was carried out. Calls that may not be sent twice do not use kept connections of
      ours. The others are sent once more at once, over a new connection: that the old one was
      closed says nothing of the service (RFC 9112 section 9.3.1).
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import ModuleType
from typing import Any

import anyio
import httpx
from pydantic import SecretStr

from .._version import USER_AGENT
from ..config import Limits, Timeouts
from ..errors import InputError, PixxelError, ResponseError, RouteError, TransportError
from ..sansio.api import package_calls
from ..sansio.api.body_decoder import (
    ACCEPT_ENCODING,
    BodyTooLongError,
    BoundedBody,
    ContentCodingError,
)
from ..sansio.api.preflight import address_of
from ..sansio.api.proxy_rules import Routes
from ..sansio.resilience.retry_rules import SENT_ONCE, CallKind, read_retry_after
from ..waits import wait_for_end
from .auth import KeyAuth
from .clients import CLOSE_S, REQUEST_STARTS, ConnectionReuse, make_client
from .deadline import deadline
from .error_messages import (
    NEVER_SENT,
    UNREACHED,
    describe,
    is_out_of_descriptors,
    route_problem,
    unreachable,
)
from .tls import Certificates

logger = logging.getLogger("pixxel_async")

MAX_PATH_CHARS = 65_000
"""No server accepts more, and httpx refuses a little more than that."""
TOO_LONG = "the ids are too long for a request"
LIBRARIES = ("httpx", "httpx2")
_SUCCESS = range(200, 300)
_CONNECT_STARTS = ".connect_tcp.started"
_CONNECTED = ".connect_tcp.complete"
_NO_CANCELLATION = (".start_tls.started", ".response_closed.started")


class NoDescriptorsError(TransportError):
    """A call was not sent, as the process may open no more files; that says nothing of the host."""


class UnreachedError(TransportError):
    """A call was not sent, as there is no connection to the service.

    Attributes:
        problem: One sentence for the user: the host, the reason and the remedy.
    """

    def __init__(self, message: str, problem: str = "", *, sent: bool = False) -> None:
        """Create an error of one call; `problem` concerns them all."""
        super().__init__(message, sent=sent)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete response of the service.

    Attributes:
        status: The HTTP status.
        body: The body, decoded.
        retry_after_s: The Retry-After header in seconds, or None.
        location: The Location header, or None; it may hold a secret.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after_s: float | None
    location: str | None = field(default=None, repr=False)


class ApiClient:
    """Sends calls to the service.

    Attributes:
        base_url: URL of the service.
        address: The same for messages.
    """

    def __init__(  # noqa: PLR0913 - the parts of a call, in part keyword-only
        self,
        client: Any,
        base_url: str,
        auth: KeyAuth,
        *,
        timeouts: Timeouts,
        max_response_bytes: int,
        creation_client: Any = None,
        proxy: SecretStr | None = None,
        closes: bool,
    ) -> None:
        """Send nothing yet.

        Args:
            client: An `AsyncClient` of httpx or httpx2.
            base_url: URL of the service.
            auth: Authorises the calls.
            timeouts: How long connecting and responses may take.
            max_response_bytes: The longest body that is accepted.
            creation_client: Sends the calls that may not be sent twice; None is the same client.
            proxy: The proxy of clients of ours, for errors.
            closes: Whether the clients are closed with this.
        """
        self.base_url = httpx.URL(base_url)
        self.address = address_of(base_url)
        self._prefix = base_url.rstrip("/")
        self._client = client
        self._creation_client = creation_client or client
        self._library = library_of(client)
        self._auth = auth
        self._timeouts = timeouts
        self._max_bytes = max_response_bytes
        self._proxy = proxy
        self._closes = closes
        self._abandoned: dict[asyncio.Task[Any], _Exchange] = {}

    def redact(self, text: str) -> str:
        """Return a text without the key."""
        return self._auth.redactor.text(text)

    async def aclose(self) -> None:
        """Close the clients, if they are ours; may be called twice."""
        abandoned = dict(self._abandoned)
        for task in abandoned:
            task.cancel()
        with anyio.move_on_after(CLOSE_S, shield=True):
            if abandoned:
                await asyncio.wait(abandoned)
            for exchange in abandoned.values():
                if exchange.stream is not None:  # httpcore forgets it when a handshake is cancelled
                    await exchange.stream.aclose()
            if self._closes:
                await self._client.aclose()
                await self._creation_client.aclose()

    async def send(self, call: package_calls.Call) -> Response:
        """Send a call once, and return the response.

        Raises:
            TransportError: No complete response came.
            RouteError: None will come until a setting is changed.
            ResponseError: The response is too long, or its content coding is not valid.
            InputError: The ids make a URL that is too long.
        """
        failure: PixxelError
        limit_s = self._limit_s(call)
        try:
            if len(call.path) <= MAX_PATH_CHARS:
                async with deadline(limit_s):
                    return await self._send(call)
            failure = InputError(f"{call.operation}: {TOO_LONG}")
        except TimeoutError:
            message = (
                f"no complete answer to {call.operation} within {limit_s:g} s; if the service "
                "needs longer, raise --answer-timeout (answer_timeout)"
            )
            failure = TransportError(message)
        except BodyTooLongError:
            failure = ResponseError(f"the answer is longer than {self._max_bytes} bytes")
        except ContentCodingError as error:
            failure = ResponseError(f"the answer to {call.operation} has {error}")
        except self._library.InvalidURL:
            failure = InputError(f"{call.operation}: {TOO_LONG}")
        except self._library.HTTPError as error:
            failure = self._failure(call, error)
        self._auth.redactor.error(failure)
        # Raised here, so that it has no context: the error of httpx knows the key.
        raise failure

    def _failure(self, call: package_calls.Call, error: Exception) -> TransportError:
        message = f"{call.operation}: {describe(error, self._proxy)}"
        if is_out_of_descriptors(error):
            return NoDescriptorsError(message, sent=False)
        if (reason := route_problem(error, self.base_url.host, self._proxy)) is not None:
            return RouteError(reason)
        if type(error).__name__ in UNREACHED:
            problem = unreachable(error, self.address, self._proxy)
            return UnreachedError(message, self.redact(problem))
        return TransportError(message, sent=type(error).__name__ not in NEVER_SENT)

    def _limit_s(self, call: package_calls.Call) -> float:
        is_read = call.kind is CallKind.READ
        return self._timeouts.answer_s if is_read else self._timeouts.creation_limit_s

    async def _send(self, call: package_calls.Call) -> Response:
        """Send a call in a task of its own, which is cancelled only where httpcore bears it."""
        exchange = _Exchange()
        task = asyncio.ensure_future(self._exchange(call, exchange))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            exchange.is_wanted = False
            self._abandoned[task] = exchange
            task.add_done_callback(self._forget)
            if exchange.may_be_cancelled:
                task.cancel()
                await wait_for_end(task, CLOSE_S)  # it gives its connection back
            raise

    def _forget(self, task: asyncio.Task[Any]) -> None:
        del self._abandoned[task]
        if not task.cancelled():
            task.exception()  # nobody else asks for it

    async def _exchange(self, call: package_calls.Call, exchange: _Exchange) -> Response:
        """Send a call, and read its response."""
        if not exchange.is_wanted:  # cancelled before it began
            raise _AbandonedError
        is_creation = call.kind in SENT_ONCE
        client = self._creation_client if is_creation else self._client
        while True:
            try:
                return await self._request(client, call, exchange)
            except self._library.TransportError as error:
                if is_creation or not exchange.reuse.was_closed(error):
                    raise
            exchange.begin_again()
            client = self._creation_client  # a user's client may have more closed connections

    async def _request(
        self, client: Any, call: package_calls.Call, exchange: _Exchange
    ) -> Response:
        request = client.build_request(
            call.method,
            self._prefix + call.path,
            headers={
                "User-Agent": USER_AGENT,
                "Accept": call.accepted,
                "Accept-Encoding": ACCEPT_ENCODING,
                **call.headers,
            },
            content=call.body,
            timeout=self._library.Timeout(None, connect=self._timeouts.connect_s),
            extensions={"trace": exchange.trace},
        )
        response = await client.send(request, auth=self._auth, stream=True, follow_redirects=False)
        try:
            return await self._read(call, response)
        finally:
            exchange.may_be_cancelled = False
            with suppress(self._library.HTTPError):
                await response.aclose()

    async def _read(self, call: package_calls.Call, response: Any) -> Response:
        body = BoundedBody(
            response.headers.get_list("content-encoding"),
            self._max_bytes,
            is_error=response.status_code not in _SUCCESS,
            sink=call.sink,
        )
        stream: AsyncIterator[bytes] = response.stream
        async for chunk in stream:
            body.take(chunk)
        logger.debug("%s: %s %s: %s", call.operation, call.method, call.path, response.status_code)
        said, place = response.headers.get("retry-after"), response.headers.get("location")
        return Response(
            status=response.status_code,
            body=self._auth.redactor.body(body.finish(), sent_on=call.sent_on),
            retry_after_s=None if said is None else read_retry_after(said, now=datetime.now(UTC)),
            location=None if place is None else self._auth.redactor.text(place),
        )


def make_api_client(  # noqa: PLR0913 - what a client of ours is made of
    client: Any,
    base_url: str,
    auth: KeyAuth,
    *,
    certificates: Certificates,
    routes: Routes,
    timeouts: Timeouts,
    limits: Limits,
) -> ApiClient:
    """Return what sends calls through a user's client, or else through clients of ours.

    Args:
        client: An `AsyncClient` of httpx or httpx2, or None.
        base_url: URL of the service.
        auth: Authorises the calls.
        certificates: Which certificates clients of ours trust.
        routes: Which proxy they use.
        timeouts: How long connecting and responses may take.
        limits: How many calls are in flight at once, and how long a response may be.

    Raises:
        ConfigError: The certificates cannot be read, or the proxy cannot be used.
        InputError: The client is not an `AsyncClient`.
    """
    api_client = partial(
        ApiClient,
        base_url=base_url,
        auth=auth,
        timeouts=timeouts,
        max_response_bytes=limits.max_answer_bytes,
    )
    if client is not None:
        return api_client(client, closes=False)
    url, context = httpx.URL(base_url), certificates.context()
    proxy = routes.proxy_for(url.scheme, url.host, url.port)
    calls, creations = (
        make_client(context, proxy, max_connections=None, kept=kept)
        for kept in (limits.requests, 0)
    )
    return api_client(calls, creation_client=creations, proxy=proxy, closes=True)


class _AbandonedError(Exception):
    """The call that a connection was made for has been cancelled."""


@dataclass(slots=True)
class _Exchange:
    """How far a call has come, as httpcore tells it.

    Attributes:
        is_wanted: Whether somebody waits for the response.
        may_be_cancelled: Whether httpcore loses nothing by that: it does while it waits for a
            connection, makes one, or gives one back.
        stream: The connection that was made for it, if one was.
        reuse: Whether it was sent over a kept connection.
    """

    is_wanted: bool = True
    may_be_cancelled: bool = False
    stream: Any = None
    reuse: ConnectionReuse = field(default_factory=ConnectionReuse)

    def begin_again(self) -> None:
        """Forget the connection that was closed."""
        self.may_be_cancelled = False
        self.stream = None
        self.reuse = ConnectionReuse()

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        is_request = event.endswith(REQUEST_STARTS)  # CONNECT to a proxy is one, too
        if not self.is_wanted and (is_request or event.endswith(_CONNECT_STARTS)):
            raise _AbandonedError
        self.reuse.follow(event)
        if is_request:
            self.may_be_cancelled = True
        elif event.endswith(_NO_CANCELLATION):
            self.may_be_cancelled = False
        elif event.endswith(_CONNECTED):
            self.stream = info["return_value"]


def library_of(client: Any) -> ModuleType:
    """Return the module that a client comes from, httpx or httpx2, also for a subclass.

    Raises:
        InputError: It is not an `AsyncClient` of either.
    """
    for kind in type(client).__mro__:
        root = kind.__module__.partition(".")[0]
        if root in LIBRARIES and kind.__name__ == "AsyncClient":
            return sys.modules[root]
    message = "http_client has to be an AsyncClient of httpx or httpx2"
    raise InputError(message)
