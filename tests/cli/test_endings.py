"""How the command ends before its packages do, as a real process, and how it goes on."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pixxel_async.cli.follower import LEFT
from pixxel_async.cli.output.resume_hint import command
from pixxel_async.journal.models import PackageRow
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import PackageFault, PackagingTime, Scenario, demo_rows, sandbox_in_thread
from pixxel_async.sansio.package_state import State

from ..support import PROCESS_S, final_files, partials, when
from .commands import QUICK, env_of, run, start, write_manifest

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

MIDDLE = Scenario(
    packaging=PackagingTime.uniform(0.1, 2.0), package_bytes=1_500_000, bytes_per_s=1_500_000
)
NEVER = {"kind": "job", "workflow_id": "w", "job_id": "endless"}
ENDLESS = Scenario(package_bytes=20_000, faults=(PackageFault("never", only="endless"),))
PATIENT = """
from pixxel_async.cli import main
from pixxel_async.export import pipeline
pipeline.FINISH_S = 3600
main()
"""
"""A command that waits for an hour after the first signal, if there is no second one."""


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    """Read standard error until a line has a text."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the command ended without saying {text!r}")


REFUSAL_BYTES = 512
"""An error of the storage has no more."""


@pytest.mark.fault(36)
@posix
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_in_mid_export_ends_it_soon_and_the_printed_command_goes_on(
    tmp_path: Path, number: str, code: int
) -> None:
    rows = demo_rows(24, 4)
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    out = tmp_path / "out of it"
    with sandbox_in_thread(MIDDLE) as sandbox:
        words = ("export", manifest, "--out", out, "-v", *QUICK)
        with start(*words, env=env_of(sandbox)) as process:
            wait_for_line(process, "[ 4/24] saved")
            process.send_signal(getattr(signal, number))
            _, stderr = process.communicate(timeout=PROCESS_S)
        assert process.returncode == code
        left = [row for row in read_record(out).rows if row.state is not State.SAVED]
        assert f"interrupted: {len(left)} packages are left." in stderr
        held = {row.name: row.written for row in left if row.written}
        assert held  # no transfer was waited for
        assert [f"{name}.part" for name in sorted(held)] == partials(out)
        for name, written in held.items():
            assert (out / f"{name}.part").stat().st_size == written
        sent = sandbox.sent_bytes
        (line,) = [line for line in stderr.splitlines() if line.startswith("To resume:")]
        program, *again = shlex.split(line.removeprefix("To resume:"))
        assert program == "pixxel-async"
        with start(*again, env=env_of(sandbox)) as process:
            _, stderr = process.communicate(timeout=PROCESS_S)
        assert process.returncode == 0, stderr[-2000:]
        right = sorted(sandbox.expected_sha256(row) for row in rows)
        rest = sum((out / row.name).stat().st_size - row.written for row in left)
        # One that was whole already, and not yet saved, is asked for what lies beyond its end.
        assert rest <= sandbox.sent_bytes - sent <= rest + len(left) * REFUSAL_BYTES
    assert sorted(final_files(out).values()) == right
    assert partials(out) == []


@pytest.mark.fault(36)
@posix
def test_a_second_signal_leaves_at_once(tmp_path: Path) -> None:
    """The service takes an hour for an answer that the first signal waits for."""
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(8))
    words = ("export", manifest, "--out", tmp_path / "out", *QUICK)
    patient = (sys.executable, "-c", PATIENT)
    with sandbox_in_thread(Scenario(answer_delay_s=3600)) as sandbox:
        with start(*words, env=env_of(sandbox), command=patient) as process:
            journal = tmp_path / "out" / ".pixxel-async" / "journal.sqlite"
            when(lambda: journal.exists() and any(r.is_unanswered for r in rows_of(tmp_path)))
            process.send_signal(signal.SIGINT)
            wait_for_line(process, "once more leaves at once")
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=PROCESS_S)
        assert process.returncode == 130
        assert stderr.splitlines() == [LEFT, f"To resume:  {command([*map(str, words)])}"]
    with sandbox_in_thread() as sandbox:
        with start(*words, env=env_of(sandbox)) as process:
            process.communicate(timeout=PROCESS_S)
    assert process.returncode == 0


def rows_of(folder: Path) -> tuple[PackageRow, ...]:
    """Return what the journal of the export in `out` remembers."""
    return read_record(folder / "out").rows


