"""The key, on each call of the service and on nothing else."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import httpx
from pydantic import SecretStr

from ..config import AuthScheme
from ..errors import ConfigError
from ..sansio.secrets import KEY_MASK, PASSWORD_MASK, Redactor


class KeyAuth(httpx.Auth):
    """Writes the `Authorization` header; httpx2 takes it as a function of a request.

    Attributes:
        redactor: Cuts the key out of every response.
    """

    def __init__(
        self, key: SecretStr, scheme: AuthScheme, *, passwords: Iterable[SecretStr] = ()
    ) -> None:
        """Check that the key can stand in a header (RFC 9110 section 5.5).

        Args:
            key: The API key.
            scheme: How it is sent.
            passwords: Those of proxies, which may come back in errors, too.

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
        self.redactor = Redactor(
            [(text, KEY_MASK), *((each.get_secret_value(), PASSWORD_MASK) for each in passwords)]
        )
        self._prefix = "Bearer " if scheme is AuthScheme.BEARER else ""

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
