"""Cases 86 and 87: a saved file is edited, and the journal is deleted while an export runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pixxel_async import FetchPolicy, JobDownload
from pixxel_async.config import Checksum
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import Sandbox, Scenario, sandbox_in_thread

from ..cli.commands import QUICK, env_of, start, write_manifest
from ..support import client_of, final_files, quick_fetch, some_downloads, when

JOB = JobDownload(workflow_id="w", job_id="j")
SMALL = Scenario(package_bytes=20_000)


def in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"edited")


def rewritten(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def replaced_with_its_time(path: Path) -> None:
    times = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"x" * times.st_size)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


def in_place_with_its_time(path: Path) -> None:
    times = path.stat()
    in_place(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced_with_its_time_and_inode(path: Path) -> None:
    """Write a file anew; most file systems give it the number that has just become free."""
    times = path.stat()
    path.unlink()
    path.write_bytes(b"x" * times.st_size)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def older(path: Path) -> None:
    rewritten(path)
    os.utime(path, (1, 1))


EDITS = [
    in_place,
    rewritten,
    replaced_with_its_time,
    in_place_with_its_time,
    replaced_with_its_time_and_inode,
    older,
]


@pytest.mark.fault(86)
@pytest.mark.parametrize("edit", EDITS)
async def test_an_edit_of_the_same_size_is_noticed_by_the_next_run(
    tmp_path: Path, edit: object
) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        first = await client.download(JOB, tmp_path)
        assert callable(edit)
        edit(first.path)
        edited = first.path.read_bytes()
        again = await client.download(JOB, tmp_path)
        assert not again.skipped
        assert (await client.download(JOB, tmp_path)).skipped
    assert final_files(tmp_path) == {first.path.name: first.sha256}
    (aside,) = tmp_path.glob("*.changed-1")
    assert aside.read_bytes() == edited


@pytest.mark.fault(86)
async def test_a_copy_of_the_folder_is_read_once_and_fetched_never(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(6), first) as export:
            await export.finish()
        gets = len(sandbox.gets)
        shutil.copytree(first, second)
        for path in second.glob("*.zip"):
            path.touch()
        async with client.export(some_downloads(6), second) as export:
            assert len((await export.finish()).skipped) == 6
        noted = {row.name: (row.mtime_ns, row.inode) for row in read_record(second).rows}
        for path in second.glob("*.zip"):
            assert noted[path.name] == (path.stat().st_mtime_ns, path.stat().st_ino)
        assert len(sandbox.gets) == gets


@pytest.mark.fault(86)
async def test_without_a_checksum_a_later_time_is_a_change_and_a_copy_is_not(
    tmp_path: Path,
) -> None:
    careless = FetchPolicy(checksum=Checksum.NONE)
    async with Sandbox(SMALL) as sandbox, client_of(sandbox, fetch=careless) as client:
        first = await client.download(JOB, tmp_path)
        copy = shutil.copy2(first.path, tmp_path / "copy")
        Path(copy).replace(first.path)
        assert (await client.download(JOB, tmp_path)).skipped
        rewritten(first.path)
        os.utime(first.path, (1, 1))
        assert not (await client.download(JOB, tmp_path)).skipped


@pytest.mark.fault(86)
async def test_a_journal_of_an_earlier_version_trusts_the_size(tmp_path: Path) -> None:
    async with Sandbox(SMALL) as sandbox, client_of(sandbox) as client:
        saved = await client.download(JOB, tmp_path)
        with closing(sqlite3.connect(tmp_path / HIDDEN / JOURNAL)) as connection:
            for column in ("mtime_ns", "inode"):
                connection.execute(f"ALTER TABLE package DROP COLUMN {column}")
            connection.execute("PRAGMA user_version = 3")
            connection.commit()
        saved.path.touch()
        assert (await client.download(JOB, tmp_path)).skipped


def journal_alone(folder: Path) -> None:
    (folder / HIDDEN / JOURNAL).unlink()


def all_state(folder: Path) -> None:
    shutil.rmtree(folder / HIDDEN)


def replaced(folder: Path) -> None:
    journal = folder / HIDDEN / JOURNAL
    copy = shutil.copy2(journal, folder / "copy")
    Path(copy).replace(journal)


def emptied(folder: Path) -> None:
    os.truncate(folder / HIDDEN / JOURNAL, 0)


def overwritten(folder: Path) -> None:
    (folder / HIDDEN / JOURNAL).write_bytes(b"\xff" * 100_000)


GONE = "the journal was deleted or replaced while the export ran"
DAMAGED = "the journal is damaged"


@pytest.mark.fault(87)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no file that is open")
@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (journal_alone, GONE),
        (all_state, GONE),
        (replaced, GONE),
        (emptied, DAMAGED),
        (overwritten, DAMAGED),
    ],
)
async def test_a_journal_that_is_lost_ends_the_export_and_fails_no_package(
    tmp_path: Path, loss: object, said: str
) -> None:
    slow = Scenario(package_bytes=300_000, size_spread=0, bytes_per_s=300_000)
    async with Sandbox(slow) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        async with client.export(some_downloads(40), tmp_path) as export:
            is_lost = False
            async for event in export:
                if getattr(event, "bytes", 0) > 50_000 and not is_lost:
                    is_lost = True
                    assert callable(loss)
                    loss(tmp_path)
    assert export.report.failed == []
    assert not export.report.is_complete
    assert said in str(export.report.stopped)


@pytest.mark.fault(87)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no file that is open")
def test_the_command_says_that_the_journal_was_deleted_and_what_to_do(tmp_path: Path) -> None:
    rows = [download.row() for download in some_downloads(20)]
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    out = tmp_path / "out"
    slow = Scenario(package_bytes=300_000, size_spread=0, bytes_per_s=300_000)
    words = ("export", manifest, "--out", out, "--fetches", "2", *QUICK)
    with sandbox_in_thread(slow) as sandbox:
        with start(*words, env=env_of(sandbox)) as process:
            when(lambda: any(out.glob("*.part")))
            (out / HIDDEN / JOURNAL).unlink()
            _, stderr = process.communicate(timeout=90)
        assert process.returncode in {1, 2}
        assert "the journal was deleted or replaced while the export ran" in stderr
        assert "restore it from a backup" in stderr
        assert "read-only" not in stderr
        assert "readonly" not in stderr
        assert "Traceback" not in stderr
        with start(*words, "--overwrite", env=env_of(sandbox)) as process:
            _, stderr = process.communicate(timeout=90)
    assert process.returncode == 0, stderr
