"""Errors of connections: what to say, and what to do about those that stay.

Rules:
    * A certificate that is not trusted stays so. The remedy depends on what is wrong with it.
    * A proxy that answers CONNECT with 4xx will do so again, except with 408 and 429.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator

from pydantic import SecretStr

from ..errors import ConnectionBrokenError, OutOfDescriptorsError, PixxelError, StorageHostError
from ..sansio.api.proxy_rules import shown
from ..sansio.redact import redact

_PASSING = frozenset({408, 429})
_CLIENT_ERRORS = range(400, 500)
_CLOCK = "it is out of date: check the clock of this machine, or ask whoever runs that host"
_NAME = "it belongs to another host: check the address, and the proxy"
_REMEDIES = {9: _CLOCK, 10: _CLOCK, 62: _NAME, 64: _NAME}
"""By OpenSSL's verification results (X509_V_ERR_…)."""
_UNKNOWN = (
    "if a proxy or a private CA stands in between, name its certificate with --ca-bundle FILE "
    "(ca_bundle, PIXXEL_CA_BUNDLE or SSL_CERT_FILE)"
)
_DENIED = {
    407: "put name and password into the proxy's URL: http://NAME:PASSWORD@HOST:PORT",
    403: "ask whoever runs it to allow this host, or list the host in NO_PROXY",
}
_CHECK_NETWORK = (
    "check the network and --base-url (base_url); if there is a proxy, name it with --proxy (proxy)"
)
_CHECK_TLS = "check the scheme and the port of --base-url (base_url), and the network"
_CHECK_PROXY = "check --proxy (proxy, HTTPS_PROXY) and the network"
_ASK_PROXY = "check --base-url (base_url), and ask whoever runs the proxy"
UNREACHED = frozenset({"ConnectError", "ConnectTimeout", "ProxyError"})
"""Names of errors of a connection that was never made."""
NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
)
"""Names of errors after which nobody has seen the request."""


def certificate_problem(host: str, verify_code: int, said: str) -> str:
    """Say that a certificate is not trusted, and what to do.

    Args:
        host: Whose certificate it is.
        verify_code: OpenSSL's verification result.
        said: What the TLS library says about it.
    """
    remedy = _REMEDIES.get(verify_code, _NAME if "match" in said else _UNKNOWN)
    return f"the certificate of {redact(host)} is refused ({redact(said)}); {remedy}"


def proxy_problem(host: str, status: int, proxy: SecretStr | None) -> str | None:
    """Say that a proxy refuses a host for good, and what to do; or return None if it may pass.

    Args:
        host: The host that was asked for.
        status: What the proxy answered to CONNECT.
        proxy: Its URL, which may hold a password.
    """
    if status not in _CLIENT_ERRORS or status in _PASSING:
        return None
    remedy = _DENIED.get(status, "ask whoever runs it, or choose another with --proxy")
    which = "" if proxy is None else f"; {named(proxy)}"
    return f"the proxy refuses {redact(host)} ({status}{which}); {remedy}"


_TEXT = {
    "ConnectError": "no connection",
    "ConnectTimeout": "no connection in time",
    "PoolTimeout": "no free connection in time",
    "ReadTimeout": "no response in time",
    "ReadError": "the connection broke while receiving",
    "WriteError": "the connection broke while sending",
    "WriteTimeout": "sending took too long",
    "RemoteProtocolError": "the connection closed early, or the response is not valid HTTP",
    "ProxyError": "the proxy refused",
}
"""By the name of the error, which httpx and httpx2 share."""
_PROXY_STATUS = re.compile(r"(\d{3})\b")


def describe(error: Exception, proxy: SecretStr | None = None) -> str:
    """Describe an error of httpx, without the request that it knows.

    Args:
        error: The error.
        proxy: The proxy that the request went through, which is named if it may be to blame.
    """
    name = type(error).__name__
    text = _TEXT.get(name, "the connection failed")
    said = redact(str(error))
    if proxy is not None and name in UNREACHED:
        said = f"{said}; {named(proxy)}" if said else named(proxy)
    return f"{text} ({said})" if said else text


def named(proxy: SecretStr) -> str:
    """Return words that name a proxy, without its password."""
    return f"proxy {shown(proxy)}"


def route_problem(error: Exception, host: str, proxy: SecretStr | None = None) -> str | None:
    """Say why no later attempt will succeed, and what to do; or return None.

    Args:
        error: An error of httpx.
        host: The host that was asked for.
        proxy: The proxy that leads there.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return certificate_problem(host, cause.verify_code, cause.verify_message)
    if type(error).__name__ == "ProxyError" and (match := _PROXY_STATUS.match(str(error))):
        return proxy_problem(host, int(match[1]), proxy)
    return None


def unreachable(error: Exception, host: str, proxy: SecretStr | None = None) -> str:
    """Say that no connection was made, why, and what to check.

    Args:
        error: An error of httpx that is in `UNREACHED`.
        host: The host that was asked for.
        proxy: The proxy that leads there.
    """
    reason, is_behind_proxy = _no_connection(error)
    if proxy is None:
        who = redact(host)
        remedy = _CHECK_TLS if is_behind_proxy else _CHECK_NETWORK
    elif is_behind_proxy:
        who, remedy = f"{redact(host)} behind the {named(proxy)}", _ASK_PROXY
    else:
        who, remedy = f"the {named(proxy)}", _CHECK_PROXY
    return f"{who} cannot be reached: {reason}; {remedy}"


def _no_connection(error: Exception) -> tuple[str, bool]:
    """Return why there is no connection, and whether a proxy, if there is one, was reached."""
    if type(error).__name__ == "ProxyError":
        return f"{_TEXT['ProxyError']} ({redact(str(error))})", True
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return f"its name has no address ({cause.strerror})", False
            case ssl.SSLError():
                said = (getattr(cause, "reason", "") or str(cause)).lower().replace("_", " ")
                return f"the TLS handshake fails ({redact(said)})", True
            case OSError(errno=int(number)):
                return os.strerror(number).lower(), False
    if type(error).__name__ == "ConnectTimeout":
        return "it does not respond in time", False
    return redact(str(error)) or _TEXT["ConnectError"], False


def storage_error(error: Exception, host: str, proxy: SecretStr | None) -> PixxelError:
    """Return the error of a transfer that httpx could not make; arguments as `route_problem`'s."""
    if is_out_of_descriptors(error):
        return OutOfDescriptorsError(describe(error, proxy))
    if (reason := route_problem(error, host, proxy)) is not None:
        return StorageHostError(reason)
    sent = type(error).__name__ not in NEVER_SENT
    return ConnectionBrokenError(describe(error, proxy), sent=sent)


def is_out_of_descriptors(error: BaseException) -> bool:
    """Return whether a connection failed because the process may open no more files."""
    return any(
        isinstance(cause, OSError) and cause.errno in {errno.EMFILE, errno.ENFILE}
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        if isinstance(seen, BaseExceptionGroup):  # one error for each address of the host
            seen = seen.exceptions[0]
        else:
            seen = seen.__cause__ or seen.__context__
