"""`verify`: what it says, what it mends, and what it ends with."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pixxel_async import Condition, Finding, JobDownload, SavedPackage, parse_download
from pixxel_async.cli.options.export import RunOptions
from pixxel_async.cli.output.findings import Bar, FindingWriter, lines_of
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import (
    PackageFault,
    Sandbox,
    Scenario,
    demo_rows,
    sandbox_in_thread,
)

from ..engine.saved import change_row, flip_a_byte, save_broken
from ..engine.test_folder import another_process
from ..support import PROCESS_S, final_files
from .commands import QUICK, env_of, run, start, write_manifest

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console"
)
SMALL = Scenario(package_bytes=20_000)
COUNT = 6


@pytest.fixture(scope="module", name="whole")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a whole export has left; nobody touches it."""
    out = tmp_path_factory.mktemp("whole") / "out"
    with sandbox_in_thread(SMALL) as sandbox:
        export(sandbox, out)
    return out


@pytest.fixture(name="out")
def _out(tmp_path: Path, whole: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "out"))


def export(sandbox: Sandbox, out: Path) -> None:
    manifest = write_manifest(out.with_suffix(".jsonl"), demo_rows(COUNT))
    told = run("export", manifest, "--out", out, "--quiet", *QUICK, env=env_of(sandbox))
    assert told.exit_code == 0


def zips(out: Path) -> list[Path]:
    return sorted(out.glob("*.zip"))


