"""The config file: TOML, a table for each profile.

Rules:
    * It holds secrets: it is written with mode 0600, and a secret is not used if others can read
      the file.
    * It is replaced atomically. Comments stay.
    * Only the profile in use is validated, so that an error in another one does no harm.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from pydantic import SecretStr

from ..addresses import PROXY
from ..destinations.paths import absolute_path
from ..errors import ConfigError, SinkError
from ..sansio.api.proxy_rules import has_password
from .values import API_KEY, KEYS, PROXY_KEY, check_value, shown_value, unknown

if TYPE_CHECKING:
    import tomlkit

PATH_VARIABLE = "PIXXEL_CONFIG"
PROFILE_VARIABLE = "PIXXEL_PROFILE"
DEFAULT_PROFILE = "default"
FILE_NAME = "config.toml"

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""The permissions that only the owner may have on a file with secrets."""

_TABLE = re.compile(r"\s*\[\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<bare>[\w-]+))\s*\]")
_PAIR = re.compile(r"\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<bare>[\w-]+))\s*=")
_PROFILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Profile:
    """One table of the file.

    Attributes:
        name: The name of the table.
        values: The settings in it, each in its type.
        origins: The place of each in the file, for messages.
    """

    name: str = DEFAULT_PROFILE
    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    origins: Mapping[str, str] = field(default_factory=dict)


