"""Case 52: packages that are larger than the free space, among others that are not."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pixxel_async import FolderPolicy, Paused, Report, Resumed, SinkError, events
from pixxel_async.destinations.local_sink import LocalSink
from pixxel_async.destinations.sink import Disk
from pixxel_async.transfer import disk_space as module

from ..socket_server import SocketServer
from .scripted import ETAG, HALF, WHOLE, WHOLE_ANSWER, answer, part
from .urls import client_of, job, saved_of

pytestmark = pytest.mark.fault(52)

TIB = 1024**4


class Sizes(SocketServer):
    """A storage that announces another size for names that begin with `big`, until it is mended.

    Attributes:
        big_bytes: The size.
        asked: The names that were asked for.
    """

    def __init__(self, big_bytes: int) -> None:
        self.big_bytes = big_bytes
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                name = head.split(b" ")[1].decode().strip("/").partition(".")[0]
                self.asked.append(name)
                if name.startswith("big") and self.big_bytes:
                    writer.write(answer("200 OK", ETAG, body=b"PK", length=self.big_bytes))
                    await writer.drain()
                    return
                has_range = b"range: bytes=" in head.lower()
                writer.write(part(WHOLE[HALF:]) if has_range else WHOLE_ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()


async def export(
    storage: Sizes, folder: Path, names: list[str], *, fetches: int, policy: FolderPolicy
) -> tuple[Report, list[events.Event]]:
    urls = {name: f"{storage.url}/{name}.zip" for name in names}
    async with client_of(urls, fetches=fetches) as client:
        async with client.export([job(name) for name in names], folder, folder=policy) as running:
            seen = [event async for event in running]
    return running.report, seen


GOOD = [f"good{number}" for number in range(40)]


@pytest.mark.parametrize(("fetches", "bigs"), [(1, 1), (1, 5), (4, 1), (4, 9)])
async def test_what_fits_goes_ahead_on_a_real_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetches: int, bigs: int
) -> None:
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    disk = shutil.disk_usage(tmp_path)
    names = [f"big{number}" for number in range(bigs)]
    policy = FolderPolicy(least_free_bytes=1, space_timeout_s=1)
    async with Sizes((disk.free + disk.total) // 2) as storage:
        report, seen = await export(
            storage, tmp_path, [*names, *GOOD], fetches=fetches, policy=policy
        )
        assert saved_of(report) == set(GOOD)
        assert (report.failed, report.left) == ([], bigs)
        assert isinstance(report.stopped, SinkError)
        assert "free some space and run it again" in str(report.stopped)
        assert sum(isinstance(event, Paused) for event in seen) == 1  # all wait together
        assert len(storage.asked) == 40 + bigs  # who waits does not ask again and again
        last_saved = max(seen.index(event) for event in seen if isinstance(event, events.Saved))
        assert last_saved < next(seen.index(event) for event in seen if isinstance(event, Paused))
        storage.big_bytes = 0
        again, _ = await export(storage, tmp_path, [*names, *GOOD], fetches=fetches, policy=policy)
    assert again.is_complete
    assert saved_of(again) == set(names)


@pytest.fixture(name="free")
def _free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let a test say how much of a tebibyte is free, and look often."""
    free = [0]

    async def disk(_: LocalSink) -> Disk:
        return Disk(total_bytes=TIB, free_bytes=free[0])

    monkeypatch.setattr(LocalSink, "disk", disk)
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    monkeypatch.setattr(module, "FRESH_S", 0.0)

    def set_free(count: int) -> None:
        free[0] = count

    return set_free


async def test_what_waits_is_saved_when_there_is_room(
    tmp_path: Path, free: Callable[[int], None]
) -> None:
    free(10**9)
    names = ["big0", "big1", *GOOD]
    policy = FolderPolicy(least_free_bytes=1000, space_timeout_s=300)
    async with Sizes(10**10) as storage:
        urls = {name: f"{storage.url}/{name}.zip" for name in names}
        async with client_of(urls, fetches=1) as client:
            async with client.export([job(name) for name in names], tmp_path, folder=policy) as run:
                seen = []
                async for event in run:
                    seen.append(type(event))
                    if isinstance(event, Paused):
                        assert len(run.report.saved) == len(GOOD)
                        assert event.needed_bytes == 10**10 + 1000
                        storage.big_bytes = 0
                        free(10**11)
    assert run.report.is_complete
    assert seen.count(Paused) == seen.count(Resumed) == 1


