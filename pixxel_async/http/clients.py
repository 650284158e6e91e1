"""Clients of httpx that are ours: nothing from the environment, proxy and certificates explicit."""

from __future__ import annotations

import ssl

import httpx
from pydantic import SecretStr

from ..addresses import AUTO, DIRECT
from ..errors import ConfigError
from ..sansio.api.proxy_rules import shown

_CONNECTS = ".connect_"
REQUEST_STARTS = ".send_request_headers.started"
_RESPONSE_CAME = ".receive_response_headers.complete"
"""Parts of the names of httpcore's trace events; what comes before depends on the protocol."""

_CLOSED = frozenset({"ReadError", "RemoteProtocolError", "WriteError"})
"""How httpx reports that the server has closed a connection, by the name of the error."""

CLOSE_S = 2.0
"""How long closing may take, in seconds: whoever was cancelled waits for it."""


def make_client(
    context: ssl.SSLContext,
    proxy: SecretStr | None,
    *,
    max_connections: int | None,
    kept: int | None = None,
) -> httpx.AsyncClient:
    """Return a client; whoever makes one closes it.

    Args:
        context: Which certificates are trusted, those of an https proxy too.
        proxy: The URL of a proxy, or None.
        max_connections: How many connections it opens; None is as many as there are requests.
        kept: How many of them it keeps for later requests; None keeps all.

    Raises:
        ConfigError: The proxy speaks SOCKS, and the package for that is not installed.
    """
    url = None if proxy is None else proxy.get_secret_value()
    try:
        return httpx.AsyncClient(
            verify=context,
            trust_env=False,
            proxy=None if url is None else httpx.Proxy(url, ssl_context=_own(url, context)),
            limits=httpx.Limits(
                max_connections=max_connections,
                max_keepalive_connections=max_connections if kept is None else kept,
            ),
        )
    except ImportError:
        message = (
            f"the proxy {'' if proxy is None else shown(proxy)} needs a package: "
            "pip install 'httpx[socks]', or use an http proxy"
        )
        raise ConfigError(message) from None


class ConnectionReuse:
    """Follows a request, to tell a kept connection that the server closed from other failures."""

    def __init__(self) -> None:
        """Nothing has been sent."""
        self._is_new = False
        self._is_reused = False

    def follow(self, event: str) -> None:
        """Take the name of a trace event of httpcore."""
        if _CONNECTS in event:
            self._is_new = True
        elif event.endswith(REQUEST_STARTS):
            self._is_reused = not self._is_new
        elif event.endswith(_RESPONSE_CAME):
            self._is_reused = False

    def was_closed(self, error: Exception) -> bool:
        """Whether a kept connection was closed before it brought a response (RFC 9112, 9.3.1)."""
        return self._is_reused and type(error).__name__ in _CLOSED


def _own(url: str, context: ssl.SSLContext) -> ssl.SSLContext | None:
    """Return the context for the connection to a proxy: httpcore takes one for https alone."""
    return context if url.startswith("https:") else None


def check_urls(base_url: str, proxy: SecretStr) -> None:
    """Refuse a host that is not a valid name (IDNA 2008) or address.

    Raises:
        ConfigError: It is not; the message has no part of the URL, as it may hold a password.
    """
    urls = {"base_url": base_url, "proxy": proxy.get_secret_value()}
    for name, url in urls.items():
        try:
            _ = None if url in {AUTO, DIRECT} else httpx.URL(url).host  # this decodes "xn--" names
        except (httpx.InvalidURL, UnicodeError):
            message = f"{name} (PIXXEL_{name.upper()}): its host is not a valid name or address"
            raise ConfigError(message) from None
