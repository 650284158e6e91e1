"""Whether httpx can request the URLs of the settings: it is stricter than their own checks."""

from __future__ import annotations

import httpx
from pydantic import SecretStr

from ..addresses import AUTO, DIRECT
from ..errors import ConfigError


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