class ConfigFile:
    """The config file, which need not exist.

    Attributes:
        path: Its path.
    """

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self.path = path

    def profiles(self) -> list[str]:
        """Return the names of the profiles, in their order.

        Raises:
            ConfigError: The file cannot be read, or is not valid TOML.
        """
        return list(self._tables()[0])

    def profile(self, name: str | None = None) -> Profile:
        """Read a profile.

        Args:
            name: Its name; None means the default profile, which need not exist.

        Raises:
            ConfigError: The file, or a key or value of the profile, is invalid, the profile does
                not exist, or others can read a file that holds a secret.
        """
        tables, text = self._tables()
        wanted = name or DEFAULT_PROFILE
        if wanted not in tables:
            if name is None:
                return Profile()
            there = (
                f"existing profiles: {', '.join(tables)}" if tables else "the file has no profiles"
            )
            message = (
                f"{self.path}: no profile {name!r}; {there}; create it with: "
                f"pixxel-async config set KEY VALUE --profile {name}"
            )
            raise ConfigError(message)
        lines = _lines(text)
        origins = {}
        values = {}
        for key, value in tables[wanted].items():
            origins[key] = f"{self._at(lines.get((wanted, key)))}: [{wanted}] {key}"
            try:
                values[key] = check_value(key, value) if key in KEYS else _refuse(key)
            except ValueError as error:
                message = (
                    f"{origins[key]}: {error}; change it with pixxel-async config set, "
                    "or remove it with pixxel-async config unset"
                )
                raise ConfigError(message) from None
        if _has_secret(values):
            self.check_mode()
        return Profile(wanted, values, origins)

    def check_mode(self) -> None:
        """Refuse a file that others can read, except on Windows, which has no such modes.

        Raises:
            ConfigError: They can.
        """
        if sys.platform == "win32":
            return
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & OTHERS:
            message = (
                f"{self.path} holds a secret, and others can read it (mode {mode:04o}): "
                f"chmod 600 '{self.path}'"
            )
            raise ConfigError(message)

    def set(self, profile: str, key: str, value: object) -> None:
        """Write one setting; creates file and profile if missing.

        Args:
            profile: The name of the profile.
            key: The name of the setting.
            value: The value, as on a command line.

        Raises:
            ConfigError: The key or the value is invalid, or the file cannot be written.
        """
        if not _PROFILE_NAME.fullmatch(profile):
            message = f"profile {profile!r}: use only letters, digits, - and _"
            raise ConfigError(message)
        try:
            checked = check_value(key, value) if key in KEYS else _refuse(key)
        except ValueError as error:
            message = f"{key}: {error}"
            raise ConfigError(message) from None
        import tomlkit  # noqa: PLC0415 - slow to import, and only needed to write

        document = self._document()
        if profile not in document:
            document.add(profile, tomlkit.table())
        table = document[profile]
        table[key] = _plain(key, checked)
        self._write(tomlkit.dumps(document))

    def unset(self, profile: str, key: str) -> bool:
        """Remove one setting; return whether it existed.

        Raises:
            ConfigError: The file cannot be read or written.
        """
        import tomlkit  # noqa: PLC0415 - as above

        document = self._document()
        table = document.get(profile, {})
        if key not in table:
            return False
        del table[key]
        self._write(tomlkit.dumps(document))
        return True

    def _tables(self) -> tuple[dict[str, dict[str, object]], str]:
        text = self._text()
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            message = f"{self.path}: invalid TOML: {error}"
            raise ConfigError(message) from None
        for key, value in data.items():
            if not isinstance(value, dict):
                where = self._at(_lines(text).get(("", key)))
                message = f"{where}: {key} is outside a profile; put it below [default]"
                raise ConfigError(message)
        return data, text

    def _document(self) -> tomlkit.TOMLDocument:
        import tomlkit  # noqa: PLC0415 - as above

        self._tables()
        return tomlkit.parse(self._text())

    def _text(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError:
            reason = "it is not UTF-8"
        except OSError as error:
            reason = error.strerror or str(error)
        message = f"{self.path} cannot be read: {reason}"
        raise ConfigError(message)

    def _write(self, text: str) -> None:
        target = self.path.resolve()  # a symbolic link stays one
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(target)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            message = f"{self.path} cannot be written: {error.strerror or error}"
            raise ConfigError(message) from None

    def _at(self, line: int | None) -> str:
        return f"{self.path}:{line}" if line else str(self.path)


class NoConfigFile(ConfigFile):
    """The config file of a user without a home directory: empty, and not writable."""

    def _text(self) -> str:
        return ""

    def _write(self, text: str) -> None:
        del text
        message = (
            "there is no home directory for a config file: set HOME, or set "
            f"{PATH_VARIABLE} to the path of a file"
        )
        raise ConfigError(message)


def config_file() -> ConfigFile:
    """Return the user's config file: PIXXEL_CONFIG, or the platform's default path."""
    named = os.environ.get(PATH_VARIABLE)
    if named:
        try:
            return ConfigFile(absolute_path(named))
        except SinkError as error:
            message = f"{PATH_VARIABLE}: {error}"
            raise ConfigError(message) from None
    try:
        folder = platformdirs.user_config_path("pixxel-async", appauthor=False, roaming=True)
    except RuntimeError:  # no HOME, and a user unknown to the system
        folder = Path()
    if not folder.is_absolute():  # older versions of platformdirs do not expand ~
        return NoConfigFile(Path("~", ".config", "pixxel-async", FILE_NAME))
    return ConfigFile(folder / FILE_NAME)


def profile_wanted(given: str | None) -> str | None:
    """Return the profile named by the option or the variable; None if there is neither."""
    return given or os.environ.get(PROFILE_VARIABLE) or None


def _refuse(key: str) -> object:
    raise ValueError(unknown(key))


def _has_secret(values: Mapping[str, object]) -> bool:
    proxy = values.get(PROXY_KEY, PROXY)
    return API_KEY in values or (isinstance(proxy, SecretStr) and has_password(proxy))


def _plain(key: str, value: object) -> object:
    """Return a value as TOML has it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, (bool, int)) else shown_value(key, value)


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Return the line of each key, by table and key; TOML parsers do not report it."""
    found: dict[tuple[str, str], int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.match(line):
            table = match["quoted"] or match["bare"]
        elif match := _PAIR.match(line):
            found.setdefault((table, match["quoted"] or match["bare"]), number)
    return found
