"""A disk that gets full, and room again."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from pixxel_async import FolderPolicy, JobDownload, Limits, SinkError, events
from pixxel_async.destinations.digests import DigestingFile
from pixxel_async.destinations.local_sink import LocalSink
from pixxel_async.destinations.sink import Disk
from pixxel_async.export.summary import Report
from pixxel_async.journal.models import Ending
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import Sandbox, Scenario
from pixxel_async.transfer import bandwidth_limiter as bandwidth_module
from pixxel_async.transfer import disk_space as module
from pixxel_async.transfer.bandwidth_limiter import Bandwidth
from pixxel_async.transfer.disk_space import DiskSpace, DiskStaysFullError

from ..support import client_of, final_files, partials, quick_fetch, some_downloads

GIB = 1024**3
REFUSED = SinkError("refused", code="EDQUOT")
JOB = JobDownload(workflow_id="w", job_id="j")


class FakeSink:
    """A disk whose free space is set by the test."""

    def __init__(self, free: int) -> None:
        """Begin with so many free bytes of a tebibyte."""
        self.free = free

    async def disk(self) -> Disk:
        """Return what the test has set."""
        return Disk(total_bytes=1024 * GIB, free_bytes=self.free)


def space_of(
    sink: FakeSink, *, least: int = GIB, timeout_s: float = 100
) -> tuple[DiskSpace, list[events.Event]]:
    """Return what is tested, and the events that it will tell."""
    told: list[events.Event] = []

    async def emit(event: events.Event) -> None:
        told.append(event)

    policy = FolderPolicy(least_free_bytes=least, space_timeout_s=timeout_s)
    return DiskSpace(sink, policy, emit=emit, clock=anyio.current_time), told  # type: ignore[arg-type]  # a sink that only has a disk


@pytest.mark.looptime
async def test_room_is_kept_for_what_the_admitted_transfers_still_bring() -> None:
    sink = FakeSink(4 * GIB)
    space, told = space_of(sink)
    await space.admit("a", 2 * GIB)
    assert await space.fits("b", GIB)
    assert not await space.fits("c", 1)
    space.progress("a", GIB)
    sink.free = 3 * GIB
    await anyio.sleep(module.FRESH_S)
    assert not await space.fits("c", 1)
    space.release("b")
    assert await space.fits("c", GIB)
    assert told == []


@pytest.mark.looptime
async def test_who_finds_no_room_waits_until_there_is_some() -> None:
    sink = FakeSink(GIB)
    space, told = space_of(sink)

    async def free_some() -> None:
        await anyio.sleep(31)
        sink.free = 8 * GIB

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(free_some)
        for name in "abc":
            tasks.start_soon(space.admit, name, GIB)
    assert [type(event) for event in told] == [events.Paused, events.Resumed]
    assert isinstance(told[0], events.Paused)
    assert (told[0].free_bytes, told[0].needed_bytes) == (GIB, 2 * GIB)
    assert 31 <= anyio.current_time() <= 31 + 2 * module.CHECK_S


@pytest.mark.looptime
async def test_a_disk_that_stays_full_ends_the_wait() -> None:
    space, _ = space_of(FakeSink(0), timeout_s=60)
    with pytest.raises(DiskStaysFullError, match="free some space"):
        await space.admit("a", 1)
    assert 60 <= anyio.current_time() <= 60 + module.CHECK_S


@pytest.mark.looptime
async def test_what_can_never_fit_is_told_at_once() -> None:
    space, _ = space_of(FakeSink(GIB))
    with pytest.raises(SinkError, match="larger than the disk"):
        await space.fits("a", 2000 * GIB)


@pytest.mark.looptime
async def test_a_write_that_finds_the_disk_full_waits_and_is_tried_again() -> None:
    sink = FakeSink(0)
    space, told = space_of(sink)
    tries = 0

    async def write() -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise REFUSED
        return "written"

    async def free_some() -> None:
        await anyio.sleep(10)
        sink.free = 8 * GIB

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(free_some)
        assert await space.write(write) == "written"
    assert [type(event) for event in told] == [events.Paused, events.Resumed]


@pytest.mark.looptime
async def test_a_disk_that_refuses_although_it_has_space_is_not_asked_for_ever() -> None:
    space, _ = space_of(FakeSink(8 * GIB))
    tries = 0

    async def write() -> None:
        nonlocal tries
        tries += 1
        raise REFUSED

    with pytest.raises(SinkError, match="refused"):
        await space.write(write)
    assert tries == module.MAX_REFUSALS + 1


async def export(sandbox: Sandbox, directory: Path, policy: FolderPolicy) -> tuple[Report, list]:  # type: ignore[type-arg]  # of events
    """Run an export; return its report and events."""
    async with client_of(sandbox, fetch=quick_fetch(), limits=Limits(fetches=2)) as client:
        async with client.export(some_downloads(6), directory, folder=policy) as running:
            seen = [event async for event in running]
    return running.report, seen


@pytest.fixture(name="disk")
def _disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let a test say how much is free, and look often."""
    free = [0]

    async def disk(_: LocalSink) -> Disk:
        return Disk(total_bytes=GIB, free_bytes=free[0])

    monkeypatch.setattr(LocalSink, "disk", disk)
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    monkeypatch.setattr(module, "FRESH_S", 0.0)

    def set_free(count: int) -> None:
        free[0] = count

    return set_free


