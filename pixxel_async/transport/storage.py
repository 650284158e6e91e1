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
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import SecretBytes, SecretStr

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
from .answers import Answer, Headers, PulledAnswer
from .exchange import AtOnce, Exchange, Target, Throttle
from .getting import Getter
from .heads import request_head
from .hindrances import hindrance, is_out_of_descriptors
from .pool import PORTS, Origin
from .routed import RoutedTransport
from .words import describe

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_AUTHORITY = re.compile(r"[^/?]*")


def leave_open(_: Exchange) -> Target | None:
    """Decide nothing at once."""
    return None


class StorageClient:
    """Opens signed URLs over a transport that it does not own, and threads that it does."""

    def __init__(self, transport: httpx.AsyncBaseTransport, *, timeouts: Timeouts) -> None:
        """Use the transport as it is; a stalled body is the caller's business."""
        self._transport = transport
        self._getter = Getter(connect_s=timeouts.connect_s)
        self._timeouts = {
            "connect": timeouts.connect_s,
            "read": None,
            "write": timeouts.connect_s,
            "pool": None,
        }

    @asynccontextmanager
    async def get(
        self,
        url: SecretStr,
        headers: Headers,
        *,
        at_once: AtOnce = leave_open,
        throttle: Throttle | None = None,
    ) -> AsyncIterator[Answer]:
        """Send a GET; leaving the context ends the answer, read or not.

        Args:
            url: The signed URL.
            headers: `Range` and the like; nothing is added but `Host` and `User-Agent`.
            at_once: Asked where the body goes, where it can be poured; what it leaves open is the
                caller's to say.
            throttle: Holds the body back, where it is poured.

        Raises:
            TransferError: The URL cannot be used, or redirects go wrong.
            ConnectionBrokenError: No answer came, or not all that was poured at once.
            OutOfDescriptorsError: The system allows no further connection.
            RouteError: None will come until a setting is mended.
            Exception: Whatever a target has raised that was named at once.
        """
        answer = await self._follow(url, headers, at_once, throttle)
        try:
            yield answer
        finally:
            await answer.aclose()

    def drop_idle(self) -> None:
        """Close idle connections, so that others may be opened; one of our transports can that."""
        if isinstance(self._transport, RoutedTransport):
            self._transport.drop_idle()

    def close(self) -> None:
        """End the threads, when nothing is under way any more; may be called twice."""
        self._getter.close()

    async def _follow(
        self, url: SecretStr, headers: Headers, at_once: AtOnce, throttle: Throttle | None
    ) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._send(_Address.of(url), headers, at_once, throttle)
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                return answer
            await answer.aclose()
            following = _following(url, answer.headers)
            if _scheme(url) == "https" and _scheme(following) != "https":
                message = "the storage redirects to an address without https; not followed"
                raise TransferError(message)
            url = following
        message = f"the storage redirects more than {MAX_REDIRECTS} times"
        raise TransferError(message)

    async def _send(
        self, address: _Address, headers: Headers, at_once: AtOnce, throttle: Throttle | None
    ) -> Answer:
        failure: PixxelError
        try:
            url = _origin_url(address.origin)
            pool = None
            if isinstance(self._transport, RoutedTransport):
                pool = self._transport.channels_to(url)
            if pool is None:
                return await self._pull(url, address, headers)
            return await self._getter.get(
                pool,
                _place(url),
                _message(url, address, headers),
                at_once=at_once,
                throttle=throttle,
            )
        except httpx.LocalProtocolError:
            failure = TransferError("the signed URL has characters that no request may have")
        except (httpx.InvalidURL, ValueError):  # such as a host that no look-up takes
            failure = TransferError("the signed URL is not a URL that can be sent as it is")
        except httpx.HTTPError as error:
            host = httpx.URL(address.origin).host
            if is_out_of_descriptors(error):
                failure = OutOfDescriptorsError(describe(error))
            else:
                failure = hindrance(error, host) or ConnectionBrokenError(describe(error))
        # Raised out here, so that it has no context: the error of httpx knows the URL.
        raise failure

    async def _pull(self, url: httpx.URL, address: _Address, headers: Headers) -> PulledAnswer:
        request = httpx.Request(
            "GET",
            url,
            headers={**headers, "User-Agent": USER_AGENT},
            extensions={
                "target": address.target.get_secret_value().encode("ascii"),
                "timeout": self._timeouts,
            },
        )
        return PulledAnswer(await self._transport.handle_async_request(request))


def _message(url: httpx.URL, address: _Address, headers: Headers) -> SecretBytes:
    """Return a request.

    Raises:
        LocalProtocolError: It has characters that it may not have.
    """
    target = address.target.get_secret_value().encode("ascii")
    lines = [
        (b"Host", url.netloc),
        *((k.encode("ascii"), v.encode("ascii")) for k, v in headers.items()),
    ]
    return SecretBytes(request_head(b"GET", target, [*lines, (b"User-Agent", USER_AGENT.encode())]))


@lru_cache(maxsize=64)
def _place(url: httpx.URL) -> Origin:
    return Origin(
        is_tls=url.scheme == "https",
        host=url.raw_host.decode("ascii"),
        port=url.port or PORTS[url.scheme],
    )


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
