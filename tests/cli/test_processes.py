"""The command as a process: signals, pipes, terminals."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pixxel_async.cli import main
from pixxel_async.cli.commands import completion
from pixxel_async.cli.follower import LEAVING, LEFT
from pixxel_async.cli.output.resume_hint import command as resumed
from pixxel_async.sandbox import PackageFault, PackagingTime, Scenario, demo_rows, sandbox_in_thread

from ..support import PROCESS_S, when
from .commands import QUICK, env_of, start, write_manifest
from .test_endings import PATIENT, rows_of

SMALL = Scenario(package_bytes=20_000)
ESCAPE = "\x1b"

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console"
)
needs_terminals = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@needs_signals
def test_ctrl_c_ends_in_one_line_and_the_same_command_goes_on(tmp_path: Path) -> None:
    endless = {"kind": "job", "workflow_id": "w", "job_id": "endless"}
    manifest = write_manifest(tmp_path / "m.jsonl", [*demo_rows(5), endless])
    scenario = Scenario(package_bytes=20_000, faults=(PackageFault("never", only="endless"),))
    words = ("export", manifest, "--out", tmp_path / "out", "--verbose", *QUICK)
    with sandbox_in_thread(scenario) as sandbox:
        with start(*words, env=env_of(sandbox)) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("[5/6]"):
                    break
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=PROCESS_S)
        assert process.returncode == 130
        assert stdout == ""
        first, *rest = stderr.splitlines()
        assert first == LEAVING
        assert "6: 5 saved, 0 there already, 0 failed, 1 left" in rest[0]
        assert rest[-2] == "interrupted: 1 package is left."
        again = shlex.split(rest[-1].removeprefix("To resume:"))
        assert again == ["pixxel-async", *map(str, words)]
        with start(*words, "--wait-timeout", "0.5", env=env_of(sandbox)) as process:
            _, stderr = process.communicate(timeout=PROCESS_S)
        assert "6: 0 saved, 5 there already, 1 failed" in stderr
        assert process.returncode == 1


@needs_signals
def test_ctrl_c_ends_the_sandbox() -> None:
    with start("sandbox", "--api-port", "0", "--storage-port", "0", env={}) as process:
        assert process.stderr is not None
        assert "Ctrl-C" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PROCESS_S)
    assert process.returncode == 0
    assert stderr == "sandbox stopped\n"
    lines = stdout.splitlines()
    base_url = lines[0].split()[-1]
    assert base_url.startswith("http://127.0.0.1:")
    assert f"export PIXXEL_BASE_URL={base_url}" in lines
    assert "export PIXXEL_API_KEY=sandbox-key" in lines


def test_a_port_that_is_taken_is_told() -> None:
    with sandbox_in_thread(SMALL) as sandbox:
        port = sandbox.api_url.rpartition(":")[2]
        with start("sandbox", "--api-port", port, "--storage-port", "0", env={}) as process:
            stdout, stderr = process.communicate(timeout=PROCESS_S)
    assert (process.returncode, stdout) == (2, "")
    assert "--api-port" in stderr
    assert stderr.count("\n") == 1


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path: Path, closed: str) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(30))
    words = ("export", manifest, "--out", tmp_path / "out", "--json", "-v", *QUICK)
    late = Scenario(package_bytes=20_000, packaging=PackagingTime.uniform(0.0, 60.0))
    with sandbox_in_thread(late) as sandbox:
        with start(*words, env=env_of(sandbox)) as process:
            stream = getattr(process, closed)
            stream.readline()
            stream.close()
            other = process.stderr if closed == "stdout" else process.stdout
            assert other is not None
            said = other.read()
    assert process.returncode == 141
    assert "Traceback" not in said
    assert "Broken" not in said
    assert len(list((tmp_path / "out").glob("*.zip"))) < 30


def test_without_a_terminal_nothing_is_a_control_sequence(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    words = ("export", manifest, "--out", tmp_path / "out", "--verbose", *QUICK)
    with sandbox_in_thread(SMALL) as sandbox:
        with start(*words, env={**env_of(sandbox), "FORCE_COLOR": "1"}) as process:
            stdout, stderr = process.communicate(timeout=PROCESS_S)
    assert (process.returncode, stdout) == (0, "")
    assert stderr.count("] saved ") == 3
    assert stderr.replace("\n", "").isprintable()


def on_terminal(
    tmp_path: Path, *words: str, both: bool = False, **variables: str
) -> tuple[str, str]:
    """Run an export with a terminal as standard error; return standard output and the screen.

    With `both`, standard output is that terminal too.
    """
    if sys.platform == "win32":
        pytest.skip("needs a pseudo-terminal")
    import pty  # noqa: PLC0415 - Windows has none
    import termios  # noqa: PLC0415 - likewise

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    command: tuple[str | Path, ...] = ("export", manifest, "--out", tmp_path / "out", *QUICK)
    with sandbox_in_thread(SMALL) as sandbox:
        env = {**env_of(sandbox), "TERM": "xterm-256color", **variables}
        stdout_to = theirs if both else subprocess.PIPE
        with start(*command, *words, env=env, stderr=theirs, stdout=stdout_to) as process:
            os.close(theirs)
            screen = b""
            try:
                while seen := os.read(ours, 65536):
                    screen += seen
            except OSError:
                pass  # Linux tells the end of a terminal so
            finally:
                os.close(ours)
            stdout = process.stdout.read() if process.stdout else ""
    assert process.returncode == 0
    return stdout, screen.decode()


@needs_terminals
def test_a_terminal_gets_bars_and_then_the_summary(tmp_path: Path) -> None:
    stdout, screen = on_terminal(tmp_path)
    assert stdout == ""
    assert "not requested" in screen
    assert f"{ESCAPE}[?25l" in screen  # the cursor is hidden
    assert screen.rindex(f"{ESCAPE}[?25h") < screen.index("3: 3 saved")  # and there again
    assert ESCAPE not in screen[screen.index("3: 3 saved") :]
    assert f"{ESCAPE}[3" in screen  # colours


@needs_terminals
def test_a_second_ctrl_c_restores_the_terminal_and_says_how_to_resume(tmp_path: Path) -> None:
    """The service takes an hour for an answer that the first Ctrl-C waits for."""
    import pty  # noqa: PLC0415 - Windows has none
    import termios  # noqa: PLC0415 - likewise

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 60))
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    words = ("export", manifest, "--out", tmp_path / "out", *QUICK)
    patient = (sys.executable, "-c", PATIENT)
    with sandbox_in_thread(Scenario(answer_delay_s=3600)) as sandbox:
        env = {**env_of(sandbox), "TERM": "xterm-256color"}
        with start(*words, env=env, command=patient, stderr=theirs) as process:
            os.close(theirs)
            journal = tmp_path / "out" / ".pixxel-async" / "journal.sqlite"
            when(lambda: journal.exists() and any(r.is_unanswered for r in rows_of(tmp_path)))
            screen = b""
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                while LEAVING.split(";")[0].encode() not in screen:
                    screen += os.read(ours, 65536)
            try:
                while seen := os.read(ours, 65536):
                    screen += seen
            except OSError:
                pass  # Linux tells the end of a terminal so
            finally:
                os.close(ours)
    assert process.returncode == 130
    _, _, last = screen.decode().rpartition(f"{ESCAPE}[?25l")
    assert f"{ESCAPE}[?25h" in last  # the cursor is there again
    assert LEFT in last
    assert f"To resume:  {resumed([*map(str, words)])}" in last


@needs_terminals
def test_colours_can_be_turned_off(tmp_path: Path) -> None:
    _, screen = on_terminal(tmp_path, NO_COLOR="1")
    assert "not requested" in screen
    assert f"{ESCAPE}[3" not in screen


@needs_terminals
def test_a_terminal_that_can_do_nothing_gets_lines(tmp_path: Path) -> None:
    _, screen = on_terminal(tmp_path, TERM="dumb")
    assert screen.startswith("started: 3 packages")
    assert ESCAPE not in screen


@needs_terminals
def test_quiet_is_quiet_on_a_terminal_too(tmp_path: Path) -> None:
    assert on_terminal(tmp_path, "--quiet") == ("", "")


@needs_terminals
def test_rows_and_bars_do_not_mix(tmp_path: Path) -> None:
    stdout, screen = on_terminal(tmp_path, "--json")
    assert stdout.count("\n") == 3
    assert ESCAPE not in stdout
    assert "not requested" in screen
    assert '"status"' not in screen


@needs_terminals
def test_rows_on_a_terminal_stand_alone(tmp_path: Path) -> None:
    _, screen = on_terminal(tmp_path, "--json", both=True)
    rows = screen.splitlines()
    assert [json.loads(row)["status"] for row in rows] == ["saved"] * 3


def test_ctrl_c_while_it_starts_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(completion, "prepare", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
