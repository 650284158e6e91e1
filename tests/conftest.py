"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import certifi
import pytest
import trustme
from hypothesis import settings

# A busy machine is no failure: what is slow shows in the benchmarks. Where a result has to be
# repeatable, the same examples are tried each time; everywhere else, new ones.
settings.register_profile("quiet", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("quiet")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep a developer's own key, config file, proxies and certificates out of the tests."""
    for name in os.environ:
        if name.startswith("PIXXEL_"):
            monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    base = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("PIXXEL_CONFIG", str(base / "no-config.toml"))
    # Packaging times of one test must not change the polls of another: only tests of them keep any,
    # and processes, each in a directory of its own.
    monkeypatch.setenv("XDG_STATE_HOME", str(base / f"state-{uuid.uuid4().hex}"))
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: Path())


@pytest.fixture(autouse=True)
def _unmeasured_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes of a test go without coverage, which doubles the time that they take to start.

    Not those of tests marked `measured`, whose processes do what nothing else covers.
    """
    if request.node.get_closest_marker("measured") is None:
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """Give back the handlers of signals that a command has set within a test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let tests marked `untraced` go without coverage, which makes loops several times slower."""
    tracer = sys.gettrace()
    if tracer is None or pyfuncitem.get_closest_marker("untraced") is None:
        return (yield)
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


@pytest.fixture(scope="session", autouse=True)
def _few_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let clients trust a CA that nobody has, in place of a hundred: these take 40 ms each time."""
    pem = tmp_path_factory.mktemp("ca") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(pem))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(pem))
        yield
