"""The sandbox shares no code with the client, and serves the tests of others."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pixxel_async.sandbox

from ..support import PROCESS_S

FOLDER = Path(pixxel_async.sandbox.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))

USER_TESTS = """
import pytest
from pixxel_async import JobDownload, PixxelClient
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario


@pytest.fixture
def pixxel_scenario():
    return Scenario(packaging=PackagingTime.constant(0), package_bytes=12_345, seed=9)


async def test_export(pixxel_sandbox, tmp_path):
    assert isinstance(pixxel_sandbox, Sandbox)
    assert pixxel_sandbox.scenario.seed == 9
    job = JobDownload(workflow_id="w", job_id="j")
    async with PixxelClient(pixxel_sandbox.api_key, base_url=pixxel_sandbox.api_url) as client:
        async with client.export([job], tmp_path) as export:
            report = await export.finish()
    assert report.saved[0].sha256 == pixxel_sandbox.expected_sha256(job.row())
    assert pixxel_sandbox.counts == {"downloadJob": 1}
    assert pixxel_sandbox.leaks == []


def test_next_one_is_fresh(pixxel_sandbox):
    assert pixxel_sandbox.calls == []
"""


def imported(source: str, *folders: str) -> list[str]:
    """Return what a module of the sandbox imports from the library, in absolute names.

    The folders are those of the module within the sandbox.
    """
    package = ("pixxel_async", "sandbox", *folders)
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            place = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            found.append(".".join(part for part in (place, node.module) if part))
    return [name for name in found if name.split(".")[0] == "pixxel_async"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_nothing_of_the_library_but_the_sandbox(path: Path) -> None:
    names = imported(path.read_text(), *path.relative_to(FOLDER).parent.parts)
    assert [name for name in names if not f"{name}.".startswith("pixxel_async.sandbox.")] == []


def test_the_check_of_imports_sees_all_ways_out() -> None:
    assert len(MODULES) > 20
    ways = "from .. import config\nfrom ..sansio import wire\nimport pixxel_async.config\n"
    ways += "def f():\n    from pixxel_async import models\n"
    assert imported(ways) == [
        "pixxel_async",
        "pixxel_async.sansio",
        "pixxel_async.config",
        "pixxel_async",
    ]
    assert imported("from ...sansio import wire\nfrom ..world import World", "lists") == [
        "pixxel_async.sansio",
        "pixxel_async.sandbox.world",
    ]
    assert imported("import os\nfrom .api import Api\nfrom . import faults") == [
        "pixxel_async.sandbox.api",
        "pixxel_async.sandbox",
    ]


@pytest.mark.measured
def test_the_fixtures_serve_the_tests_of_a_user(tmp_path: Path) -> None:
    plugin = 'pytest_plugins = ["pixxel_async.pytest_plugin"]\n'
    (tmp_path / "conftest.py").write_text(plugin)
    (tmp_path / "test_user.py").write_text(USER_TESTS)
    options = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    run = subprocess.run(  # noqa: S603 - our own interpreter, our own file
        [sys.executable, "-m", "pytest", "-q", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PROCESS_S,
        check=False,
    )
    assert "2 passed" in run.stdout, run.stdout + run.stderr
    assert run.returncode == 0
