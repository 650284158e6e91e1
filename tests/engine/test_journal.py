"""What the journal promises."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from pixxel_async import SinkError
from pixxel_async.journal import schema
from pixxel_async.journal.heartbeat_lock import FolderLostError
from pixxel_async.journal.journal import COMMITS, NOTE_S, Journal, _Batch
from pixxel_async.journal.models import Activity, PackageRow, Step
from pixxel_async.journal.schema import SCHEMA_VERSION
from pixxel_async.sansio.package_state import State


def row(number: int = 0) -> PackageRow:
    return PackageRow(key=f"job:{number}", target='{"kind":"job"}', name=f"{number}.zip")


async def test_a_row_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    full = row().changed(
        state=State.FETCHING,
        download_id="d",
        validator='"v"',
        total=10,
        mark=5,
        bytes=10,
        sha256="00",
        checksum="md5",
        error="none",
    )
    journal = await Journal.open(path)
    await journal.put(full)
    await journal.aclose()
    journal = await Journal.open(path)
    assert await journal.get(full.key) == full
    assert await journal.get("other") is None
    await journal.aclose()
    await journal.aclose()


async def test_many_rows_at_once_share_commits(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite")
    commits = 0
    commit = journal._commit

    def counted(batch: _Batch) -> None:
        nonlocal commits
        commits += 1
        commit(batch)

    journal._commit = counted  # type: ignore[method-assign]  # to count
    await asyncio.gather(*(journal.put(row(number)) for number in range(300)))
    assert commits < 10
    found = await asyncio.gather(*(journal.get(f"job:{number}") for number in range(300)))
    assert all(found)
    await journal.aclose()


async def test_the_last_word_on_a_package_wins(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite")
    states = [State.REQUESTED, State.FETCHING, State.SAVED]
    await asyncio.gather(*(journal.put(row().changed(state=state)) for state in states))
    found = await journal.get(row().key)
    assert found is not None
    assert found.state is State.SAVED
    await journal.aclose()


async def test_a_journal_of_a_newer_version_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    await (await Journal.open(path)).aclose()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(SinkError, match="newer version"):
        await Journal.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [b"not a database" * 500, None])
async def test_a_damaged_journal_is_told(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "journal.sqlite"
    journal = await Journal.open(path)
    await journal.put(row())
    await journal.aclose()
    path.write_bytes(path.read_bytes()[:3000] if damage is None else damage)

    async def read() -> None:
        damaged = await Journal.open(path)
        try:
            await damaged.get(row().key)
        finally:
            await damaged.aclose()

    with pytest.raises(SinkError, match=r"journal\.sqlite"):
        await read()


@pytest.mark.fault(30)
async def test_a_full_disk_is_told_and_the_row_is_kept_for_the_next_commit(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite")
    journal._connection.execute("PRAGMA max_page_count = 3")
    big = row(1).changed(error="x" * 100_000)
    with pytest.raises(SinkError, match="full"):
        await journal.put(big)
    journal._connection.execute("PRAGMA max_page_count = 10000")
    await journal.put(row(2))
    assert await journal.get(big.key) == big
    await journal.aclose()


@pytest.mark.fault(87)
async def test_what_others_emptied_while_a_commit_ran_is_found_when_the_journal_is_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite goes on with the pages that it has in memory, and finds nothing wrong."""
    path = tmp_path / "journal.sqlite"
    put_steps = schema.put_steps

    def emptied(*words: Any) -> None:
        put_steps(*words)
        size = path.stat().st_size
        os.truncate(path, 0)
        os.truncate(path, size)  # as a commit of its last page does

    journal = await Journal.open(path)
    for number in range(300):
        journal.note(row(number))
    assert await journal.loss() is None
    with monkeypatch.context() as patch:
        patch.setattr(schema, "put_steps", emptied)
        await journal.put(row(0))
    await journal.put(row(1))
    assert "the journal is damaged" in str(await journal.loss())
    await journal.aclose()


def rewound(path: Path) -> None:
    shutil.copyfile(path.with_name("old.sqlite"), path)