async def test_a_full_disk_pauses_everything_and_asks_for_nothing(
    tmp_path: Path, free: Callable[[int], None]
) -> None:
    free(0)
    policy = FolderPolicy(least_free_bytes=1000, space_timeout_s=0.5)
    async with Sizes(10**10) as storage:
        report, seen = await export(storage, tmp_path, ["big", *GOOD], fetches=4, policy=policy)
    assert storage.asked == []
    assert (report.left, len(report.failed)) == (41, 0)
    assert sum(isinstance(event, Paused) for event in seen) == 1


async def test_more_than_the_disk_can_ever_hold_fails_its_package_alone(
    tmp_path: Path, free: Callable[[int], None]
) -> None:
    free(10**9)
    policy = FolderPolicy(least_free_bytes=1000)
    async with Sizes(2 * TIB) as storage:
        report, seen = await export(storage, tmp_path, ["big", *GOOD], fetches=1, policy=policy)
    assert (saved_of(report), report.stopped) == (set(GOOD), None)
    assert "larger than the disk" in str(report.failed[0].error)
    assert not any(isinstance(event, Paused) for event in seen)


@pytest.mark.parametrize("total", [10**10, 2**40 - 1, 2**41])
async def test_a_size_that_only_the_journal_knows_is_not_waited_for(
    tmp_path: Path, free: Callable[[int], None], total: int
) -> None:
    free(10**9)
    policy = FolderPolicy(least_free_bytes=1000, space_timeout_s=300)
    async with Sizes(0) as storage:
        await export(storage, tmp_path, GOOD[:2], fetches=1, policy=policy)
        with sqlite3.connect(tmp_path / ".pixxel-async" / "journal.sqlite") as connection:
            connection.execute(
                "UPDATE package SET total = ?, state = 'fetching', bytes = NULL, sha256 = NULL,"
                " validator = '\"v1\"'",
                (total,),
            )
        for path in tmp_path.glob("*.zip"):
            path.unlink()
        report, seen = await export(storage, tmp_path, GOOD[:2], fetches=1, policy=policy)
    assert report.is_complete
    assert not any(isinstance(event, Paused) for event in seen)


class FakeSink:
    """A disk of a tebibyte, whose free space is set by the test."""

    def __init__(self, free: int) -> None:
        self.free = free

    async def disk(self) -> Disk:
        return Disk(total_bytes=TIB, free_bytes=self.free)


def space_of(sink: FakeSink, told: list[events.Event], left: int) -> module.DiskSpace:
    async def emit(event: events.Event) -> None:
        told.append(event)

    return module.DiskSpace(
        sink,  # type: ignore[arg-type]  # it only has a disk
        FolderPolicy(least_free_bytes=10, space_timeout_s=60),
        emit=emit,
        clock=asyncio.get_running_loop().time,
        left=lambda: left,
    )


@pytest.mark.looptime
async def test_the_pause_begins_when_nothing_else_is_left() -> None:
    told: list[events.Event] = []
    asides: list[str] = []
    space = space_of(FakeSink(100), told, left=3)
    await space.admit("small", 50)
    bigs = [
        asyncio.create_task(space.admit(name, 500, step_aside=lambda: asides.append("")))
        for name in ("a", "b")
    ]
    await asyncio.sleep(1000)
    assert (told, len(asides) > 0) == ([], True)
    space.release("small")
    await asyncio.sleep(1000)  # a third package is on its way, and may fit
    assert told == []
    last = asyncio.create_task(space.admit("c", 500))
    began = asyncio.get_running_loop().time()
    results = await asyncio.gather(*bigs, last, return_exceptions=True)
    assert all(isinstance(result, module.DiskStaysFullError) for result in results)
    assert 60 <= asyncio.get_running_loop().time() - began <= 60 + 2 * module.CHECK_S
    assert [type(event) for event in told] == [Paused]


@pytest.mark.looptime
async def test_others_run_while_some_wait_and_each_is_admitted_as_room_comes() -> None:
    told: list[events.Event] = []
    sink = FakeSink(100)
    space = space_of(sink, told, left=2)
    waiting = [asyncio.create_task(space.admit(name, 80)) for name in ("a", "b")]
    await asyncio.sleep(10)
    assert [task.done() for task in waiting] == [True, False]
    space.release("a")
    await asyncio.sleep(module.CHECK_S + 1)
    assert waiting[1].done()


@pytest.mark.looptime
async def test_a_cancelled_wait_is_forgotten() -> None:
    space = space_of(FakeSink(100), [], left=1)
    waiting = asyncio.create_task(space.admit("a", 500))
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert (space._waiting, space._missing) == ({}, {})
