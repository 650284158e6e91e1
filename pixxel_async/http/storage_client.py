"""GETs of signed URLs, which carry no credentials.

Rules:
    * No key, no cookies, no environment, no netrc: an engine sends what a `StorageRequest` says,
      plus `Host` and `User-Agent`.
    * The request target goes out byte for byte as the service sent it, since it is signed.
    * GET only: a URL that is signed for GET does not allow HEAD.
    * Redirects are followed here, a few times, and never from https to plain http. Plain http is
      accepted for loopback addresses only, and only if the service is at one, too.
    * A host whose address the policy does not allow is refused. Where a proxy resolves the name,
      the URL is all that is known of its address.
    * Where an error is raised, URLs are wrapped: some tools show the variables of each frame.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import SecretBytes, SecretStr

from ..addresses import LOOPBACK_HOSTS
from ..errors import StorageError, StorageHostError, TransferError
from ..sansio.api.proxy_rules import Routes
from ..sansio.redact import redact
from ..sansio.secrets import Redactor
from ..sansio.storage.address_policy import AddressPolicy, Scope
from .storage_response import (
    BandwidthLimiter,
    BodyWriter,
    ChooseWriter,
    StorageRequest,
    StorageResponse,
)

REMEMBERED_S = 60.0


class RefusedHosts:
    """The storage hosts that an export cannot use, remembered for `REMEMBERED_S`.

    A certificate, a proxy or an address policy blocks every package on a host: one handshake finds
    out, and the other packages fail with the same message. After that time one more request tries.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._known: dict[str, tuple[float, StorageHostError]] = {}

    def add(self, origin: str, error: StorageHostError) -> None:
        """Remember why a host cannot be used."""
        self._known[origin] = _now() + REMEMBERED_S, error

    def check(self, origin: str) -> None:
        """Allow a request, unless its host is known to be unusable.

        Raises:
            StorageHostError: An earlier request found that the host cannot be used.
        """
        until, error = self._known.get(origin, (float("-inf"), None))
        if error is None:
            return
        if _now() >= until:  # this request tries again; the others do not wait for it
            self._known[origin] = _now() + REMEMBERED_S, error
            return
        raise StorageHostError(error.message)


def _now() -> float:
    return asyncio.get_running_loop().time()


MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"https": 443, "http": 80}

WITH_LOOPBACK = AddressPolicy(service=Scope.LOOPBACK)
"""For a service on this machine."""

UNUSABLE = "the signed URL is not a URL that can be requested"

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_AUTHORITY = re.compile(r"[^/?]*")
_TARGET = re.compile(r"[\x21-\x7e]+")


class StorageEngine(Protocol):
    """Sends GETs; whoever makes one closes it."""

    async def get(
        self,
        request: StorageRequest,
        *,
        choose_writer: ChooseWriter,
        bandwidth: BandwidthLimiter | None,
    ) -> StorageResponse:
        """Send a GET, and return its response when the headers are there.

        Raises:
            ConnectionBrokenError: No response came, or not all of a body whose writer was chosen.
            OutOfDescriptorsError: The system allows no further connection.
            RouteError: No response will come until a setting is changed.
            Exception: Whatever a writer has raised that was chosen at once.
        """
        ...

    def prepare(self) -> None:
        """Acquire what every transfer needs, such as a thread.

        Raises:
            OutOfDescriptorsError: The system does not allow it.
        """
        ...

    async def aclose(self) -> None:
        """End everything that is under way; may be called twice."""
        ...

    def abandon(self) -> None:
        """Stop the threads of an event loop that has ended."""
        ...


def choose_later(_: StorageResponse) -> BodyWriter | None:
    """Choose no writer yet."""
    return None