def edited(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE package SET state = 'saved'")


@pytest.mark.fault(87)
@pytest.mark.parametrize("change", [rewound, edited])
@pytest.mark.parametrize("is_idle", [True, False])
async def test_what_another_program_wrote_to_the_journal_is_found_and_left_as_it_is(
    tmp_path: Path, change: Callable[[Path], None], *, is_idle: bool
) -> None:
    path = tmp_path / "journal.sqlite"
    journal = await Journal.open(path)
    await journal.put(row(0))
    shutil.copyfile(path, path.with_name("old.sqlite"))
    await journal.put(row(1))
    assert await journal.loss() is None
    change(path)
    before = path.read_bytes()
    if not is_idle:
        with pytest.raises(FolderLostError, match="another program changed the journal"):
            await journal.put(row(2))
    assert "another program changed the journal" in str(await journal.loss())
    await journal.aclose()
    assert path.read_bytes() == before


@pytest.mark.fault(48)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    previous = os.umask(0)
    try:
        await (await Journal.open(path)).aclose()
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_run_that_was_killed_while_it_made_the_journal_is_no_obstacle(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    await (await Journal.open(path)).aclose()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 0")  # the table is there, its version is not
    connection.close()
    journal = await Journal.open(path)
    await journal.put(row())
    assert await journal.get(row().key) == row()
    await journal.aclose()


async def test_a_row_whose_put_was_cancelled_is_there_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = await Journal.open(path)
    puts = [asyncio.create_task(journal.put(row(number))) for number in range(3)]
    await asyncio.sleep(0)
    for put in puts:
        put.cancel()
    await asyncio.wait(puts)
    await journal.aclose()
    journal = await Journal.open(path)
    for number in range(3):
        assert await journal.get(f"job:{number}") == row(number)
    await journal.aclose()


async def test_a_value_that_no_column_takes_is_told(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite")
    with pytest.raises(SinkError, match="cannot be used"):
        await journal.put(row().changed(error="\ud800"))
    await journal.aclose()


async def test_a_journal_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE package (key TEXT PRIMARY KEY, target TEXT NOT NULL,"
            " name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, download_id TEXT, validator TEXT,"
            " total INTEGER, mark INTEGER NOT NULL, bytes INTEGER, sha256 TEXT,"
            " checksum TEXT NOT NULL, error TEXT NOT NULL) STRICT, WITHOUT ROWID"
        )
        connection.execute(
            "INSERT INTO package VALUES"
            " ('job:0', '{}', '0.zip', 'saved', NULL, NULL, NULL, 0, 10, '00', 'md5', '')"
        )
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    journal = await Journal.open(path)
    found = await journal.get("job:0")
    assert found == PackageRow(
        key="job:0",
        target="{}",
        name="0.zip",
        state=State.SAVED,
        bytes=10,
        sha256="00",
        checksum="md5",
    )
    await journal.put(row(1))
    await journal.aclose()


async def test_what_is_noted_is_there_after_a_moment_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = await Journal.open(path)

    async def flush() -> None:
        while True:
            await journal.flush_queued(within_s=60)

    flushing = asyncio.create_task(flush())
    step = Step(key=row().key, run=journal.new_run(), at=1.5, doing=Activity.READY, size=3)
    journal.note(row().changed(state=State.REQUESTED))
    journal.step(step, State.READY)
    journal.note(row(1))
    while not (found := await asyncio.to_thread(rows_in, path)):  # noqa: ASYNC110 - a file tells
        await asyncio.sleep(0)
    assert found == [("job:0", "0.zip", "ready"), ("job:1", "1.zip", "queued")]
    later = replace(step, at=2.5)
    journal.step(later, State.FETCHING)
    await journal.put(row().changed(state=State.SAVED))
    assert rows_in(path)[0] == ("job:0", "0.zip", "saved")
    flushing.cancel()
    await asyncio.wait([flushing])
    await journal.aclose()
    with closing(sqlite3.connect(path)) as connection:
        assert schema.all_steps(connection) == (step, later)
    assert journal.new_run() == 2


def rows_in(path: Path) -> list[tuple[str, ...]]:
    """Read the journal as another process would."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT key, name, state FROM package ORDER BY key").fetchall()


async def test_a_row_that_no_column_takes_does_not_stand_in_the_way_of_others(
    tmp_path: Path,
) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite")
    for poisoned in (row().changed(error="\ud800"), row().changed(total=2**63)):
        with pytest.raises(SinkError, match="cannot be used"):
            await journal.put(poisoned)
    await journal.put(row(1))
    assert await journal.get(row().key) is None
    assert await journal.get(row(1).key) == row(1)
    await journal.aclose()


async def test_two_packages_never_have_one_name(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite")
    await journal.put(row())
    with pytest.raises(SinkError, match="UNIQUE"):
        await journal.put(row(1).changed(name=row().name))
    journal._queued.rows.clear()
    assert await journal.get(row().key) == row()
    await journal.aclose()


@pytest.mark.looptime
async def test_commits_that_no_caller_waits_for_take_a_tenth_of_a_slow_disk(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with opened(path) as journal:
        commit = journal._commit

        def slow(batch: _Batch) -> None:
            commit(batch)
            journal._commit_s[-1] = 3.0

        journal._commit = slow  # type: ignore[method-assign]  # as a slow disk would
        rests_s = []
        for number in range(COMMITS):
            journal.note(row(number))
            began = anyio.current_time()
            await journal.flush_queued(within_s=1)
            rests_s.append(anyio.current_time() - began)
        assert len(rows_in(path)) == COMMITS
        assert rests_s == [pytest.approx(NOTE_S), pytest.approx(NOTE_S), pytest.approx(30)]
        began = anyio.current_time()
        await journal.flush_queued(within_s=1)
        assert anyio.current_time() - began == pytest.approx(1)


STEP = Step(key=row().key, run=1, at=1.5, doing=Activity.READY, size=3)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Journal]:
    """Open a journal for a while."""
    journal = await Journal.open(path)
    try:
        yield journal
    finally:
        await journal.aclose()


@contextmanager
def held_up(
    journal: Journal, *, fails: bool = False
) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Let commits wait on their thread; one event is set when one does, the other ends that."""
    began, may_end = threading.Event(), threading.Event()
    commit = journal._commit

    def slow(batch: _Batch) -> None:
        began.set()
        assert may_end.wait(60)
        if fails:
            message = "disk I/O error"
            raise sqlite3.OperationalError(message)
        commit(batch)

    journal._commit = slow  # type: ignore[method-assign]  # as a slow disk would
    try:
        yield began, may_end
    finally:
        journal._commit = commit  # type: ignore[method-assign]


def steps_in(path: Path) -> list[Step]:
    with closing(sqlite3.connect(path)) as connection:
        return list(schema.all_steps(connection))


def without_unique_index(path: Path) -> None:
    """Let the table take a step twice, so that only the journal itself prevents it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP INDEX IF EXISTS each_step_once")


@pytest.mark.fault(67)
@pytest.mark.parametrize("by", ["task", "scope", "task, twice"])
async def test_a_flush_that_is_cancelled_after_its_commit_writes_nothing_twice(
    tmp_path: Path, by: str
) -> None:
    path = tmp_path / "journal.sqlite"
    async with opened(path) as journal:
        without_unique_index(path)
        journal._version = schema.data_version(journal._connection)  # allow that change
        journal.step(STEP, None)
        scope = anyio.CancelScope()

        async def put() -> None:
            with scope:
                await journal.put(row())

        with held_up(journal) as (began, may_end):
            putting = asyncio.create_task(put())
            await asyncio.to_thread(began.wait, 60)
            if by == "scope":
                scope.cancel()
            else:
                putting.cancel()
            await asyncio.sleep(0)
            if by == "task, twice":
                putting.cancel()
            await asyncio.sleep(0)
            may_end.set()
            await asyncio.wait([putting])
        assert scope.cancelled_caught if by == "scope" else putting.cancelled()
        await journal.put(row(1))
        assert await journal.get(row().key) == row()
    assert steps_in(path) == [STEP]


@pytest.mark.fault(67)
async def test_a_flush_that_is_cancelled_while_the_disk_refuses_loses_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    async with opened(path) as journal:
        journal.step(STEP, None)
        with held_up(journal, fails=True) as (began, may_end):
            putting = asyncio.create_task(journal.put(row()))
            await asyncio.to_thread(began.wait, 60)
            putting.cancel()
            await asyncio.sleep(0)
            may_end.set()
            await asyncio.wait([putting])
        assert putting.cancelled()
        assert await journal.get(row().key) == row()
        await journal.put(row(1))
    assert steps_in(path) == [STEP]
    assert [key for key, *_ in rows_in(path)] == ["job:0", "job:1"]


@pytest.mark.fault(67)
async def test_a_step_is_in_the_journal_once_however_often_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with opened(path) as journal:
        for _ in range(3):
            journal.step(STEP, None)
            await journal.flush()
    async with opened(path) as journal:
        journal.step(STEP, None)
        journal.step(replace(STEP, size=4), None)
    assert steps_in(path) == [STEP, replace(STEP, size=4)]


@pytest.mark.fault(67)
async def test_steps_that_an_earlier_version_wrote_twice_are_in_the_journal_once(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    async with opened(path):
        pass
    without_unique_index(path)
    other = replace(STEP, doing=Activity.SAVED)
    with closing(sqlite3.connect(path)) as connection, connection:
        schema.put_steps(connection, [STEP, other, STEP, other, STEP])
        connection.execute("PRAGMA user_version = 3")
    async with opened(path) as journal:
        journal.step(STEP, None)
    assert steps_in(path) == [STEP, other]
