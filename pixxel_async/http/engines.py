"""Which engine transfers the packages."""

from __future__ import annotations

from enum import StrEnum

import httpx

from ..config import Timeouts
from ..errors import ConfigError
from ..policy import choice
from ..sansio.storage.address_policy import AddressPolicy
from .clients import make_client
from .httpx_engine import HttpxEngine
from .storage_client import StorageEngine
from .tls import Certificates


class Engine(StrEnum):
    """What transfers the packages: AUTO is libcurl wherever pycurl can be imported."""

    AUTO = "auto"
    LIBCURL = "libcurl"
    HTTPX = "httpx"


def storage_engine(
    engine: Engine | str,
    *,
    client: httpx.AsyncClient | None,
    certificates: Certificates,
    timeouts: Timeouts,
    addresses: AddressPolicy,
) -> StorageEngine:
    """Return the engine of a client; whoever makes one closes it.

    Args:
        engine: Which one.
        client: A client of httpx to use, which is not closed, or None.
        certificates: Which certificates are trusted, unless a client is given.
        timeouts: How long connecting may take.
        addresses: Where a storage may be.

    Raises:
        ConfigError: There is no such engine, or libcurl is wanted, and pycurl cannot be imported.
    """
    engine = choice(Engine, engine, "engine")
    if client is not None:
        return HttpxEngine(lambda *_: client, timeouts=timeouts, addresses=addresses, closes=False)
    if engine is not Engine.HTTPX:
        try:
            from .libcurl import CurlEngine  # noqa: PLC0415 - optional, and slow to import
        except ImportError as error:
            if engine is Engine.LIBCURL:
                message = f"engine: libcurl needs the package pycurl ({error}); install it"
                raise ConfigError(message) from None
        else:
            return CurlEngine(certificates=certificates, timeouts=timeouts, addresses=addresses)
    context = certificates.context()
    return HttpxEngine(
        lambda proxy, kept: make_client(context, proxy, max_connections=None, kept=kept),
        timeouts=timeouts,
        addresses=addresses,
        closes=True,
    )
