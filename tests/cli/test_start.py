"""What the command line imports before it can answer, and what its help says of each command."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command

import pixxel_async
from pixxel_async.cli.app import LISTED, Commands, Listed, app, load

from ..support import PROCESS_S
from .commands import run

HEAVY = {"anyio", "asyncio", "httpx", "httpcore", "keyring", "pydantic", "pycurl", "sqlite3"}
SHOWN_MODULES = """
import sys
from pixxel_async.cli import main
try:
    main()
finally:
    sys.stderr.write(" ".join(sorted(sys.modules)))
"""


def imported(*words: str) -> tuple[str, set[str]]:
    """Return what a command writes to standard output, and the modules that it has imported."""
    ended = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", SHOWN_MODULES, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=PROCESS_S,
    )
    return ended.stdout, set(ended.stderr.split())


def test_the_version_needs_nothing() -> None:
    said, modules = imported("--version")
    assert said == f"pixxel-async {pixxel_async.__version__}\n"
    assert modules & (HEAVY | {"rich", "tomlkit", "typer"}) == set()


@pytest.mark.parametrize("words", [("--help",), ("-h",)])
def test_the_help_imports_no_command(words: tuple[str, ...]) -> None:
    said, modules = imported(*words)
    assert "pixxel-async" in said
    assert modules & (HEAVY | {"tomlkit"}) == set()


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed.name)
def test_the_table_says_what_the_command_says_of_itself(listed: Listed) -> None:
    command = load(listed)
    assert command.name == listed.name
    assert command.help.partition("\n\n")[0] == listed.help
    assert command.rich_help_panel == listed.panel
    assert listed.is_group == hasattr(command, "commands")


def test_all_commands_are_listed() -> None:
    group = get_command(app)
    assert isinstance(group, Commands)
    assert list(group.commands) == [listed.name for listed in LISTED]
    assert group.load("status") is group.load("status")


def test_a_command_that_does_not_exist_is_told_with_those_that_are_like_it() -> None:
    told = run("exprt", "manifest.jsonl")
    assert told.exit_code == 2
    assert "'export'" in told.stderr


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed.name)
def test_each_command_has_a_help_of_its_own(listed: Listed) -> None:
    told = run(listed.name, "--help")
    assert told.exit_code == 0
    assert f" {listed.name} [OPTIONS]" in told.stdout
