"""The key, on each call of the service and on nothing else."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import httpx
from pydantic import SecretStr

from ..config import AuthScheme
from ..errors import ConfigError

LEAST_CONCEALED = 8
"""A key that is shorter than this, in characters, is no key of the service."""


class KeyAuth(httpx.Auth):
    """Writes the `Authorization` header; httpx2 takes it as a function of a request."""

    def __init__(self, key: SecretStr, scheme: AuthScheme) -> None:
        """Check that the key is valid in a header (RFC 9110, 5.5).

        Raises:
            ConfigError: The key is empty, or has spaces or characters that no header may have.
        """
        text = key.get_secret_value()
        if not text:
            message = "the API key (PIXXEL_API_KEY) is empty"
            raise ConfigError(message)
        if not (text.isascii() and text.isprintable()) or text != text.strip():
            message = (
                "the API key (PIXXEL_API_KEY) has a space at an end, or a character that is not "
                "plain ASCII: copy it again"
            )
            raise ConfigError(message)
        self._key = key
        self._key_bytes = text.encode("ascii")
        self._prefix = "Bearer " if scheme is AuthScheme.BEARER else ""

    def conceal(self, body: bytes) -> bytes:
        """Cut the key out of an error that repeats it; one of a few letters would fit anywhere."""
        if len(self._key_bytes) < LEAST_CONCEALED:
            return body
        return body.replace(self._key_bytes, b"[key]")

    def header(self) -> str:
        """Return the value of the `Authorization` header."""
        return self._prefix + self._key.get_secret_value()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authorise a request of httpx."""
        yield self(request)

    def __call__(self, request: Any) -> Any:
        """Authorise a request of httpx or httpx2, and return it."""
        request.headers["Authorization"] = self.header()
        return request
