"""The key in the system keyring, for which the extra `keyring` has to be installed.

Rules:
    * The package is imported when it is wanted and not before: it starts slowly, and on some
      systems it asks the user to unlock something.
    * A keyring that keeps plain text is none.
"""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import SecretStr

from ..errors import ConfigError

SERVICE = "pixxel-async"
_NO_KEYRINGS = ("keyring.backends.fail.", "keyring.backends.null.", "plaintext")
REMEDY = "pip install 'pixxel-async[keyring]'"


def stored_key(profile: str) -> SecretStr | None:
    """Return the key of a profile, or None if the keyring has none.

    Raises:
        ConfigError: There is no keyring that can be used.
    """
    keyring = _keyring()
    try:
        key = keyring.get_password(SERVICE, profile)
    except keyring.errors.KeyringError as error:
        reason = type(error).__name__
    else:
        return None if key is None else SecretStr(key)
    raise ConfigError(_unusable(reason))


def store_key(profile: str, key: SecretStr) -> None:
    """Put the key of a profile into the keyring.

    Raises:
        ConfigError: There is no keyring that can be used.
    """
    keyring = _keyring()
    try:
        keyring.set_password(SERVICE, profile, key.get_secret_value())
    except keyring.errors.KeyringError as error:
        reason = type(error).__name__
    else:
        return
    raise ConfigError(_unusable(reason))


def forget_key(profile: str) -> bool:
    """Remove the key of a profile; return whether there was one.

    Raises:
        ConfigError: There is no keyring that can be used.
    """
    keyring = _keyring()
    if stored_key(profile) is None:
        return False
    try:
        keyring.delete_password(SERVICE, profile)
    except keyring.errors.KeyringError as error:
        reason = type(error).__name__
    else:
        return True
    raise ConfigError(_unusable(reason))


def _keyring() -> Any:
    try:
        keyring = importlib.import_module("keyring")
        importlib.import_module("keyring.errors")
    except ImportError:
        message = f"the system keyring needs an extra: {REMEDY}"
        raise ConfigError(message) from None
    backend = keyring.get_keyring()
    # Where there are several, the first of them takes what is stored.
    first = next(iter(getattr(backend, "backends", ())), backend)
    name = f"{type(first).__module__}.{type(first).__qualname__}".lower()
    if any(word in name for word in _NO_KEYRINGS):
        message = "this system has no keyring that keeps secrets: use --store file"
        raise ConfigError(message)
    return keyring


def _unusable(reason: str) -> str:
    # The words of a backend are not repeated: nobody knows what is in them.
    return f"the system keyring cannot be used ({reason}): unlock it, or use --store file"
