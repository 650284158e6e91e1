"""Connections for both HTTP clients: each request directly, or through a proxy.

Rules:
    * Direct requests go through a transport of our own, those through a proxy through httpx's.
    * The transports of httpx get proxy and certificates from here, and read no environment.
    * The name and the password of a proxy go to that proxy and nowhere else, errors included.
    * httpcore hands the extensions of a request on to the CONNECT that comes before it. The
      extension `target` would thereby show a proxy the signed URL, in clear. A request that goes
      through a proxy carries its target in the URL instead.
"""

from __future__ import annotations

import socket
import ssl
from functools import lru_cache

import httpx

from ..errors import ConfigError
from ..sansio.routes import Routes, shown
from .channel import Channel
from .direct import SENT_AGAIN, DirectTransport
from .pool import Origin, Pool
from .tls_layer import TlsLayer

TARGET = "target"


class RoutedTransport(httpx.AsyncBaseTransport):
    """Sends each request the way that its host is reached."""

    def __init__(self, routes: Routes, context: ssl.SSLContext, *, keep_alive: int) -> None:
        """Prepare; no connection is made.

        Args:
            routes: Which proxy a host is reached through.
            context: Which certificates are trusted, those of proxies too.
            keep_alive: How many idle connections are kept.

        Raises:
            ConfigError: A proxy speaks SOCKS, and the package for that is not installed.
        """
        # No bound on connections: who sends requests holds it. One that is cancelled may keep
        # its slot in httpcore's pool for ever (encode/httpcore#1093), and a pool would run dry.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=keep_alive)
        self._routes = routes
        self._is_direct = lru_cache(maxsize=64)(self._find_out_if_direct)
        self._direct = DirectTransport(context, keep_alive=keep_alive)
        self._channels = Pool(_channel, context, keep_alive=keep_alive)
        self._through: dict[str, httpx.AsyncHTTPTransport] = {}
        self._once: dict[str, httpx.AsyncHTTPTransport] = {}  # a new connection for each request
        for proxy in routes.proxies.values():
            url = proxy.get_secret_value()

            def through(limits: httpx.Limits, url: str = url) -> httpx.AsyncHTTPTransport:
                return httpx.AsyncHTTPTransport(
                    verify=context,
                    trust_env=False,
                    limits=limits,
                    proxy=httpx.Proxy(url, ssl_context=_own(url, context)),
                )

            try:
                self._through[url] = through(limits)
                self._once[url] = through(httpx.Limits(max_keepalive_connections=0))
            except ImportError:
                message = (
                    f"the proxy {shown(proxy)} needs a package: pip install 'httpx[socks]', "
                    "or name an http proxy"
                )
                raise ConfigError(message) from None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; an error that a proxy has a part in names it."""
        proxy = self._routes.proxy_for(request.url.scheme, request.url.host, request.url.port)
        if proxy is None:
            return await self._direct.handle_async_request(request)
        ways = self._through if request.method in SENT_AGAIN else self._once
        through = ways[proxy.get_secret_value()]
        try:
            return await through.handle_async_request(_with_target_in_url(request))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            text = f"{error}; proxy {shown(proxy)}" if str(error) else f"proxy {shown(proxy)}"
            raise type(error)(text) from error

    def direct_to(self, url: httpx.URL) -> DirectTransport | None:
        """Return what carries whole answers of a host that is reached without a proxy, or None."""
        is_direct = self._routes.proxy_for(url.scheme, url.host, url.port) is None
        return self._direct if is_direct else None

    def channels_to(self, origin: Origin) -> Pool[Channel] | None:
        """Return channels for a host that is reached without a proxy, or None for another one."""
        return self._channels if self._is_direct(origin) else None

    def _find_out_if_direct(self, origin: Origin) -> bool:
        scheme = "https" if origin.is_tls else "http"
        return self._routes.proxy_for(scheme, origin.host, origin.port) is None

    def drop_idle(self) -> None:
        """Close the idle connections that lead through no proxy."""
        self._direct.drop_idle()
        self._channels.drop_idle()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._direct.aclose()
        await self._channels.aclose()
        for transport in (*self._through.values(), *self._once.values()):
            await transport.aclose()


async def _channel(endpoint: socket.socket, tls: TlsLayer | None) -> Channel:
    return Channel(endpoint, tls)


class _ExactUrl(httpx.URL):
    """A URL whose path and query go out as they are given."""

    def __init__(self, url: httpx.URL, target: bytes) -> None:
        super().__init__(url)
        self._target = target

    @property
    def raw_path(self) -> bytes:
        return self._target


def _with_target_in_url(request: httpx.Request) -> httpx.Request:
    if TARGET not in request.extensions:
        return request
    extensions = dict(request.extensions)
    target = extensions.pop(TARGET)
    moved = httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )
    moved.url = _ExactUrl(request.url, target)
    return moved


def _own(url: str, context: ssl.SSLContext) -> ssl.SSLContext | None:
    """Return the context for the connection to a proxy: httpcore takes one for https alone."""
    return context if url.startswith("https:") else None
