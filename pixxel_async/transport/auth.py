"""The key, put on each API request and on nothing else."""

from __future__ import annotations

from collections.abc import Generator

import httpx
from pydantic import SecretStr

from ..config import AuthScheme
from ..errors import ConfigError


class KeyAuth(httpx.Auth):
    """Puts the key into the `Authorization` header, as the scheme says."""

    def __init__(self, key: SecretStr, scheme: AuthScheme) -> None:
        """Check that the key can stand in a header (RFC 9110 section 5.5).

        Raises:
            ConfigError: The key is empty, or has blanks or characters that no header may have.
        """
        text = key.get_secret_value()
        if not text:
            message = "the API key is empty"
            raise ConfigError(message)
        if not (text.isascii() and text.isprintable()) or text != text.strip():
            message = "the API key has a blank at an end, or a character that is no plain ASCII"
            raise ConfigError(message)
        self._key = key
        self._prefix = "Bearer " if scheme is AuthScheme.BEARER else ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header; called by httpx for each request."""
        request.headers["Authorization"] = self._prefix + self._key.get_secret_value()
        yield request
