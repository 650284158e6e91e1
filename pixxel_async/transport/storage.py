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
from collections.abc import Mapping
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
    StorageError,
    TransferError,
)
from ..sansio.redact import redact
from .answers import Answer, Headers, PulledAnswer
from .exchange import AtOnce, Exchange
from .getting import Getter
from .heads import header_lines, request_line
from .hindrances import hindrance, is_out_of_descriptors
from .pool import PORTS, Origin
from .routed import RoutedTransport
from .target import Target, Throttle
from .words import describe

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})

UNSENDABLE = "the signed URL is not a URL that can be sent as it is"

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

    async def get(
        self,
        url: SecretStr,
        headers: Headers,
        *,
        at_once: AtOnce = leave_open,
        throttle: Throttle | None = None,
    ) -> Answer:
        """Send a GET, and return its answer, which the caller closes, read or not.

        Args:
            url: The signed URL.
            headers: `Range` and the like; nothing is added but `Host` and `User-Agent`.
            at_once: Asked where the body goes, where it can be poured; what it leaves open is the
                caller's to say.
            throttle: Holds the body back, where it is poured.

        Raises:
            TransferError: The URL cannot be used.
            StorageError: Redirects go wrong.
            ConnectionBrokenError: No answer came, or not all that was poured at once.
            OutOfDescriptorsError: The system allows no further connection.
            RouteError: None will come until a setting is mended.
            Exception: Whatever a target has raised that was named at once.
        """
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._send(_Address.of(url), headers, at_once, throttle)
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                return answer
            await answer.aclose()
            following = _following(url, answer.headers)
            schemes = [_scheme(each.get_secret_value()) for each in (url, following)]
            if schemes[0] == "https" != schemes[1]:
                message = "the storage redirects to an address without https; not followed"
                raise StorageError(message, status=answer.status)
            url = following
        message = f"the storage redirects more than {MAX_REDIRECTS} times"
        raise StorageError(message, status=answer.status)

    def drop_idle(self) -> None:
        """Close idle connections, so that others may be opened; one of our transports can that."""
        if isinstance(self._transport, RoutedTransport):
            self._transport.drop_idle()

    def close(self) -> None:
        """End the threads, and with them what is still under way; may be called twice.

        It waits, without the event loop, for what is being written.
        """
        self._getter.close()

    async def _send(
        self, address: _Address, headers: Headers, at_once: AtOnce, throttle: Throttle | None
    ) -> Answer:
        failure: PixxelError
        try:
            place, pool = address.place, None
            if isinstance(self._transport, RoutedTransport):
                pool = self._transport.channels_to(place.origin)
            if pool is None:
                return await self._pull(address, headers)
            return await self._getter.get(
                pool,
                place.origin,
                _message(address, headers),
                at_once=at_once,
                throttle=throttle,
            )
        except httpx.LocalProtocolError:
            failure = TransferError("the signed URL has characters that no request may have")
        except (httpx.InvalidURL, UnicodeError):
            failure = TransferError(UNSENDABLE)
        except httpx.HTTPError as error:
            host = address.place.url.host
            if is_out_of_descriptors(error):
                failure = OutOfDescriptorsError(describe(error))
            else:
                failure = hindrance(error, host) or ConnectionBrokenError(describe(error))
        # Raised out here, so that it has no context: the error of httpx knows the URL.
        raise failure

    async def _pull(self, address: _Address, headers: Headers) -> PulledAnswer:
        request = httpx.Request(
            "GET",
            address.place.url,
            headers={**headers, "User-Agent": USER_AGENT},
            extensions={
                "target": address.target.get_secret_value().encode("ascii"),
                "timeout": self._timeouts,
            },
        )
        return PulledAnswer(await self._transport.handle_async_request(request))


def _message(address: _Address, headers: Headers) -> SecretBytes:
    """Return a request.

    Raises:
        LocalProtocolError: It has characters that it may not have.
    """
    target = address.target.get_secret_value().encode("ascii")
    return SecretBytes(request_line(b"GET", target) + _lines(address.place, tuple(headers.items())))


@lru_cache(maxsize=64)
def _lines(place: _Place, headers: tuple[tuple[str, str], ...]) -> bytes:
    """Return what follows the request line: the same for most packages of a storage."""
    named = [
        (b"Host", place.url.netloc),
        *((name.encode("ascii"), value.encode("ascii")) for name, value in headers),
        (b"User-Agent", USER_AGENT.encode("ascii")),
    ]
    return header_lines(named)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a URL leads to; there is one of each, and the hash of a URL takes its time.

    Attributes:
        url: The host alone.
        origin: The same, for the pool.
    """

    url: httpx.URL
    origin: Origin


@dataclass(frozen=True, slots=True)
class _Address:
    """A URL in the two parts that a request needs, of which the target is not normalised.

    Attributes:
        place: Scheme, host and port.
        target: Path and query, as they came.
    """

    place: _Place
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
        rest = url.partition("://")[2].partition("#")[0]
        authority = _AUTHORITY.match(rest)[0]  # type: ignore[index]  # it matches the empty string
        if "@" in authority:
            return "the signed URL carries a user name; refused"
        place = _place(_scheme(url), authority)
        if isinstance(place, str):
            return place
        target = rest[len(authority) :]
        if not target.startswith("/"):
            target = f"/{target}"
        return cls(place=place, target=SecretStr(target))


@lru_cache(maxsize=64)
def _place(scheme: str, authority: str) -> _Place | str:
    """Return where a URL leads to, or what is wrong with it."""
    try:
        parts = urlsplit(f"//{authority}")
        host = parts.hostname if parts.port != 0 else None
    except ValueError:  # a port that is no port, or half an IPv6 address
        host = None
    if not host or scheme not in PORTS:
        return "the signed URL is not an http URL"
    if scheme == "http" and host not in LOOPBACK_HOSTS:
        return f"the signed URL leads to {redact(host)} over plain http; refused"
    try:
        url = httpx.URL(f"{scheme}://{authority}/")
        raw_host = url.raw_host.decode("ascii") if url.host else ""
    except (httpx.InvalidURL, ValueError):  # such as a host that no look-up takes
        return UNSENDABLE
    origin = Origin(is_tls=scheme == "https", host=raw_host, port=url.port or PORTS[scheme])
    return _Place(url, origin)


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


def _scheme(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""  # all of the URL would be no scheme
