"""GETs of signed URLs, with nothing of ours on them.

Rules:
    * No key, no cookies, no `params`, no environment, no netrc: requests are built here by hand
      and given to the transport, past everything that an HTTP client adds on its own.
    * The request target goes out byte for byte as the service sent it, since it is signed.
    * GET only: a URL that is signed for GET does not allow HEAD.
    * Redirects are followed by hand, a few times, and never from https to plain http. Plain http
      is taken for loopback addresses only.
    * Errors of httpx leave without cause and context, which know the URL. Where an error of ours
      is raised, URLs are wrapped: some tools show the variables of each frame.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, cast
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import SecretStr

from .._version import USER_AGENT
from ..addresses import LOOPBACK_HOSTS
from ..config import Timeouts
from ..errors import (
    ConnectionBrokenError,
    OutOfDescriptorsError,
    PixxelError,
    TransferError,
)
from ..sansio.redact import redact
from .direct import Body
from .heads import RawHeaders
from .hindrances import hindrance, is_out_of_descriptors
from .pieces import Pieces
from .routed import RoutedTransport
from .words import describe

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_AUTHORITY = re.compile(r"[^/?]*")

Headers: TypeAlias = Mapping[str, str]


class StorageAnswer:
    """An answer whose body has not been read yet.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name; a header that came twice is joined by a comma.
    """

    def __init__(self, response: httpx.Response) -> None:
        """Wrap a response that `StorageClient.get` closes."""
        self.status: int = response.status_code
        self.headers: Headers = _by_name(response.headers.raw)
        # The transport's own stream: raw bytes, whatever the answer says of their coding.
        stream = cast("httpx.AsyncByteStream", response.stream)
        self._body: Body | Pieces = stream if isinstance(stream, Body) else Pieces(stream)

    async def receive_into(self, target: memoryview, *, patience_s: float) -> int:
        """Take more of the raw body, without a copy where the transport is ours.

        Args:
            target: Filled from its beginning.
            patience_s: How long it may take to fill it; after that, fewer bytes will do.

        Returns:
            How many bytes came; zero when the body has ended.

        Raises:
            ConnectionBrokenError: The body ended early.
        """
        try:
            return await self._body.receive_into(target, patience_s=patience_s)
        except httpx.HTTPError as error:
            broken = ConnectionBrokenError(describe(error))
        raise broken

    async def beginning(self, limit: int) -> bytes:
        """Read up to `limit` bytes, for an error message; a broken body is no matter."""
        room, filled = memoryview(bytearray(limit)), 0
        try:
            while filled < limit:
                count = await self._body.receive_into(room[filled:], patience_s=0)
                if count == 0:
                    break
                filled += count
        except httpx.HTTPError:
            pass
        return bytes(room[:filled])


class StorageClient:
    """Opens signed URLs over a transport that it does not own."""

    def __init__(self, transport: httpx.AsyncBaseTransport, *, timeouts: Timeouts) -> None:
        """Use the transport as it is; a stalled body is the caller's business."""
        self._transport = transport
        self._timeouts = {
            "connect": timeouts.connect_s,
            "read": None,
            "write": timeouts.connect_s,
            "pool": None,
        }

    @asynccontextmanager
    async def get(self, url: SecretStr, headers: Headers) -> AsyncIterator[StorageAnswer]:
        """Send a GET; leaving the context closes the answer, read or not.

        Args:
            url: The signed URL.
            headers: `Range` and the like; nothing is added but `Host` and `User-Agent`.

        Raises:
            TransferError: The URL cannot be used, or redirects go wrong.
            ConnectionBrokenError: No answer came.
            OutOfDescriptorsError: The system allows no further connection.
            RouteError: None will come until a setting is mended.
        """
        response = await self._follow(url, headers)
        try:
            yield StorageAnswer(response)
        finally:
            await response.aclose()

    def drop_idle(self) -> None:
        """Close idle connections, so that others may be opened; one of our transports can that."""
        if isinstance(self._transport, RoutedTransport):
            self._transport.drop_idle()

    async def _follow(self, url: SecretStr, headers: Headers) -> httpx.Response:
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._send(_Address.of(url), headers)
            if response.status_code not in REDIRECTS or "location" not in response.headers:
                return response
            await response.aclose()
            following = _following(url, response.headers)
            if _scheme(url) == "https" and _scheme(following) != "https":
                message = "the storage redirects to an address without https; not followed"
                raise TransferError(message)
            url = following
        message = f"the storage redirects more than {MAX_REDIRECTS} times"
        raise TransferError(message)

    async def _send(self, address: _Address, headers: Headers) -> httpx.Response:
        failure: PixxelError
        try:
            request = httpx.Request(
                "GET",
                _origin_url(address.origin),
                headers={**headers, "User-Agent": USER_AGENT},
                extensions={
                    "target": address.target.get_secret_value().encode("ascii"),
                    "timeout": self._timeouts,
                },
            )
            return await self._transport.handle_async_request(request)
        except (httpx.InvalidURL, ValueError):  # such as a host that no look-up takes
            failure = TransferError("the signed URL is not a URL that can be sent as it is")
        except httpx.LocalProtocolError:
            failure = TransferError("the signed URL has characters that no request may have")
        except httpx.HTTPError as error:
            host = httpx.URL(address.origin).host
            if is_out_of_descriptors(error):
                failure = OutOfDescriptorsError(describe(error))
            else:
                failure = hindrance(error, host) or ConnectionBrokenError(describe(error))
        # Raised out here, so that it has no context: the error of httpx knows the URL.
        raise failure


