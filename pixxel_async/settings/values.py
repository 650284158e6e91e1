"""Single settings: their names, how a value is parsed, and how it is displayed."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from ..config import Settings
from ..sansio.units import exact_duration, exact_rate, read_duration, read_rate


class KeyStore(StrEnum):
    """Where a profile stores its key."""

    FILE = "file"
    KEYRING = "keyring"


API_KEY = "api_key"
PROXY_KEY = "proxy"
KEY_STORE = "key_store"
KEYS = (*Settings.model_fields, KEY_STORE)
"""The keys of a profile; each but the last has an environment variable, too."""

SWITCHES = frozenset(
    name for name, field in Settings.model_fields.items() if field.annotation is bool
)

FINGERPRINT_CHARS = 4
LEAST_FINGERPRINTED = 12
"""The end of a shorter key would reveal too much of it."""

_UNITS: Mapping[str, tuple[Callable[[str], float], Callable[[float], str]]] = {
    "requests_per_second": (read_rate, exact_rate),
    **dict.fromkeys(
        ("wait_timeout", "answer_timeout", "stall_timeout", "poll_initial", "poll_max"),
        (read_duration, exact_duration),
    ),
}
"""How settings with a unit are parsed and displayed."""


def check_value(key: str, value: object) -> object:
    """Return a setting in its type.

    Args:
        key: Its name.
        value: The value from a file, the environment or the command line.

    Raises:
        ValueError: It is invalid; the message does not repeat it.
    """
    if isinstance(value, bool) and key not in SWITCHES:
        reason = "true and false are not valid for this key"
        raise ValueError(reason)
    if isinstance(value, (str, int, float)) and key in _UNITS:
        value = _UNITS[key][0](value if isinstance(value, str) else f"{Decimal(str(value)):f}")
    try:
        return _type_of(key).validate_python(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    raise ValueError(problem["msg"].removeprefix("Value error, "))


def shown_value(key: str, value: object) -> str:
    """Return a value that is not a secret, in its unit."""
    return _UNITS[key][1](value) if isinstance(value, float) and key in _UNITS else f"{value}"


def unknown(key: str) -> str:
    """Return the reason for refusing a key that does not exist."""
    near = difflib.get_close_matches(key, KEYS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"valid keys: {', '.join(KEYS)}"
    return f"unknown key; {hint}"


def fingerprint(key: SecretStr) -> str:
    """Return the end of a key, by which its owner recognizes it."""
    text = key.get_secret_value()
    return f"…{text[-FINGERPRINT_CHARS:]}" if len(text) >= LEAST_FINGERPRINTED else "…"


@functools.cache
def _type_of(key: str) -> TypeAdapter[Any]:
    if key == KEY_STORE:
        return TypeAdapter(KeyStore)
    field = Settings.model_fields[key]
    return TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]  # known at run time only
