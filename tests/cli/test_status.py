"""`status` and `report`: what they say of an export, while it runs and afterwards."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.journal.models import Activity, Ending
from pixxel_async.sandbox import (
    PackageFault,
    PackagingTime,
    Sandbox,
    Scenario,
    demo_rows,
    sandbox_in_thread,
)
from pixxel_async.sansio.package_state import State

from ..report.folders import folder_of
from ..report.made import record, row, step
from ..report.made import run as a_run
from ..support import PROCESS_S, when
from .commands import QUICK, env_of, run, start, write_manifest

SLOW = Scenario(package_bytes=20_000, packaging=PackagingTime.uniform(1.0, 5.0))


class Clock:
    """The clock of a sandbox, which stands until it is moved on: packages get ready by it."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def move(self, sandbox: Sandbox, seconds: float, *, packages: int) -> None:
        """Go on when all packages have been asked for."""
        when(lambda: len(sandbox.packages) >= packages)
        self.now += seconds


def told_while_running(folder: Path) -> dict[str, Any]:
    """Ask until something is saved; each answer comes from the running export's own journal."""
    told: dict[str, Any] = {}

    def has_saved() -> bool:
        answer = run("status", folder, "--json")
        told.update(json.loads(answer.stdout or "{}"))
        return answer.exit_code == 1 and bool(told.get("saved"))

    when(has_saved, every_s=0.2)
    return told


def test_a_running_export_is_told_and_not_disturbed(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(30))
    out = tmp_path / "out"
    clock = Clock()
    with sandbox_in_thread(SLOW, clock=clock) as sandbox:
        words = ("export", manifest, "--out", out, *QUICK)
        with start(*words, env=env_of(sandbox)) as process:
            clock.move(sandbox, 3.0, packages=30)
            told = told_while_running(out)
            words_told = run("status", out)
            assert run("report", out, "--out", tmp_path / "early").exit_code == 0
            clock.move(sandbox, 3.0, packages=30)
            _, stderr = process.communicate(timeout=PROCESS_S)
    assert process.returncode == 0, stderr
    assert told["running"] == process.pid
    assert told["packages"] == 30
    assert told["is_complete"] is False
    assert f"running    yes, process {process.pid}" in words_told.stdout
    page = (tmp_path / "early" / "report.html").read_text("utf-8")
    assert f"process {process.pid} is running" in page
    after = run("status", out)
    assert after.exit_code == 0
    assert "packages   30: 30 saved, 0 failed, 0 left" in after.stdout
    assert "running    no" in after.stdout
    assert "runs       1" in after.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_export_is_told_and_reported(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(20))
    out = tmp_path / "out"
    clock = Clock()
    with sandbox_in_thread(SLOW, clock=clock) as sandbox:
        words = ("export", manifest, "--out", out, "--quiet", *QUICK)
        with start(*words, env=env_of(sandbox)) as process:
            clock.move(sandbox, 3.0, packages=20)
            told_while_running(out)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate(timeout=PROCESS_S)
        left = json.loads(run("status", out, "--json").stdout)
        assert left["running"] is None
        assert left["left"] > 0
        run("report", out)
        assert json.loads((out / "report.json").read_text("ascii"))["runs"][0]["ending"] == "killed"
        clock.move(sandbox, 3.0, packages=20)
        assert run(*words, env=env_of(sandbox)).exit_code == 0
    run("report", out)
    report = json.loads((out / "report.json").read_text("ascii"))
    assert [one["ending"] for one in report["runs"]] == ["killed", "complete"]
    assert report["totals"]["is_complete"]


def test_failed_packages_are_told_with_their_reasons(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(30))
    out = tmp_path / "it's out"
    scenario = Scenario(package_bytes=20_000, faults=(PackageFault("failed"),))
    with sandbox_in_thread(scenario) as sandbox:
        run("export", manifest, "--out", out, "--quiet", *QUICK, env=env_of(sandbox))
    told = run("status", out)
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    failed = [line for line in lines if line.startswith("failed ")]
    assert len(failed) == 20
    assert all(len(line.split(".zip: ", 1)[1]) > 10 for line in failed)
    assert lines[-1] == "and 10 more"
    rows = json.loads(run("status", out, "--json").stdout)["failures"]
    assert len(rows) == 30
    assert {one["error"]["type"] for one in rows} == {"PackageFailedError"}
    written = run("report", out)
    assert written.stdout.splitlines() == [
        str(out / name) for name in ("report.html", "report.json", "report.csv", "failed.jsonl")
    ]
    command = f"'{out}/failed.jsonl'".replace("it's", "it'\"'\"'s")
    page = (out / "report.html").read_text("utf-8")
    assert command.replace("'", "&#x27;").replace('"', "&quot;") in page
    with sandbox_in_thread(Scenario(package_bytes=20_000)) as sandbox:
        words = ("export", out / "failed.jsonl", "--out", out, "--retry-failed", *QUICK)
        assert run(*words, env=env_of(sandbox)).exit_code == 0
    assert run("status", out).exit_code == 0
    run("report", out)
    assert (out / "failed.jsonl").read_bytes() == b""


def test_what_a_journal_holds_steers_no_terminal(tmp_path: Path) -> None:
    bad = row("a", name="\x1b[31m\u202e.zip", state=State.FAILED, error="\x07bell")
    made = record((bad,), (a_run(),), (step("a", 1, Activity.FAILED),))
    told = run("status", folder_of(tmp_path, made))
    assert told.stdout.splitlines()[-1] == "failed  \\x1b[31m\\u202e.zip: \\x07bell"


def test_what_is_left_is_told_by_what_it_waits_for(tmp_path: Path) -> None:
    rows = (
        row("a"),
        row("b", state=State.REQUESTED),
        row("c", state=State.READY),
        row("d", state=State.FETCHING, written=1_000_000),
        row("e", state=State.SAVED, bytes=2_000_000),
    )
    made = record(rows, (a_run(total=6, ending=Ending.INTERRUPTED),))
    told = run("status", folder_of(tmp_path, made))
    assert told.exit_code == 1
    assert "left       2 queued, 1 packaging, 1 waiting for a slot, 1 transferring" in told.stdout
    assert "bytes      2.0 MB saved, 1.0 MB of what is left" in told.stdout


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_folder_that_is_none_is_misuse(tmp_path: Path, command: str) -> None:
    told = run(command, tmp_path)
    assert told.exit_code == 2
    assert "not an export folder" in told.stderr
    assert list(tmp_path.iterdir()) == []