@posix
@pytest.mark.fault(37)
def test_a_second_process_refuses_and_names_the_first_which_is_unharmed(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(16))
    words = ("export", manifest, "--out", tmp_path / "out", "-v", *QUICK)
    with sandbox_in_thread(MIDDLE) as sandbox:
        with start(*words, env=env_of(sandbox)) as first:
            wait_for_line(first, "saved")
            first.send_signal(signal.SIGSTOP)  # or it might end before the second has begun
            calls = len(sandbox.calls)
            with start(*words, env={**env_of(sandbox), "PIXXEL_API_KEY": "other"}) as second:
                stdout, stderr = second.communicate(timeout=PROCESS_S)
            assert (second.returncode, stdout) == (2, "")
            assert stderr == (
                f"{tmp_path / 'out'}: process {first.pid} is already exporting into this folder\n"
            )
            assert all(call.status != 401 for call in sandbox.calls[calls:])
            first.send_signal(signal.SIGCONT)
            _, said = first.communicate(timeout=PROCESS_S)
        assert first.returncode == 0, said[-2000:]
    assert len(final_files(tmp_path / "out")) == 16


def test_a_rerun_of_what_is_saved_asks_for_nothing(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(200))
    words = ("export", manifest, "--out", tmp_path / "out", "--quiet", *QUICK)
    tiny = Scenario(packaging=PackagingTime.constant(0.01), package_bytes=2000)
    with sandbox_in_thread(tiny) as sandbox:
        env = env_of(sandbox)
        assert run(*words, env=env).exit_code == 0
        calls, gets = len(sandbox.calls), len(sandbox.gets)
        again = run(*words[:-2], "--json", env=env)
        assert (len(sandbox.calls), len(sandbox.gets)) == (calls, gets)
    assert again.exit_code == 0
    assert again.stdout.count('"skipped"') == 200


def test_fail_fast_ends_with_the_first_failure(tmp_path: Path) -> None:
    rows = [{"kind": "job", "workflow_id": "w", "job_id": "broken"}, NEVER]
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    faults = (PackageFault("failed", only="broken"), PackageFault("never", only="endless"))
    with sandbox_in_thread(Scenario(faults=faults)) as sandbox:
        words = ("export", manifest, "--out", tmp_path / "out", "--fail-fast", *QUICK)
        ended = run(*words, env=env_of(sandbox))
    assert ended.exit_code == 1
    assert "2: 0 saved, 0 there already, 1 failed, 1 left" in ended.stderr
    assert "ended by --fail-fast at the first failure: 1 package is left." in ended.stderr
    assert "interrupted" not in ended.stderr


def test_what_failed_is_told_with_the_command_that_takes_it_up(tmp_path: Path) -> None:
    broken = {"kind": "job", "workflow_id": "w", "job_id": "broken"}
    manifest = write_manifest(tmp_path / "m.jsonl", [broken])
    words = ("export", str(manifest), "--out", str(tmp_path / "out"))
    with sandbox_in_thread(Scenario(faults=(PackageFault("failed"),))) as sandbox:
        with start(*words, *QUICK, env=env_of(sandbox)) as process:
            _, stderr = process.communicate(timeout=PROCESS_S)
    assert process.returncode == 1
    assert stderr.splitlines()[-1] == f"To resume:  {command([*words, *QUICK, '--retry-failed'])}"
    with sandbox_in_thread() as sandbox:
        left = run(*words, *QUICK, env=env_of(sandbox))
        assert left.exit_code == 1
        assert "failed in an earlier run" in left.stderr
        assert sandbox.calls == []
        assert run(*words, *QUICK, "--retry-failed", env=env_of(sandbox)).exit_code == 0


def test_a_dry_run_tells_what_would_be_done_and_touches_nothing(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(3))
    words = ("export", manifest, "--out", tmp_path / "out", "--dry-run")
    planned = run(*words, env={"PIXXEL_API_KEY": ""})
    assert planned.exit_code == 0
    assert planned.stdout.splitlines()[1:] == ["3 would be requested", "Nothing was sent."]
    assert not (tmp_path / "out").exists()
    rows = run(*words, "--json", env={"PIXXEL_API_KEY": ""}).stdout.splitlines()
    assert len(rows) == 3
    assert '"plan": "create"' in rows[0]


def test_a_command_is_repeated_as_a_shell_takes_it_and_without_passwords() -> None:
    words = ["export", "my list.jsonl", "--base-url", "http://me:secret@host:80"]
    assert command(words) == ("pixxel-async export 'my list.jsonl' --base-url 'http://***@host:80'")
