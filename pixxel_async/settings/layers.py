"""The precedence of settings; the only module that reads the environment for settings.

Rules:
    * Options and arguments override the environment, which overrides the profile of the config
      file, which overrides the default.
    * An empty variable counts as unset.
    * The key is read from the keyring only if the profile says so and no layer above has one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pydantic import SecretStr

from ..config import NO_KEY, Settings, check_settings, variable
from ..errors import ConfigError
from .config_file import Profile, config_file, profile_wanted
from .keyring import stored_key
from .values import API_KEY, KEY_STORE, PROXY_KEY, KeyStore, check_value

KEYRING = "the system keyring"
SECRETS = frozenset({API_KEY, PROXY_KEY})


@dataclass(frozen=True, slots=True)
class Layers:
    """The settings of all layers, before they are validated together.

    Attributes:
        profile: The profile in use.
        values: The effective value by key; keys that no layer has are missing.
        origins: Where each value comes from.
    """

    profile: str
    values: Mapping[str, object] = field(repr=False)
    origins: Mapping[str, str]

    def settings(self) -> Settings:
        """Validate all settings.

        Raises:
            ConfigError: There is no key, or a setting is invalid.
        """
        own = {key: self.value(key) for key in self.values if key in Settings.model_fields}
        return check_settings(own, self.origins)

    def value(self, key: str) -> object:
        """Return one setting, validated; None if no layer has it.

        Raises:
            ConfigError: It is invalid.
        """
        if key not in self.values:
            return None
        try:
            return check_value(key, self.values[key])
        except ValueError as error:
            message = f"{self.origins[key]}: {error}"
        raise ConfigError(message)

    def with_key(self) -> Layers:
        """Return these layers with the key from the keyring, if it is stored there.

        Raises:
            ConfigError: The keyring cannot be used, or does not have it.
        """
        if API_KEY in self.values or self.values.get(KEY_STORE) is not KeyStore.KEYRING:
            return self
        key = stored_key(self.profile)
        if key is None:
            message = (
                f"the system keyring has no key for the profile {self.profile!r}: "
                "pixxel-async auth login"
            )
            raise ConfigError(message)
        return Layers(
            self.profile, {**self.values, API_KEY: key}, {**self.origins, API_KEY: KEYRING}
        )


def from_environment(given: Mapping[str, object] = MappingProxyType({})) -> Layers:
    """Return what is given and what the environment has, without the config file."""
    return _stack(given, Profile())


def from_everywhere(given: Mapping[str, object], profile: str | None = None) -> Layers:
    """Return what is given, and what the environment and the config file have.

    Args:
        given: Options by name; None means not given.
        profile: The profile; None means PIXXEL_PROFILE, or else `default`.

    Raises:
        ConfigError: The config file cannot be used.
    """
    return _stack(given, config_file().profile(profile_wanted(profile)))


def resolve(given: Mapping[str, object], profile: str | None = None) -> Settings:
    """Return the effective settings: `from_everywhere`, with the keyring.

    Raises:
        ConfigError: There is no key, or a setting is invalid.
    """
    return from_everywhere(given, profile).with_key().settings()


def key_of(layers: Layers) -> tuple[SecretStr, str]:
    """Return the key in use, and where it comes from.

    Raises:
        ConfigError: There is none, or it is invalid.
    """
    found = layers.with_key()
    key = found.value(API_KEY)
    if not isinstance(key, SecretStr):
        raise ConfigError(NO_KEY)
    return key, found.origins[API_KEY]


def _stack(given: Mapping[str, object], profile: Profile) -> Layers:
    values: dict[str, object] = dict(profile.values)
    origins = dict(profile.origins)
    for key in Settings.model_fields:
        option = given.get(key)
        name = variable(key)
        if option is not None:
            values[key] = option
            origins[key] = f"{key} ({name})"
        elif os.environ.get(name):
            # Wrapped at once, since tracebacks may show variables.
            text = os.environ[name]
            values[key] = SecretStr(text) if key in SECRETS else text
            origins[key] = f"{key} ({name})"
    return Layers(profile.name, values, origins)
