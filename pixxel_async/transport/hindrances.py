"""Why no connection comes about, where trying again is of no use.

Rules:
    * A certificate that is not trusted stays so: the remedy depends on what is wrong with it.
    * A proxy that answers CONNECT with 4xx will do so again, except with 408 and 429.
"""

from __future__ import annotations

import errno
import re
import ssl

import httpx

from ..sansio.redact import redact

_PASSING = frozenset({"408", "429"})
_REFUSED = re.compile(r"(?P<status>4\d\d)\b")
_CLOCK = "it is out of date: look at the clock of this machine, or ask who runs that host"
_NAME = "it is made out for another host: look at the address, and at the proxy"
_REMEDIES = {9: _CLOCK, 10: _CLOCK, 62: _NAME, 64: _NAME}
"""By the numbers that OpenSSL gives to what it finds (X509_V_ERR_…)."""
_UNKNOWN = (
    "if a proxy or a private CA stands in between, name its certificate with --ca-bundle FILE "
    "(ca_bundle, PIXXEL_CA_BUNDLE or SSL_CERT_FILE)"
)
_DENIED = {
    "407": "put name and password into the proxy's URL: http://NAME:PASSWORD@HOST:PORT",
    "403": "ask who runs it to let this host through, or list the host in NO_PROXY",
}


def is_out_of_descriptors(error: BaseException) -> bool:
    """Tell whether a connection failed since the system allows no more open files."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in {errno.EMFILE, errno.ENFILE}:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def hindrance(error: Exception, host: str) -> str | None:
    """Return why no later try will do better, with the remedy; None if one may.

    Args:
        error: An error of httpx.
        host: The host that was asked for.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            remedy = _REMEDIES.get(seen.verify_code, _UNKNOWN)
            said = redact(seen.verify_message)
            return f"the certificate of {redact(host)} is refused ({said}); {remedy}"
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, httpx.ProxyError) and (match := _REFUSED.match(str(error))):
        status = match["status"]
        if status not in _PASSING:
            remedy = _DENIED.get(status, "ask who runs it, or go another way with --proxy")
            said = redact(str(error))
            return f"the proxy refuses {redact(host)} ({said}); {remedy}"
    return None
