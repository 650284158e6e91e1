"""A journal that cannot be trusted is refused, left as it is, and copied."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from pixxel_async import JobDownload, SinkError
from pixxel_async.journal import corruption
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL
from pixxel_async.journal.journal import Journal
from pixxel_async.journal.models import PackageRow
from pixxel_async.journal.reader import read_record
from pixxel_async.journal.schema import SCHEMA_VERSION
from pixxel_async.sandbox import Sandbox

from ..support import client_of, final_files

JOB = JobDownload(workflow_id="w", job_id="j")
ROWS = 200


@pytest.fixture(name="path")
async def _path(tmp_path: Path) -> Path:
    """A journal of some pages."""
    path = tmp_path / HIDDEN / JOURNAL
    path.parent.mkdir()
    journal = await Journal.open(path)
    for number in range(ROWS):
        journal.note(
            PackageRow(key=f"job:{number:04}", target='{"kind":"job"}', name=f"{number:04}.zip")
        )
    await journal.aclose()
    return path


async def refused(path: Path) -> str:
    """Return how an export refuses a journal."""
    with pytest.raises(SinkError) as raised:
        await Journal.open(path)
    return str(raised.value)


def copies(path: Path) -> list[str]:
    return sorted(copy.name for copy in path.parent.glob(f"{path.name}.*"))


def cut(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))


@pytest.mark.fault(39)
@pytest.mark.parametrize("share", [0.0005, 0.01, 0.2, 0.5, 0.75, 0.999])
async def test_a_truncated_journal_is_refused_and_copied_once(path: Path, share: float) -> None:
    cut(path, share)
    before = path.read_bytes()
    assert before
    told = [await refused(path) for _ in range(2)]
    assert told[0] == told[1]
    assert told[0].startswith(f"{path}: the journal is damaged (")
    assert "put a good copy of it in its place, or choose another folder" in told[0]
    assert told[0].endswith(f"a copy is kept as {JOURNAL}.damaged-1")
    assert copies(path) == [f"{JOURNAL}.damaged-1"]
    assert path.read_bytes() == before == (path.parent / f"{JOURNAL}.damaged-1").read_bytes()


async def test_what_is_no_database_is_refused_and_copied(path: Path) -> None:
    path.write_bytes(b"not a database" * 500)
    assert "file is not a database" in await refused(path)
    assert copies(path) == [f"{JOURNAL}.damaged-1"]


async def test_a_database_of_somebody_else_is_refused_and_copied(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (a)")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.close()
    assert "no such table: package" in await refused(path)
    assert copies(path) == [f"{JOURNAL}.damaged-1"]


async def test_a_page_that_was_overwritten_is_found_on_opening(path: Path) -> None:
    connection = sqlite3.connect(path)
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    pages = path.stat().st_size // page
    data = bytearray(path.read_bytes())
    data[(pages - 2) * page : (pages - 1) * page] = bytes(page)
    path.write_bytes(data)
    assert "the journal is damaged" in await refused(path)


async def test_each_damage_is_copied_once_and_not_without_end(path: Path) -> None:
    whole = path.read_bytes()
    told = []
    for share in (0.9, 0.8, 0.9, 0.7, 0.6, 0.5, 0.4, 0.8):
        path.write_bytes(whole)
        cut(path, share)
        told.append((await refused(path)).rpartition("; ")[2])
    kept = [f"a copy is kept as {JOURNAL}.damaged-{n}" for n in (1, 2, 1, 3, 4, 5)]
    assert told == [*kept, "5 other copies are kept beside it already", kept[1]]
    assert len(copies(path)) == corruption.MOST_COPIES


@pytest.mark.fault(39)
async def test_a_newer_journal_is_copied_and_not_written_to(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    told = await refused(path)
    assert "upgrade, or choose another folder" in told
    assert told.endswith(f"a copy is kept as {JOURNAL}.newer-1")
    assert path.read_bytes() == before == (path.parent / f"{JOURNAL}.newer-1").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
async def test_a_copy_is_for_the_owner_only(path: Path) -> None:
    cut(path, 0.5)
    path.chmod(0o644)
    await refused(path)
    copy = path.parent / f"{JOURNAL}.damaged-1"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


async def test_a_rollback_journal_is_copied_with_it(path: Path) -> None:
    cut(path, 0.5)
    rollback = path.with_name(f"{JOURNAL}-journal")
    rollback.write_bytes(b"what a killed run has left")
    corruption.keep_copy(path, "damaged")
    copy = path.with_name(f"{JOURNAL}.damaged-1-journal")
    assert copy.read_bytes() == rollback.read_bytes()


async def test_a_copy_that_the_disk_refuses_is_told_and_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cut(path, 0.5)
    monkeypatch.setattr(shutil, "copyfileobj", full)  # a full disk cannot be had in every test
    assert (await refused(path)).endswith("it could not be copied: No space left on device")
    assert copies(path) == []


async def test_a_full_disk_is_no_damage(path: Path) -> None:
    journal = await Journal.open(path)
    journal._connection.execute("PRAGMA max_page_count = 3")
    with pytest.raises(SinkError, match="full"):
        await journal.put(PackageRow(key="job:x", target="{}", name="x.zip", error="x" * 100_000))
    journal._connection.execute("PRAGMA max_page_count = 10000")
    await journal.aclose()
    assert copies(path) == []


async def test_damage_that_comes_while_an_export_runs_is_told_with_a_remedy(path: Path) -> None:
    journal = await Journal.open(path)
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(SinkError, match="the journal is damaged"):
        await journal.get("job:0100")
    await journal.aclose()
    assert copies(path) == [f"{JOURNAL}.damaged-1"]


async def test_who_only_reads_is_told_the_same_and_keeps_no_copy(path: Path) -> None:
    cut(path, 0.5)
    with pytest.raises(SinkError, match="choose another folder"):
        read_record(path.parents[1])
    assert copies(path) == []


async def test_files_of_a_lost_journal_are_refused_one_by_one(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        saved = await client.download(JOB, tmp_path)
        shutil.rmtree(tmp_path / HIDDEN)
        with pytest.raises(SinkError, match="no export has saved"):
            await client.download(JOB, tmp_path)
    assert final_files(tmp_path) == {saved.path.name: saved.sha256}
