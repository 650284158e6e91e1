"""Completion in a real shell, and colours on a real terminal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..support import PROCESS_S
from .commands import COMMAND, run

COLOUR = re.compile(rb"\x1b\[[0-9;]*?\b(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])[0-9;]*m")
BASH = shutil.which("bash")


@pytest.fixture(scope="module", name="completion")
def _completion() -> str:
    """What a user's shell reads once."""
    command = [*COMMAND, "completion", "bash"]
    said = subprocess.run(  # noqa: S603 - the command is ours
        command, capture_output=True, text=True, check=True, timeout=PROCESS_S
    )
    return said.stdout


def completed(completion: str, words: str) -> set[str]:
    """Return what bash offers for a line, as its completion sees it."""
    script = f"""
    {completion}
    COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
    _pixxel_async_completion pixxel-async
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert BASH is not None
    folder = Path(sys.executable).parent
    ended = subprocess.run(  # noqa: S603 - the script is ours
        [BASH, "--norc", "--noprofile", "-c", script],
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=PROCESS_S,
    )
    assert ended.stderr == ""
    return set(ended.stdout.split())


@pytest.mark.skipif(BASH is None, reason="needs bash: apt-get install bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pixxel-async do", {"doctor", "download"}),
        ("pixxel-async export --auth-scheme b", {"bearer"}),
        ("pixxel-async export --ca-b", {"--ca-bundle"}),
        ("pixxel-async config s", {"show", "set"}),
        ("pixxel-async insights de", {"delete"}),
        ("pixxel-async orders create --rec", {"--recurrence"}),
    ],
)
def test_bash_completes(completion: str, words: str, offered: set[str]) -> None:
    assert completed(completion, words) == offered


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "complete -o default -F _pixxel_async_completion pixxel-async"),
        ("zsh", "#compdef pixxel-async"),
        ("fish", "complete --command pixxel-async"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName pixxel-async"),
    ],
)
def test_there_is_a_script_for_each_shell(shell: str, line: str) -> None:
    told = run("completion", shell)
    assert told.exit_code == 0
    assert line in told.stdout


def test_completion_does_not_clutter_the_help() -> None:
    assert "completion" in run("--help").stdout
    assert "--install-completion" not in run("--help").stdout
    assert run("completion", "tcsh").exit_code == 2


def on_a_terminal(*words: str, **env: str) -> bytes:
    """Return what a command writes to a terminal that can show colours."""
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    ours, theirs = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(  # noqa: S603 - the command is ours
        [*COMMAND, *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**inherited, "TERM": "xterm-256color", "COLUMNS": "100", **env},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass  # the other end has gone
        process.wait(PROCESS_S)
    os.close(ours)
    return shown


@pytest.mark.parametrize(
    "words",
    [("--help",), ("export", "--nothing"), ("demo", "--packages", "2")],
    ids=lambda words: words[0],
)
def test_no_color_is_respected(words: tuple[str, ...], tmp_path: Path) -> None:
    more = ("--out", str(tmp_path)) if words[0] == "demo" else ()
    shown = on_a_terminal(*words, *more, NO_COLOR="1")
    assert shown
    assert COLOUR.findall(shown) == []
    if not more:
        assert COLOUR.findall(on_a_terminal(*words))
