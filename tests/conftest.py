"""Fixtures for all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A busy machine is no failure: what is slow shows in the benchmarks.
settings.register_profile("quiet", deadline=None)
settings.load_profile("quiet")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own key and proxies out of the tests."""
    for name in ("PIXXEL_API_KEY", "PIXXEL_BASE_URL", "PIXXEL_AUTH_SCHEME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
