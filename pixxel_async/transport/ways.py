"""The two ways of a call: straight to a connection, or through a transport of httpx.

Rules:
    * What is the same for all calls of a client is worked out once. Straight on its way, a call
      makes no object of httpx: those took as long as all the rest.
    * Through a proxy, or over a transport that the client was given, a call is a request of httpx.
    * Nothing is added that a general client would: no cookies, no redirects, no environment.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

import anyio
import httpx

from .._version import USER_AGENT
from ..config import Timeouts
from ..sansio.backoff import CallKind
from ..sansio.bodies import ACCEPT_ENCODING
from ..sansio.wire import Call
from .auth import KeyAuth
from .deadlines import Deadlines, within
from .direct import DirectTransport, origin_of
from .routed import RoutedTransport
from .whole import WholeAnswer, body_of, finish, take
from .writer import RequestWriter

CLOSE_S = 2.0
"""How long a transport may take to close an answer, in seconds: who was cancelled waits for it."""

_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": ACCEPT_ENCODING,
}


class Way(Protocol):
    """Sends calls."""

    async def send(self, call: Call) -> WholeAnswer:
        """Send a call once, and return the answer, its body decoded.

        Raises:
            TimeoutError: It was not whole in time.
            TooLongError: It is longer than it may be, before or after decoding.
            DecodingError: Its content coding is not accepted, or broken.
            InvalidURL: The path cannot be sent.
            HTTPError: Whatever else went wrong.
        """
        ...


def longest_s(timeouts: Timeouts, call: Call) -> float:
    """Return how long the answer to a call may take, in seconds."""
    return timeouts.answer_s if call.kind is CallKind.READ else timeouts.creation_limit_s


def way_over(
    transport: httpx.AsyncBaseTransport,
    base_url: httpx.URL,
    auth: KeyAuth,
    *,
    timeouts: Timeouts,
    max_answer_bytes: int,
) -> Way:
    """Return the way of a client's calls over a transport; that stays open."""
    direct = transport.direct_to(base_url) if isinstance(transport, RoutedTransport) else None
    if direct is None:
        return ThroughHttpx(
            transport, base_url, auth, timeouts=timeouts, max_answer_bytes=max_answer_bytes
        )
    return Straight(direct, base_url, auth, timeouts=timeouts, max_answer_bytes=max_answer_bytes)


class Straight:
    """Straight to a connection of ours."""

    def __init__(
        self,
        transport: DirectTransport,
        base_url: httpx.URL,
        auth: KeyAuth,
        *,
        timeouts: Timeouts,
        max_answer_bytes: int,
    ) -> None:
        """Prepare what all calls have in common."""
        self._writer = RequestWriter(
            [
                (b"Host", base_url.netloc),
                *(
                    (name.encode("ascii"), value.encode("ascii"))
                    for name, value in _HEADERS.items()
                ),
                (b"Authorization", auth.header().encode("ascii")),
            ]
        )
        self._transport = transport
        self._origin = origin_of(base_url)
        self._path_prefix = base_url.raw_path.rstrip(b"/")
        self._timeouts = timeouts
        self._max_answer_bytes = max_answer_bytes

    async def send(self, call: Call) -> WholeAnswer:
        """Send a call; see `Way`."""
        return await self._transport.ask(
            self._origin,
            self._writer.write(
                call.method,
                self._path_prefix + call.path.encode("ascii"),
                call.headers,
                call.body,
            ),
            method=call.method,
            most_bytes=self._max_answer_bytes,
            ends_at=asyncio.get_running_loop().time() + longest_s(self._timeouts, call),
            connect_s=self._timeouts.connect_s,
        )


class ThroughHttpx:
    """Over a transport that takes requests of httpx."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: httpx.URL,
        auth: KeyAuth,
        *,
        timeouts: Timeouts,
        max_answer_bytes: int,
    ) -> None:
        """Use a transport as it is."""
        self._transport = transport
        self._takes_target = isinstance(transport, RoutedTransport)
        self._base_url = base_url
        self._prefix = str(base_url).rstrip("/")
        self._path_prefix = base_url.raw_path.rstrip(b"/")
        self._auth = auth
        self._limits = timeouts
        self._deadlines = Deadlines()
        self._timeouts = {"connect": timeouts.connect_s, "write": timeouts.answer_s}
        self._max_answer_bytes = max_answer_bytes

    async def send(self, call: Call) -> WholeAnswer:
        """Send a call; see `Way`."""
        async with within(longest_s(self._limits, call), self._deadlines):
            return await self._send(call)

    async def _send(self, call: Call) -> WholeAnswer:
        extensions: dict[str, Any] = {"timeout": self._timeouts}
        url: httpx.URL | str = self._prefix + call.path
        if self._takes_target:  # parsing a URL takes as long as sending it
            url, extensions["target"] = (
                self._base_url,
                self._path_prefix + call.path.encode("ascii"),
            )
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
            body = await _body(response, self._max_answer_bytes)
        finally:
            with anyio.move_on_after(CLOSE_S, shield=True):
                await stream.aclose()
        raw = response.headers.raw
        fields = {name.lower(): value for name, value in raw}
        return WholeAnswer(response.status_code, raw, fields, body)


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    """Read a body, and undo its content coding if it has one."""
    body = body_of(response.status_code, response.headers.raw, most_bytes)
    async for piece in cast("httpx.AsyncByteStream", response.stream):
        take(body, piece, most_bytes)
    return finish(body)
