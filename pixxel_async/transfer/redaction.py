"""Secrets that a storage repeats, kept out of errors and of the journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from ..errors import PixxelError
from ..sansio.secrets import Redactor
from .errors import RetryableError


@contextmanager
def secrets_cut(redactor: Redactor, url: SecretStr) -> Iterator[None]:
    """Cut out of errors what they repeat of the key or of a signed URL, while the context is open.

    Args:
        redactor: Knows the key.
        url: Its query holds the signature.
    """
    try:
        yield
    except (PixxelError, RetryableError) as error:
        said = error.error if isinstance(error, RetryableError) else error
        redactor.and_those_of(url.get_secret_value()).error(said)
        raise


def unless_secret(redactor: Redactor, validator: str | None, url: SecretStr | None) -> str | None:
    """Return a validator, or None if it repeats a secret: the journal would keep it."""
    if validator is None or url is None:
        return validator
    is_secret = redactor.and_those_of(url.get_secret_value()).finds(validator)
    return None if is_secret else validator
