"""The service at the other end: authorised requests go out, whole answers come in.

Rules:
    * Every error of httpx is translated here, and leaves without its cause: the cause knows the
      request, and the request knows the key.
    * Nothing is added that a general client would: no cookies, no redirects, no environment.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import anyio
import httpx

from .._version import USER_AGENT
from ..config import Timeouts
from ..errors import InputError, PixxelError, ResponseError, TransportError
from ..sansio import wire
from ..sansio.backoff import read_retry_after
from .auth import KeyAuth
from .hindrances import hindrance
from .routed import RoutedTransport
from .words import describe

logger = logging.getLogger("pixxel_async")

NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
MAX_PATH_CHARS = 65_000
"""No server takes more, and httpx refuses a little more than that."""

_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, whole.

    Attributes:
        status: The HTTP status.
        body: The body, decoded.
        retry_after_s: The Retry-After header in seconds, or None.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after_s: float | None


class Service:
    """Carries calls to the service over a transport, which it owns.

    Attributes:
        base_url: Where the service is.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        auth: KeyAuth,
        *,
        timeouts: Timeouts,
        max_answer_bytes: int,
    ) -> None:
        """Send nothing yet."""
        self.base_url = httpx.URL(base_url)
        self._prefix = base_url.rstrip("/")
        self._path_prefix = self.base_url.raw_path.rstrip(b"/")
        self._takes_target = isinstance(transport, RoutedTransport)
        self._transport = transport
        self._auth = auth
        self._answer_s = timeouts.answer_s
        self._timeouts = {"connect": timeouts.connect_s, "write": timeouts.answer_s}
        self._max_answer_bytes = max_answer_bytes

    async def aclose(self) -> None:
        """Close the transport; may be called twice."""
        await self._transport.aclose()

    async def exchange(self, call: wire.Call) -> Reply:
        """Send a call once, and take the answer.

        Raises:
            TransportError: No whole answer came.
            RouteError: None will come until a setting is mended.
            ResponseError: The answer is too long, or its coding is broken.
            InputError: The ids make a URL that is too long.
        """
        try:
            with anyio.fail_after(self._answer_s):
                return await self._exchange(call)
        except TimeoutError:
            message = f"no whole answer to {call.operation} within {self._answer_s:g} s"
            failure: PixxelError = TransportError(message)
        except httpx.InvalidURL:
            failure = InputError(f"{call.operation}: the ids are too long for a request")
        except httpx.DecodingError:
            message = f"the answer to {call.operation} came in a broken content coding"
            failure = ResponseError(message)
        except httpx.HTTPError as error:
            message = f"{call.operation}: {describe(error)}"
            failure = hindrance(error, self.base_url.host) or TransportError(
                message, sent=not isinstance(error, NEVER_SENT)
            )
        # Raised out here, so that it has no context: the error of httpx knows the key.
        raise failure

    async def _exchange(self, call: wire.Call) -> Reply:
        if len(call.path) > MAX_PATH_CHARS:
            raise httpx.InvalidURL(call.path[:0])
        extensions: dict[str, Any] = {"timeout": self._timeouts}
        url: httpx.URL | str = self._prefix + call.path
        if self._takes_target:  # parsing a URL takes as long as sending it
            url, extensions["target"] = self.base_url, self._path_prefix + call.path.encode("ascii")
        request = httpx.Request(
            call.method,
            url,
            headers={**_HEADERS, **call.headers, "Authorization": self._auth.header()},
            content=call.body,
            extensions=extensions,
        )
        response = await self._transport.handle_async_request(request)
        stream = cast("httpx.AsyncByteStream", response.stream)
        try:
            body = await self._body(response, stream)
        finally:
            with anyio.CancelScope(shield=True):
                await stream.aclose()
        said = response.headers.get("retry-after")
        logger.debug("%s: %s %s: %s", call.operation, call.method, call.path, response.status_code)
        return Reply(
            status=response.status_code,
            body=body if response.is_success else self._auth.conceal(body),
            retry_after_s=None if said is None else read_retry_after(said, now=datetime.now(UTC)),
        )

    async def _body(self, response: httpx.Response, stream: httpx.AsyncByteStream) -> bytes:
        is_coded = "content-encoding" in response.headers
        body = bytearray()
        async for chunk in response.aiter_bytes() if is_coded else stream:
            body += chunk
            if len(body) > self._max_answer_bytes:
                del body, chunk  # they may hold a signed URL, and errors may show variables
                message = f"the answer is longer than {self._max_answer_bytes} bytes"
                raise ResponseError(message)
        return bytes(body)