class StorageClient:
    """Requests signed URLs through an engine, which it owns.

    Attributes:
        redactor: Removes secrets from what the storage sends.
    """

    def __init__(
        self,
        engine: StorageEngine,
        routes: Routes,
        *,
        addresses: AddressPolicy = WITH_LOOPBACK,
        redactor: Redactor | None = None,
    ) -> None:
        """Use an engine, and proxies where `routes` says so; see `AddressPolicy` for the rest."""
        self.redactor = redactor or Redactor()
        self._addresses = addresses
        self._engine = engine
        self._routes = routes

    async def get(
        self,
        url: SecretStr,
        headers: Mapping[str, str],
        *,
        choose_writer: ChooseWriter = choose_later,
        bandwidth: BandwidthLimiter | None = None,
        refused: RefusedHosts | None = None,
    ) -> StorageResponse:
        """Send a GET, and return its response, which the caller closes.

        Args:
            url: The signed URL.
            headers: `Range` and the like.
            choose_writer: Asked where the body goes as soon as the headers are there, possibly on
                another thread.
            bandwidth: Limits how fast the body is received.
            refused: Hosts known to be unusable; a newly found one is added.

        Raises:
            TransferError: The URL cannot be used.
            StorageError: Redirects go wrong.
            PixxelError: What `StorageEngine.get` raises.
        """
        for _ in range(MAX_REDIRECTS + 1):
            request = self._request(url, headers)
            if refused is not None:
                refused.check(request.origin)
            try:
                response = await self._send(request, choose_writer, bandwidth)
            except StorageHostError as error:
                if refused is not None:
                    refused.add(request.origin, error)
                raise
            if response.status not in REDIRECTS or "location" not in response.headers:
                return response
            await response.aclose()
            following = _following(url, response.headers)
            schemes = [_scheme(each.get_secret_value()) for each in (url, following)]
            if schemes[0] == "https" != schemes[1]:
                message = "the storage redirects to an address without https; not followed"
                raise StorageError(message, status=response.status)
            url = following
        message = f"the storage redirects more than {MAX_REDIRECTS} times"
        raise StorageError(message, status=response.status)

    def prepare(self) -> None:
        """Acquire what every transfer needs, so that an export does not start without it.

        Raises:
            OutOfDescriptorsError: The system allows no more threads or descriptors.
        """
        self._engine.prepare()

    async def aclose(self) -> None:
        """Close the engine; may be called twice."""
        await self._engine.aclose()

    def abandon(self) -> None:
        """Close the engine of an event loop that has ended."""
        self._engine.abandon()

    async def _send(
        self,
        request: StorageRequest,
        choose_writer: ChooseWriter,
        bandwidth: BandwidthLimiter | None,
    ) -> StorageResponse:
        if refusal := self._addresses.refusal(request.host):
            raise StorageHostError(refusal)
        if request.origin.startswith("http:") and not self._addresses.allows_plain_http:
            raise TransferError(_plain_http(request.host))
        return await self._engine.get(request, choose_writer=choose_writer, bandwidth=bandwidth)

    def _request(self, url: SecretStr, headers: Mapping[str, str]) -> StorageRequest:
        """Return what an engine sends for a URL.

        Raises:
            TransferError: It is not an https URL, nor an http URL of a loopback address.
        """
        found = _split(url.get_secret_value())
        if isinstance(found, str):
            failure = TransferError(found)
            del found  # it names the host, which may repeat a secret
            raise failure
        place, target = found
        return StorageRequest(
            url=url,
            origin=place.origin,
            host=place.host,
            target=target,
            headers=dict(headers),
            proxy=self._routes.proxy_for(place.scheme, place.host, place.port),
        )


@dataclass(frozen=True, slots=True)
class _Location:
    """The origin of a URL.

    Attributes:
        scheme: `https` or `http`.
        host: As it is resolved; an IPv6 address has no brackets.
        port: The port.
        origin: All three, normalised.
    """

    scheme: str
    host: str
    port: int
    origin: str


def _split(url: str) -> tuple[_Location, SecretBytes] | str:
    """Split a URL into its origin and request target, or return what is wrong with it."""
    rest = url.partition("://")[2].partition("#")[0]
    authority = _AUTHORITY.match(rest)[0]  # type: ignore[index]  # it matches the empty string
    if "@" in authority:
        return "the signed URL carries a user name; refused"
    place = _location(_scheme(url), authority)
    if isinstance(place, str):
        return place
    target = rest[len(authority) :]
    if not target.startswith("/"):
        target = f"/{target}"
    if not _TARGET.fullmatch(target):
        return "the signed URL has characters that no request may have"
    return place, SecretBytes(target.encode("ascii"))


@lru_cache(maxsize=64)
def _location(scheme: str, authority: str) -> _Location | str:
    """Return the origin of a URL, or what is wrong with it."""
    try:
        parts = urlsplit(f"//{authority}")
        host = parts.hostname if parts.port != 0 else None
    except ValueError:  # not a valid port, or half an IPv6 address
        host = None
    if not host or scheme not in PORTS:
        return "the signed URL is not an http URL"
    if scheme == "http" and host not in LOOPBACK_HOSTS:
        return _plain_http(host)
    try:
        url = httpx.URL(f"{scheme}://{authority}/")
        raw_host = url.raw_host.decode("ascii") if url.host else ""
    except (httpx.InvalidURL, ValueError):  # such as a host that cannot be looked up
        return UNUSABLE
    if not raw_host:
        return UNUSABLE
    port = url.port or PORTS[scheme]
    shown = f"[{raw_host}]" if ":" in raw_host else raw_host
    return _Location(scheme, raw_host, port, f"{scheme}://{shown}:{port}")


def _plain_http(host: str) -> str:
    return f"the signed URL leads to {redact(host)} over plain http; refused"


def _following(url: SecretStr, headers: Mapping[str, str]) -> SecretStr:
    """Return the target of a redirect."""
    location = headers["location"]
    # Joining normalises the path: an absolute URL is taken as it came.
    if _ABSOLUTE.match(location):
        return SecretStr(location)
    try:
        return SecretStr(urljoin(url.get_secret_value(), location))
    except ValueError:  # half an IPv6 address, which `_split` refuses
        return SecretStr(location)


def _scheme(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""  # else all of the URL would be the scheme
