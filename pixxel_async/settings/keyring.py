"""The key in the system keyring; needs the extra `keyring`.

Rules:
    * The package is imported only when needed: it is slow to import, and on some systems it asks
      the user to unlock the keyring.
    * A keyring that stores plain text is not used.
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
        ConfigError: There is no usable keyring.
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
    """Store the key of a profile in the keyring.

    Raises:
        ConfigError: There is no usable keyring.
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
    """Delete the key of a profile; return whether there was one.

    Raises:
        ConfigError: There is no usable keyring.
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
    # A chain of backends stores in the first of them.
    first = next(iter(getattr(backend, "backends", ())), backend)
    name = f"{type(first).__module__}.{type(first).__qualname__}".lower()
    if any(word in name for word in _NO_KEYRINGS):
        message = "this system has no keyring that encrypts secrets: use --store file"
        raise ConfigError(message)
    return keyring


def _unusable(reason: str) -> str:
    # The backend's message is not repeated: it might contain a secret.
    return f"the system keyring cannot be used ({reason}): unlock it, or use --store file"
