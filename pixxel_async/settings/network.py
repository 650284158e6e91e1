"""Proxies and certificates that the system configures.

Rules:
    * Proxies: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in lower case first, and on macOS
      and Windows the proxies of the system, as Python's urllib reads them.
    * Certificates: SSL_CERT_FILE and SSL_CERT_DIR, alone or together, or else REQUESTS_CA_BUNDLE.
      They replace the built-in certificates.
    * A setting overrides all of these, except that NO_PROXY also applies to a given proxy.
    * PIXXEL_LOOPBACK_ONLY is for tests: with it, no client uses a host that is not on this machine.
"""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

from pydantic import SecretStr

from ..addresses import AUTO
from ..config import Settings
from ..errors import ConfigError
from ..http.tls import Certificates
from ..sansio.api.proxy_rules import Routes, routes_of
from ..sansio.storage.address_policy import LOOPBACK_ONLY, AddressPolicy, Scope


def routes(proxy: SecretStr) -> Routes:
    """Return the routes to hosts for a value of `proxy`.

    Raises:
        ConfigError: A variable is not the URL of a proxy.
    """
    return routes_of(proxy, urllib.request.getproxies())


def addresses(settings: Settings) -> AddressPolicy:
    """Return where a storage may be.

    Raises:
        ConfigError: PIXXEL_LOOPBACK_ONLY forbids the service itself.
    """
    is_loopback_only = os.environ.get(LOOPBACK_ONLY, "").lower() not in {"", "0", "false"}
    policy = AddressPolicy.of(
        settings.base_url,
        allow_private_storage=settings.allow_private_storage,
        loopback_only=is_loopback_only,
    )
    if is_loopback_only and policy.service is not Scope.LOOPBACK:
        message = (
            f"base_url is {settings.base_url}, and {LOOPBACK_ONLY} allows hosts of this machine "
            "only: use the sandbox, such as with the fixture pixxel_client, or unset the variable"
        )
        raise ConfigError(message)
    return policy


def certificates(ca_bundle: str) -> Certificates:
    """Return the trusted certificates for a value of `ca_bundle`."""
    if ca_bundle != AUTO:
        return _at(ca_bundle, "ca_bundle (PIXXEL_CA_BUNDLE)")
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        names = [
            name for name, value in (("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folder)) if value
        ]
        return Certificates(file or None, folder or None, " and ".join(names))
    if bundle := os.environ.get("REQUESTS_CA_BUNDLE"):
        return _at(bundle, "REQUESTS_CA_BUNDLE")
    return Certificates()


def _at(place: str, named_by: str) -> Certificates:
    try:
        path = Path(place).expanduser()
    except RuntimeError:
        message = f"{named_by}: there is no home directory for the ~ in {place}"
        raise ConfigError(message) from None
    if path.is_dir():
        return Certificates(folder=str(path), named_by=named_by)
    return Certificates(file=str(path), named_by=named_by)
