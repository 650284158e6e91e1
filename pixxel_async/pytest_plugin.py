"""Fixtures for tests of programs that use this library; they need the extra `sandbox`.

Load them in a `conftest.py`:

    pytest_plugins = ["pixxel_async.pytest_plugin"]
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .client import PixxelClient
from .config import Limits, PollPolicy, RetryPolicy
from .errors import UsageError
from .sandbox import Sandbox, Scenario, sandbox_in_thread
from .sansio.storage.address_policy import LOOPBACK_ONLY

NOT_CLOSED = "the test did not close pixxel_client: use it within `async with pixxel_client:`"

QUICK_POLL = PollPolicy(initial_s=0.02, max_s=0.1, not_found_grace_s=0.5, keep_times=False)
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

        async def test_my_export(pixxel_client: PixxelClient, tmp_path: Path) -> None:
            async with pixxel_client as client, client.export(JOBS, tmp_path) as export:
                report = await export.finish()

    The test closes it, as above: only in the event loop of the test can connections be closed.

    Raises:
        UsageError: The test used the client and did not close it.
    """
    client = PixxelClient(
        pixxel_sandbox.api_key,
        base_url=pixxel_sandbox.api_url,
        poll=QUICK_POLL,
        retry=QUICK_RETRY,
        limits=QUICK_LIMITS,
    )
    yield client
    if client._use.is_open:  # noqa: SLF001 - of this package
        raise UsageError(NOT_CLOSED)


@pytest.fixture
def pixxel_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every client refuse all hosts but those of this machine, for one test."""
    monkeypatch.setenv(LOOPBACK_ONLY, "1")
