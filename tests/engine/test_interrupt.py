"""Ending an export early, in good order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import AoiDownload, JobDownload, UsageError, events
from pixxel_async.export.save_stage import SaveStage
from pixxel_async.journal.models import Ending
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario
from pixxel_async.sansio.package_state import State

from ..support import client_of, final_files, other_tasks, partials, quick_fetch, some_downloads

AOI = AoiDownload(aoi_id="a", asset_ids=("x",))
JOB = JobDownload(workflow_id="w", job_id="j")
SLOW = Scenario(package_bytes=4_000_000, size_spread=0, bytes_per_s=1_000_000)


async def test_transfers_keep_what_they_have_and_the_next_run_goes_on(tmp_path: Path) -> None:
    async with Sandbox(SLOW) as sandbox:
        async with client_of(sandbox, fetch=quick_fetch()) as client:
            async with client.export([JOB], tmp_path) as export:
                seen = []
                async for event in export:
                    seen.append(event)
                    if isinstance(event, events.FetchProgress) and event.bytes > 500_000:
                        export.interrupt()
        assert seen[-1] == events.Interrupted(at_s=seen[-1].at_s, left=1)
        assert export.report.left == 1
        assert not export.report.is_complete
        (row,) = read_record(tmp_path).rows
        assert (tmp_path / f"{row.name}.part").stat().st_size == row.written > 500_000
        assert 0 < export.report.received <= row.written + 1_000_000
        (run,) = read_record(tmp_path).runs
        assert run.ending is Ending.INTERRUPTED
        async with client_of(sandbox, fetch=quick_fetch()) as client:
            saved = await client.download(JOB, tmp_path)
        assert sandbox.gets[-1].range == f"bytes={row.written}-"
        assert saved.sha256 == sandbox.expected_sha256(JOB.row())
    assert partials(tmp_path) == []
    assert other_tasks() == set()


async def test_a_file_that_has_its_name_has_its_event_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = SaveStage.save
    async with Sandbox(Scenario()) as sandbox, client_of(sandbox) as client:
        async with client.export([JOB], tmp_path) as export:

            async def save_and_interrupt(stage: SaveStage, package: Any) -> events.Saved:
                saved = await save(stage, package)
                export.interrupt()
                return saved

            monkeypatch.setattr(SaveStage, "save", save_and_interrupt)
            kinds = [type(event) async for event in export]
        assert kinds.count(events.Saved) == len(final_files(tmp_path)) == 1
        assert export.report.is_complete


async def test_a_creation_that_is_under_way_may_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixxel_async.export.pipeline.FINISH_S", 60)
    async with Sandbox(Scenario(answer_delay_s=0.3)) as sandbox, client_of(sandbox) as client:
        async with client.export([AOI], tmp_path) as export:
            await until_asked(tmp_path)
            export.interrupt()
            report = await export.finish()
        assert sandbox.counts["AOICreateDownload"] == 1
        (row,) = read_record(tmp_path).rows
        assert (row.is_unanswered, row.download_id is not None) == (0, True)
        assert report.left == 1
        async with client.export([AOI], tmp_path) as export:
            report = await export.finish()
        assert report.is_complete
        assert sandbox.counts["AOICreateDownload"] == 1


async def until_asked(directory: Path) -> None:
    """Return when the creation has been noted, which is right before it is sent."""
    while not any(row.is_unanswered for row in read_record(directory).rows):  # noqa: ASYNC110 - a file tells
        await asyncio.sleep(0.01)


async def test_a_creation_that_takes_too_long_is_cut_and_counted_as_unanswered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixxel_async.export.pipeline.FINISH_S", 0.1)
    async with Sandbox(Scenario(answer_delay_s=3600)) as sandbox, client_of(sandbox) as client:
        async with client.export([AOI], tmp_path) as export:
            await until_asked(tmp_path)
            export.interrupt()
            await export.finish()
    (row,) = read_record(tmp_path).rows
    assert (row.is_unanswered, row.download_id) == (1, None)


async def test_packages_that_wait_are_left_as_they_are(tmp_path: Path) -> None:
    downloads = some_downloads(20)
    never = Scenario(packaging=PackagingTime.constant(60))
    async with Sandbox(never) as sandbox, client_of(sandbox) as client:
        async with client.export(downloads, tmp_path) as export:
            requested = 0
            async for event in export:
                requested += isinstance(event, events.Requested)
                if requested == 20:
                    export.interrupt()
                    export.interrupt()
    assert (export.report.left, export.report.failed) == (20, [])
    record = read_record(tmp_path)
    assert {row.state for row in record.rows} == {State.REQUESTED}
    assert final_files(tmp_path) == {}


async def test_an_interrupted_stream_has_an_unknown_number_left(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[JobDownload]:
        number = 0
        while True:
            number += 1
            yield JobDownload(workflow_id="w", job_id=str(number))

    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(endless(), tmp_path) as export:
            async for event in export:
                if isinstance(event, events.Saved):
                    export.interrupt()
    assert export.report.left is None
    assert not export.report.is_complete


async def test_an_interruption_after_the_end_changes_nothing(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        export = client.export([JOB], tmp_path)
        with pytest.raises(UsageError, match="has not started"):
            export.interrupt()
        async with export:
            report = await export.finish()
            export.interrupt()
    assert report.is_complete
    assert read_record(tmp_path).runs[0].ending is Ending.COMPLETE
