"""Fixtures for the tests of programs that use this library.

Load them with `pytest_plugins = ["pixxel_async.sandbox.pytest_plugin"]` in a `conftest.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .sandbox import Sandbox
from .scenario import Scenario
from .thread import sandbox_in_thread


@pytest.fixture
def pixxel_scenario() -> Scenario:
    """What the sandbox of a test does; override this fixture to choose."""
    return Scenario()


@pytest.fixture
def pixxel_sandbox(pixxel_scenario: Scenario) -> Iterator[Sandbox]:
    """A sandbox for one test, on a thread of its own; works with any event loop or none."""
    with sandbox_in_thread(pixxel_scenario) as sandbox:
        yield sandbox
