"""Which proxy a request goes through, if any.

Rules:
    * A loopback address is reached directly: behind a proxy, that name means another machine.
    * What NO_PROXY lists is reached directly, also past a proxy that is given. `*` is everything.
      A name is itself and all names below it, with or without a leading dot. An address is
      itself; a network, such as 10.0.0.0/8, is all its addresses. `:8443` after any of them means
      that port only.
    * A proxy that is given takes everything else. Where none is given, the variable of the URL's
      scheme wins over ALL_PROXY.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from ...addresses import AUTO, DIRECT, LOOPBACK_HOSTS, proxy_url
from ...errors import ConfigError

EVERY_SCHEME = "all"
SCHEMES = ("https", "http", EVERY_SCHEME)
_ENTRY = re.compile(r"(?P<host>\[[^\]]*\]|[^\[\]:]*|[^\[\]]*:[^\[\]]*:[^\[\]]*)(:(?P<port>\d+))?")


@dataclass(frozen=True, slots=True)
class Routes:
    """How hosts are reached.

    Attributes:
        proxies: Proxies by the scheme of the requested URL; `all` covers the others.
        bypass: The entries of NO_PROXY.
    """

    proxies: Mapping[str, SecretStr] = field(default_factory=dict)
    bypass: tuple[str, ...] = ()

    @property
    def passwords(self) -> tuple[SecretStr, ...]:
        """The passwords of the proxies, as they are sent."""
        found = (urlsplit(proxy.get_secret_value()).password for proxy in self.proxies.values())
        return tuple(SecretStr(unquote(password)) for password in found if password)

    def proxy_for(self, scheme: str, host: str, port: int | None) -> SecretStr | None:
        """Return the proxy for a request, or None if there is none between.

        Args:
            scheme: Scheme of the requested URL.
            host: Its host; an IPv6 address has no brackets.
            port: Its port; None is the scheme's own.
        """
        if is_loopback(host):
            return None
        number = port or {"https": 443, "http": 80}.get(scheme, 0)
        if any(_covers(entry, host, number) for entry in self.bypass):
            return None
        return self.proxies.get(scheme) or self.proxies.get(EVERY_SCHEME)


def routes_of(proxy: SecretStr, variables: Mapping[str, str]) -> Routes:
    """Return how hosts are reached.

    Args:
        proxy: The setting: `auto`, `direct`, or a URL.
        variables: What the system says, by scheme: `https`, `http`, `all`, and `no`.

    Raises:
        ConfigError: A variable holds no URL of a proxy.
    """
    bypass = tuple(entry for entry in re.split(r"[,\s]+", variables.get("no", "")) if entry)
    match proxy.get_secret_value():
        case str(word) if word == DIRECT:
            return Routes()
        case str(word) if word == AUTO:
            return Routes(_from_variables(variables), bypass)
        case _:
            return Routes({EVERY_SCHEME: proxy}, bypass)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    address = _address(host)
    if address is not None:
        return address.is_loopback
    return host.lower() in LOOPBACK_HOSTS


def shown(proxy: SecretStr) -> str:
    """Return the URL of a proxy without name and password."""
    parts = urlsplit(proxy.get_secret_value())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def has_password(proxy: SecretStr) -> bool:
    """Return whether the URL of a proxy holds a password, or a name that may be one."""
    return "@" in proxy.get_secret_value()


def _from_variables(variables: Mapping[str, str]) -> dict[str, SecretStr]:
    found = {}
    for scheme in SCHEMES:
        if url := variables.get(scheme, "").strip():
            try:
                found[scheme] = SecretStr(proxy_url(url))
            except ValueError:
                message = (
                    f"{scheme.upper()}_PROXY holds no proxy: give one such as "
                    "http://proxy.example:8080, unset it, or go past it with --proxy direct"
                )
                raise ConfigError(message) from None
    return found


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    network = _network(entry)
    address = _address(host)
    if network is not None:
        return address is not None and address in network
    match = _ENTRY.fullmatch(entry)
    if match is None or (match["port"] and int(match["port"]) != port):
        return False
    name = match["host"].strip("[]").lower().removeprefix("*").strip(".")
    if address is not None:
        return _address(name) == address
    found = host.lower().rstrip(".")
    return bool(name) and (found == name or found.endswith(f".{name}"))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    if "/" not in entry:
        return None
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None
