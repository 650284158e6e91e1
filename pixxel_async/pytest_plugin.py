"""Fixtures for tests of programs that use this library; they need the extra `sandbox`.

Load them in a `conftest.py`:

    pytest_plugins = ["pixxel_async.pytest_plugin"]
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest

from .client import PixxelClient
from .config import Limits, PollPolicy, RetryPolicy
from .errors import UsageError
from .sandbox import Sandbox, Scenario, sandbox_in_thread
from .sansio.storage.address_policy import LOOPBACK_ONLY

QUICK_POLL = PollPolicy(initial_s=0.02, max_s=0.1, not_found_grace_s=0.5)
QUICK_RETRY = RetryPolicy(initial_s=0.01, max_s=0.05, retry_after_max_s=0.05)
QUICK_LIMITS = Limits(requests_per_second=2000)


@pytest.fixture
def pixxel_scenario() -> Scenario:
    """The scenario of `pixxel_sandbox`; override this fixture to choose another one."""
    return Scenario()


@pytest.fixture
def pixxel_sandbox(pixxel_scenario: Scenario) -> Iterator[Sandbox]:
    """A sandbox for one test, on its own thread; works with any event loop or none."""
    with sandbox_in_thread(pixxel_scenario) as sandbox:
        yield sandbox


@pytest.fixture
def pixxel_client(pixxel_sandbox: Sandbox) -> Iterator[PixxelClient]:
    """A client of `pixxel_sandbox` that polls and retries within milliseconds.

    Use it in one test that runs on asyncio, with any plugin. The fixture closes it; the test may.
    """
    client = PixxelClient(
        pixxel_sandbox.api_key,
        base_url=pixxel_sandbox.api_url,
        poll=QUICK_POLL,
        retry=QUICK_RETRY,
        limits=QUICK_LIMITS,
    )
    client._use.opens_itself = True  # noqa: SLF001 - of this package, as below
    yield client
    _close(client)


@pytest.fixture
def pixxel_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every client refuse all hosts but those of this machine, for one test."""
    monkeypatch.setenv(LOOPBACK_ONLY, "1")


def _close(client: PixxelClient) -> None:
    """Close a client in its own event loop, which does not run, or in a new one."""
    loop = client._use.loop  # noqa: SLF001 - of this package
    if loop is not None and not loop.is_closed():
        loop.run_until_complete(client.aclose())
        return
    loop = asyncio.new_event_loop()
    try:
        with suppress(UsageError):  # its own loop is closed, and has closed its connections
            loop.run_until_complete(client.aclose())
    finally:
        loop.close()
