"""Where the service is, and the way there: how these settings are read."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

BASE_URL = "https://api.pixxel.space"
"""The server named by the service's OpenAPI document."""

AUTO = "auto"
DIRECT = "direct"
PROXY = AUTO
"""`auto`: as HTTPS_PROXY, ALL_PROXY and NO_PROXY say. `direct`: none."""
CA_BUNDLE = AUTO
"""`auto`: as SSL_CERT_FILE and the like say, or else the certificates of the package certifi."""

PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})
MOST_HOST_CHARS = 253
_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def _is_host(host: str) -> bool:
    """Tell whether a look-up takes a host: each label has 1 to 63 characters (RFC 1035)."""
    if ":" in host:  # `urlsplit` has looked at what stands in brackets
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
    except ValueError:  # half an IPv6 address, or a port that is none
        raise ValueError(reason) from None
    if parts.query or parts.fragment or "@" in parts.netloc or parts.port == 0:
        raise ValueError(reason)
    if not _is_host(host) or any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError(reason)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    ):
        reason = "use https; plain http is taken for a loopback address only"
        raise ValueError(reason)
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_https_or_loopback)]


def _proxy(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url in {AUTO, DIRECT}:
        return value
    return SecretStr(proxy_url(url))


def proxy_url(url: str) -> str:
    """Return the URL of a proxy with its scheme, which may be left out.

    Raises:
        ValueError: It is none; the message has no part of it, as it may hold a password.
    """
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        is_good = (
            _is_host(parts.hostname or "") and parts.scheme in PROXY_SCHEMES and parts.port != 0
        )
    except ValueError:  # a port that is none
        is_good = False
    if not is_good:
        reason = "give a proxy such as http://proxy.example:8080, or auto, or direct"
        raise ValueError(reason)
    return whole


Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