def objects(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_a_whole_export_is_right(out: Path) -> None:
    told = run("verify", out, "--contents", "--jobs", "2")
    assert (told.exit_code, told.stderr) == (0, "")
    first, *_ = told.stdout.splitlines()
    assert first == "packages  6: 6 ok, 0 missing, 0 changed, 0 broken, 0 not readable"
    assert run("verify", out, "--quiet").stdout == ""
    assert run("verify", out, "--verbose").stdout.count("\nok ") == COUNT - 1


@pytest.mark.fault(34)
def test_what_is_wrong_is_told_and_how_to_mend_it(out: Path) -> None:
    gone, flipped, *_ = zips(out)
    gone.unlink()
    flip_a_byte(flipped)
    (out / "mine.zip").touch()
    told = run("verify", out)
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert f"missing       {gone.name}: the file is not there" in lines
    changed = f"changed       {flipped.name}: its SHA-256 is not the one that it was saved with"
    assert changed in lines
    assert "unknown       mine.zip: no package has this name" in lines
    assert "packages  6: 4 ok, 1 missing, 1 changed, 0 broken, 0 not readable" in lines
    assert "files     1 unknown: they belong to no package" in lines
    assert told.stderr == "To download missing and changed packages again, add --repair\n"
    quiet = run("verify", out, "--quiet")
    assert (quiet.exit_code, quiet.stdout.count("\n"), quiet.stderr) == (1, 2, "")


def test_an_object_for_each_package_and_nothing_else(out: Path) -> None:
    gone, *others = zips(out)
    gone.unlink()
    (out / "mine.zip").touch()
    told = run("verify", out, "--json")
    assert (told.exit_code, told.stderr) == (1, "")
    rows = {row["path"]: row for row in objects(told.stdout)}
    saved = {row.name: row for row in read_record(out).rows}
    assert rows.keys() == {*saved, "mine.zip"}
    assert rows[gone.name] == {
        "target": json.loads(saved[gone.name].target),
        "status": "missing",
        "path": gone.name,
        "bytes": saved[gone.name].bytes,
        "sha256": saved[gone.name].sha256,
        "reason": "the file is not there",
    }
    assert rows["mine.zip"]["status"] == "unknown"
    assert rows["mine.zip"]["target"] is None
    assert {rows[one.name]["status"] for one in others} == {"ok"}


def test_a_package_that_is_not_saved_yet_is_counted_and_no_fault(tmp_path: Path) -> None:
    late = {"kind": "job", "workflow_id": "w", "job_id": "late"}
    manifest = write_manifest(tmp_path / "m.jsonl", [*demo_rows(3), late])
    scenario = Scenario(package_bytes=20_000, faults=(PackageFault("failed", only="late"),))
    with sandbox_in_thread(scenario) as sandbox:
        words = ("export", manifest, "--out", tmp_path / "out", *QUICK)
        assert run(*words, env=env_of(sandbox)).exit_code == 1
    told = run("verify", tmp_path / "out")
    assert told.exit_code == 0
    assert "3: 3 ok" in told.stdout
    assert "1 not saved yet: the next export downloads them" in told.stdout


@pytest.mark.parametrize("words", [(), ("--repair",)])
def test_a_folder_without_an_export_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = run("verify", tmp_path, *words, env={"PIXXEL_API_KEY": "key"})
    assert told.exit_code == 2
    assert told.stderr.startswith(f"{tmp_path}: not an export folder")
    assert told.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_journal_is_refused_with_what_to_do(out: Path) -> None:
    os.truncate(out / HIDDEN / JOURNAL, 5000)
    told = run("verify", out)
    assert told.exit_code == 2
    assert "put a good copy of it in its place, or choose another folder" in told.stderr
    assert told.stderr.count("\n") == 1


def test_a_repair_fetches_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(SMALL) as sandbox:
        export(sandbox, out)
        before = final_files(out)
        gone, flipped, *_ = zips(out)
        gone.unlink()
        flip_a_byte(flipped)
        gets = len(sandbox.gets)
        told = run("verify", out, "--repair", *QUICK, env=env_of(sandbox))
        assert len(sandbox.gets) == gets + 2
    assert told.exit_code == 0, told.stdout + told.stderr
    assert "6: 4 ok, 1 missing, 1 changed" in told.stdout
    assert "2: 2 ok" in told.stdout
    assert "2: 2 saved, 0 there already, 0 failed" in told.stderr
    assert final_files(out) == before
    assert [path.name for path in out.glob("*.changed-*")] == [f"{flipped.name}.changed-1"]
    assert run("verify", out).exit_code == 0


def test_the_last_object_of_a_repaired_package_says_that_it_is_right(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(SMALL) as sandbox:
        export(sandbox, out)
        gone, *_ = zips(out)
        gone.unlink()
        told = run("verify", out, "--repair", "--json", *QUICK, env=env_of(sandbox))
    assert told.exit_code == 0
    of_it = [row["status"] for row in objects(told.stdout) if row["path"] == gone.name]
    assert of_it == ["missing", "ok"]
    assert len(objects(told.stdout)) == COUNT + 1


def test_contents_are_read_and_repaired_when_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(SMALL) as sandbox:
        export(sandbox, out)
        before = final_files(out)
        row, *_ = read_record(out).rows
        download = parse_download(json.loads(row.target))
        path, sha256 = out / row.name, row.sha256
        assert sha256 is not None
        saved = SavedPackage(download=download, path=path, bytes=row.bytes or 0, sha256=sha256)
        asyncio.run(save_broken(out, saved))
        assert run("verify", out).exit_code == 0
        assert "\nbroken" in "\n" + run("verify", out, "--contents").stdout
        words = ("verify", out, "--contents", "--repair", *QUICK)
        assert run(*words, env=env_of(sandbox)).exit_code == 0
    assert final_files(out) == before


def test_a_repair_of_what_is_right_sends_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(SMALL) as sandbox:
        export(sandbox, out)
        calls = len(sandbox.calls)
        assert run("verify", out, "--repair", env=env_of(sandbox)).exit_code == 0
        assert len(sandbox.calls) == calls


def test_a_repair_without_a_key_touches_nothing(out: Path) -> None:
    first, *_ = zips(out)
    flip_a_byte(first)
    before = read_record(out).rows
    told = run("verify", out, "--repair")
    assert told.exit_code == 2
    assert "PIXXEL_API_KEY" in told.stderr
    assert read_record(out).rows == before
    assert first.is_file()


def test_a_repair_that_fails_is_told_and_the_next_one_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(SMALL) as sandbox:
        export(sandbox, out)
        before = final_files(out)
        first, *_ = zips(out)
        flip_a_byte(first)
        env = env_of(sandbox)
        words = ("verify", out, "--repair", *QUICK)
        failed = run(*words, env={**env, "PIXXEL_API_KEY": "wrong-key"})
        assert failed.exit_code == 1
        assert "wrong-key" not in failed.stderr
        lost = run("verify", out)
        assert lost.exit_code == 1
        assert f"missing       {first.name}: it was saved once" in lost.stdout
        assert run(*words, env=env).exit_code == 0
    assert final_files(out) == before
    assert len(list(out.glob("*.changed-1"))) == 1


def test_folders_of_a_path_template_are_looked_through(tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = write_manifest(tmp_path / "m.jsonl", demo_rows(COUNT))
    template = ("--path-template", "{kind}/{name}.zip")
    with sandbox_in_thread(SMALL) as sandbox:
        env = env_of(sandbox)
        assert run("export", manifest, "--out", out, *template, *QUICK, env=env).exit_code == 0
        first, *_ = sorted(out.glob("*/*.zip"))
        flip_a_byte(first)
        assert f"changed       {first.relative_to(out).as_posix()}: " in run("verify", out).stdout
        assert run("verify", out, "--repair", *QUICK, env=env).exit_code == 0
    assert [path.name for path in out.glob("*/*.changed-1")] == [f"{first.name}.changed-1"]


def test_options_of_an_export_that_mean_nothing_here_are_none(out: Path) -> None:
    for option in ("--dry-run", "--fail-fast", "--overwrite", "--verify", "--retry-failed"):
        assert run("verify", out, option).exit_code == 2


def test_what_no_repair_mends_keeps_its_exit_code(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(SMALL) as sandbox:
        export(sandbox, out)
        damaged, gone, *_ = zips(out)
        gone.unlink()
        (key,) = (row.key for row in read_record(out).rows if row.name == damaged.name)
        asyncio.run(change_row(out, key, lambda row: row.changed(name="../elsewhere.zip")))
        told = run("verify", out, "--repair", *QUICK, env=env_of(sandbox))
    assert told.exit_code == 1
    assert gone.is_file()
    assert "../elsewhere.zip' is not a valid name" in told.stdout


@needs_signals
def test_a_repair_that_is_interrupted_goes_on_with_the_command_that_it_tells(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    with sandbox_in_thread(SMALL) as sandbox:
        export(sandbox, out)
    before = final_files(out)
    jobs = [path for path in zips(out) if path.name.startswith("job-")]
    other, *_ = (path for path in zips(out) if path not in jobs)
    for path in (jobs[0], other):
        path.unlink()
    row = next(row for row in read_record(out).rows if row.name == jobs[0].name)
    endless = PackageFault("never", only=json.loads(row.target)["job_id"])
    words = ("verify", out, "--repair", "-v", *QUICK)
    with sandbox_in_thread(Scenario(package_bytes=20_000, faults=(endless,))) as sandbox:
        with start(*words, env=env_of(sandbox)) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("[1/2] saved"):
                    break
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=PROCESS_S)
    assert process.returncode == 130
    assert f"To resume:  pixxel-async verify {out} --repair" in stderr
    assert run("verify", out).exit_code == 1
    with sandbox_in_thread(SMALL) as sandbox:
        assert run(*words, env=env_of(sandbox)).exit_code == 0
    assert final_files(out) == before


def test_while_another_process_exports_only_reading_works(out: Path) -> None:
    first, *_ = zips(out)
    flip_a_byte(first)
    with another_process(out) as other:
        assert run("verify", out).exit_code == 1
        told = run("verify", out, "--repair", env={"PIXXEL_API_KEY": "key"})
        other.communicate("\n")
    assert told.exit_code == 2
    assert told.stderr == f"{out}: process {other.pid} is already exporting into this folder\n"
    assert first.is_file()


@needs_signals
def test_ctrl_c_ends_it_in_one_line_within_a_large_file(out: Path) -> None:
    *_, last = zips(out)
    row = next(row for row in read_record(out).rows if row.name == last.name)
    size = 1 << 40  # a hole; to read all of it takes many minutes
    os.truncate(last, size)
    connection = sqlite3.connect(out / HIDDEN / JOURNAL)
    with connection:
        connection.execute("UPDATE package SET bytes = ? WHERE key = ?", (size, row.key))
    connection.close()
    words = ("verify", out, "--verbose", "--jobs", "1")
    with start(*words, env={}) as process:
        assert process.stdout is not None
        for _ in range(COUNT - 1):
            assert process.stdout.readline().startswith("ok ")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PROCESS_S)
    assert process.returncode == 130
    assert (stdout, stderr) == ("", "interrupted: nothing was changed\n")


def test_a_bar_counts_packages_and_bytes_and_lines_wait_for_its_end() -> None:
    screen, stream = io.StringIO(), io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, height=24)
    folder = Path("/packages").absolute()
    job = JobDownload(workflow_id="w", job_id="j")
    wrong = Finding(
        condition=Condition.MISSING,
        reason="gone",
        path=folder / "a.zip",
        download=job,
        bytes=3_000_000,
    )
    late = Finding(
        condition=Condition.NOT_SAVED, reason="", path=folder / "b.zip", download=job, bytes=None
    )
    bar = Bar(console, packages=2, size=3_000_000)
    with FindingWriter(stream, folder, RunOptions(out=folder), bar) as writer:
        writer.write(wrong)
        writer.write(late)
        assert stream.getvalue() == ""
    assert "2/2  3.0 MB" in screen.getvalue()
    assert stream.getvalue().startswith("missing       a.zip: gone\npackages  1: 0 ok, 1 missing")


def test_a_name_steers_no_terminal() -> None:
    folder = Path("/packages").absolute()
    finding = Finding(
        condition=Condition.UNKNOWN, reason="no package has this name", path=folder / "\x1b[31m.zip"
    )
    assert "".join(lines_of(finding, folder)).isprintable()
