"""Validation of the service's base URL and of the proxy."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

BASE_URL = "https://api.pixxel.space"
"""The server named by the service's OpenAPI document."""

AUTO: Literal["auto"] = "auto"
DIRECT = "direct"
PROXY = AUTO
"""`auto`: from HTTPS_PROXY, ALL_PROXY and NO_PROXY. `direct`: no proxy."""
CA_BUNDLE = AUTO
"""`auto`: from SSL_CERT_FILE and its kin, otherwise the certificates of the certifi package."""

PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})
MOST_HOST_CHARS = 253
_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def _is_host(host: str) -> bool:
    """Check that a host can be resolved: each label has 1 to 63 characters (RFC 1035)."""
    if ":" in host:  # IPv6: `urlsplit` has checked the part in brackets
        return True
    try:
        ascii_host = host.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return len(ascii_host) <= MOST_HOST_CHARS and bool(_HOST.fullmatch(ascii_host))


def _https_or_loopback(url: str) -> str:
    reason = "give scheme and host, such as https://api.pixxel.space"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # an incomplete IPv6 address or an invalid port
        raise ValueError(reason) from None
    if parts.query or parts.fragment or "@" in parts.netloc or parts.port == 0:
        raise ValueError(reason)
    if not _is_host(host) or any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError(reason)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    ):
        reason = "use https; plain http is allowed for loopback addresses only"
        raise ValueError(reason)
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_https_or_loopback)]


def _proxy(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url in {AUTO, DIRECT}:
        return value
    return SecretStr(proxy_url(url))


def proxy_url(url: str) -> str:
    """Return a proxy's URL; a missing scheme becomes `http`.

    Raises:
        ValueError: The URL is invalid. The message does not quote it: it may contain a password.
    """
    full_url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(full_url)
        is_valid = (
            _is_host(parts.hostname or "") and parts.scheme in PROXY_SCHEMES and parts.port != 0
        )
    except ValueError:  # an invalid port
        is_valid = False
    if not is_valid:
        reason = "give a proxy such as http://proxy.example:8080, or auto, or direct"
        raise ValueError(reason)
    return full_url


Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
