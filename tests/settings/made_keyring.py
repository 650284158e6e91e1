"""A made-up package `keyring`, which is no dependency of the tests."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest


class KeyringError(Exception):
    """The root of that package's errors."""


class Backend:
    """A keyring that keeps secrets in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, name: str) -> str | None:
        self._look()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self._look()
        self.kept[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        self._look()
        del self.kept[service, name]

    def _look(self) -> None:
        if self.is_locked:
            reason = "canary words of a backend"
            raise KeyringError(reason)


def install(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Let `import keyring` find a keyring that works."""
    backend = Backend()
    package, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    errors.KeyringError = KeyringError  # type: ignore[attr-defined]  # a module made by hand
    package.errors = errors  # type: ignore[attr-defined]  # likewise
    package.get_keyring = lambda: backend  # type: ignore[attr-defined]  # likewise
    for name in ("get_password", "set_password", "delete_password"):
        setattr(package, name, getattr(backend, name))
    monkeypatch.setitem(sys.modules, "keyring", package)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return backend


def remove(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `import keyring` fail."""
    monkeypatch.setitem(sys.modules, "keyring", None)
