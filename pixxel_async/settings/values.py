"""Single settings: which there are, and what each may be."""

from __future__ import annotations

import difflib
import functools
from enum import StrEnum
from typing import Annotated, Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from ..config import Settings


class KeyStore(StrEnum):
    """Where a profile stores its key."""

    FILE = "file"
    KEYRING = "keyring"


API_KEY = "api_key"
PROXY_KEY = "proxy"
KEY_STORE = "key_store"
KEYS = (*Settings.model_fields, KEY_STORE)
"""What a profile of the config file may have; all but the last are in the environment too."""

SWITCHES = frozenset(
    name for name, field in Settings.model_fields.items() if field.annotation is bool
)

FINGERPRINT_CHARS = 4
LEAST_FINGERPRINTED = 12
"""The end of a shorter key would tell too much of it."""


def check_value(key: str, value: object) -> object:
    """Return a setting in its type.

    Args:
        key: Its name.
        value: As it stands in a file or on a command line.

    Raises:
        ValueError: It cannot be; the message does not repeat it.
    """
    if isinstance(value, bool) and key not in SWITCHES:
        reason = "true and false are no value of this key"
        raise ValueError(reason)
    try:
        return _type_of(key).validate_python(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    raise ValueError(problem["msg"].removeprefix("Value error, "))


def unknown(key: str) -> str:
    """Return what is said about a key that there is not."""
    near = difflib.get_close_matches(key, KEYS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(KEYS)}"
    return f"there is no such key; {hint}"


def fingerprint(key: SecretStr) -> str:
    """Return the end of a key, by which its owner knows it."""
    text = key.get_secret_value()
    return f"…{text[-FINGERPRINT_CHARS:]}" if len(text) >= LEAST_FINGERPRINTED else "…"


@functools.cache
def _type_of(key: str) -> TypeAdapter[Any]:
    if key == KEY_STORE:
        return TypeAdapter(KeyStore)
    field = Settings.model_fields[key]
    return TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]  # known at run time only
