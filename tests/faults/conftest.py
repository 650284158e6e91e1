"""The faults of a storage hold on both engines."""

from __future__ import annotations

import pytest

from pixxel_async.http.engines import Engine

from .scripted import Chosen


@pytest.fixture(params=[Engine.LIBCURL, Engine.HTTPX], ids=str)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Transfer packages by one engine, and then by the other."""
    monkeypatch.setattr(Chosen, "engine", request.param)
