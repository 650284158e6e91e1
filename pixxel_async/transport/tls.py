"""Which certificates are trusted."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import httpx

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class Trust:
    """Where the certificates lie that are trusted, in place of those of certifi.

    Attributes:
        file: A file in PEM form, or None.
        folder: A folder of such files, named as OpenSSL's `rehash` does, or None.
        named_by: What said so, for errors.
    """

    file: str | None = None
    folder: str | None = None
    named_by: str = ""


def ssl_context(trust: Trust) -> ssl.SSLContext:
    """Return a context that checks certificates and host names.

    Raises:
        ConfigError: There is no such file, or it has no certificates.
    """
    if trust.file is None and trust.folder is None:
        return httpx.create_ssl_context(trust_env=False)
    place = trust.file or trust.folder
    try:
        return ssl.create_default_context(cafile=trust.file, capath=trust.folder)
    except ssl.SSLError:
        reason = f"{place} has no certificates in PEM form (-----BEGIN CERTIFICATE-----)"
    except OSError as error:
        reason = f"{place} cannot be read: {error.strerror or error}"
    message = f"{trust.named_by}: {reason}"
    raise ConfigError(message)