def _by_name(raw: RawHeaders) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


@lru_cache(maxsize=64)
def _origin_url(origin: str) -> httpx.URL:
    return httpx.URL(origin)


@dataclass(frozen=True, slots=True)
class _Address:
    """A URL in the two parts that a request needs, neither of them normalised.

    Attributes:
        origin: Scheme, host and port.
        target: Path and query, as they came.
    """

    origin: str
    target: SecretStr

    @classmethod
    def of(cls, url: SecretStr) -> _Address:
        """Split a URL.

        Raises:
            TransferError: It is no https URL, nor an http URL of a loopback address.
        """
        address = cls._read(url.get_secret_value())
        if isinstance(address, str):
            raise TransferError(address)
        return address

    @classmethod
    def _read(cls, url: str) -> _Address | str:
        """Split a URL, or return what is wrong with it."""
        scheme, rest = _scheme(SecretStr(url)), url.partition("://")[2].partition("#")[0]
        authority = _AUTHORITY.match(rest)[0]  # type: ignore[index]  # it matches the empty string
        try:
            parts = urlsplit(f"//{authority}")
            host = parts.hostname if parts.port != 0 else None
        except ValueError:  # a port that is no port, or half an IPv6 address
            host = None
        if not host or scheme not in {"http", "https"}:
            return "the signed URL is not an http URL"
        if "@" in authority:
            return "the signed URL carries a user name; refused"
        if scheme == "http" and host not in LOOPBACK_HOSTS:
            return f"the signed URL leads to {redact(host)} over plain http; refused"
        target = rest[len(authority) :]
        if not target.startswith("/"):
            target = f"/{target}"
        return cls(origin=f"{scheme}://{authority}/", target=SecretStr(target))


def _following(url: SecretStr, headers: Mapping[str, str]) -> SecretStr:
    """Return where a redirect leads."""
    location = headers["location"]
    # Joining normalises the path: an absolute URL is taken as it came.
    if _ABSOLUTE.match(location):
        return SecretStr(location)
    try:
        return SecretStr(urljoin(url.get_secret_value(), location))
    except ValueError:  # half an IPv6 address; `_Address` refuses it
        return SecretStr(location)


def _scheme(url: SecretStr) -> str:
    return url.get_secret_value().partition("://")[0].lower()
