"""Fixtures for testing programs that use this library.

Load them with `pytest_plugins = ["pixxel_async.sandbox.pytest_plugin"]` in a `conftest.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .sandbox import Sandbox, sandbox_in_thread
from .scenario import Scenario


@pytest.fixture
def pixxel_scenario() -> Scenario:
    """The scenario of `pixxel_sandbox`; override this fixture to choose another one."""
    return Scenario()


@pytest.fixture
def pixxel_sandbox(pixxel_scenario: Scenario) -> Iterator[Sandbox]:
    """A sandbox for one test, on its own thread; works with any event loop or none."""
    with sandbox_in_thread(pixxel_scenario) as sandbox:
        yield sandbox
