"""Runs the command line: within the test, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from typer import testing
from typer.main import get_command

from pixxel_async.cli.app import app
from pixxel_async.sandbox import Sandbox

QUICK = ("--poll-initial", "0.02", "--poll-max", "0.1", "--requests-per-second", "1000")
COMMAND = (sys.executable, "-m", "pixxel_async.cli")

# What typer makes of an application stays the same, and making it takes longer than most commands.
testing._get_command = cache(get_command)  # type: ignore[attr-defined]  # it has no other door


def run(*words: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Any:
    """Run a command within the test; `exit_code`, `stdout` and `stderr` tell what came of it."""
    wide = {"COLUMNS": "200"}  # so that no message is wrapped
    return testing.CliRunner().invoke(
        app, [str(word) for word in words], input=stdin, env={**wide, **(env or {})}
    )


def env_of(sandbox: Sandbox) -> dict[str, str]:
    """Return the variables that make a command use a sandbox."""
    return {"PIXXEL_BASE_URL": sandbox.api_url, "PIXXEL_API_KEY": sandbox.api_key}


@contextmanager
def start(
    *words: str | Path,
    env: dict[str, str],
    command: Sequence[str] = COMMAND,
    **streams: Any,
) -> Iterator[subprocess.Popen[str]]:
    """Run a command as a process of its own, with pipes for its streams; a failed test ends it."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(  # noqa: S603 - the command is ours
        [*command, *map(str, words)],
        env={**os.environ, **env},
        text=True,
        encoding="utf-8",
        **{**pipes, **streams},
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def write_manifest(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