@pytest.mark.fault(30)
async def test_an_export_whose_disk_stays_full_fails_no_package_and_is_continued(
    tmp_path: Path, disk: Callable[[int], None]
) -> None:
    policy = FolderPolicy(least_free_bytes=1000, space_timeout_s=0.2)
    async with Sandbox() as sandbox:
        report, seen = await export(sandbox, tmp_path, policy)
        assert (report.failed, report.left, report.saved) == ([], 6, [])
        assert isinstance(report.stopped, SinkError)
        assert sum(isinstance(event, events.Paused) for event in seen) == 1
        assert sandbox.gets == []
        assert read_record(tmp_path).runs[0].ending is Ending.STOPPED
        disk(GIB)
        report, _ = await export(sandbox, tmp_path, policy)
    assert report.is_complete


@pytest.mark.fault(30)
async def test_a_write_that_finds_the_disk_full_pauses_and_goes_on_where_it_was(
    tmp_path: Path, disk: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system refuses the third write; the sink, the transfer and the pause are real."""
    disk(GIB)
    writes = 0
    write = DigestingFile.write

    def full(self: DigestingFile, data: bytes) -> int:
        nonlocal writes
        writes += 1
        if writes == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(DigestingFile, "write", full)
    scenario = Scenario(package_bytes=500_000, size_spread=0)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, fetch=quick_fetch()) as client:
        async with client.export([JOB], tmp_path) as running:
            seen = [type(event) async for event in running]
        (saved,) = running.report.saved
        assert saved.sha256 == sandbox.expected_sha256(JOB.row())
        assert sandbox.gets[-1].range.startswith("bytes=")
    assert seen.index(events.Paused) < seen.index(events.Resumed) < seen.index(events.Saved)
    assert partials(tmp_path) == []
    assert len(final_files(tmp_path)) == 1


def test_bandwidth_is_shared_by_all_who_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandwidth_module, "time", SimpleNamespace(monotonic=lambda: 100.0))
    bandwidth = Bandwidth(1000)
    waits = [bandwidth.take(500) for _ in range(4)]
    assert waits == pytest.approx([0.25, 0.75, 1.25, 1.75], abs=0.01)
    assert bandwidth.chunk_bytes == 50


async def test_an_export_keeps_to_its_bandwidth(tmp_path: Path) -> None:
    scenario = Scenario(package_bytes=400_000, size_spread=0)
    limits = Limits(fetches=4, bytes_per_second=1_600_000, requests_per_second=1000)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, limits=limits) as client:
        async with client.export(some_downloads(6), tmp_path) as running:
            report = await running.finish()
    assert report.is_complete
    assert report.bytes / report.elapsed_s < 2_000_000
