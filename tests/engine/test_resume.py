"""What a later run does with what an earlier one has left."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from pixxel_async import (
    AnswerLostError,
    AoiDownload,
    EarlierFailureError,
    FolderPolicy,
    JobDownload,
    PackageFailedError,
    PixxelClient,
    RetryPolicy,
    SinkError,
    events,
)
from pixxel_async.config import ExistingFiles, PreviousFailures, UnknownFiles
from pixxel_async.export.dry_run import PlannedAction, plan
from pixxel_async.export.summary import Report
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL, ExportFolder
from pixxel_async.journal.models import Activity, Ending
from pixxel_async.journal.reader import read_record
from pixxel_async.sandbox import ApiFault, PackageFault, PackagingTime, Sandbox, Scenario
from pixxel_async.sansio.package_state import State
from pixxel_async.transfer.work_item import new_row

from ..support import QUICK_RETRY, client_of, some_downloads
from .saved import flip_a_byte

AOI = AoiDownload(aoi_id="a", asset_ids=("x", "y"))
JOB = JobDownload(workflow_id="w", job_id="the-job")
RETRY_FAILED = FolderPolicy(previous_failures=PreviousFailures.RETRY)
LEAVE_FAILED = FolderPolicy(previous_failures=PreviousFailures.LEAVE)


async def run(
    sandbox: Sandbox,
    directory: Path,
    *downloads: Any,
    folder: FolderPolicy | None = None,
    **parts: Any,
) -> tuple[Report, list[events.Event]]:
    """Run an export to its end; return its report and what happened."""
    seen = []
    async with client_of(sandbox, **parts) as client:
        async with client.export(list(downloads), directory, folder=folder) as export:
            seen = [event async for event in export]
    return export.report, seen


async def leave_unanswered(directory: Path, *, recreated: int = 0) -> None:
    """Leave what a run leaves that is killed between a creation and its answer."""
    folder = await ExportFolder.open(directory)
    row = new_row(AOI).changed(state=State.QUEUED, is_unanswered=1, recreated=recreated)
    await folder.journal.put(row)
    await folder.aclose()


async def test_a_creation_is_noted_before_it_is_sent_and_its_answer_after(tmp_path: Path) -> None:
    noted = []

    def during(_: httpx.Request) -> httpx.Response:
        noted.append({row.key: row.is_unanswered for row in read_record(tmp_path).rows})
        return httpx.Response(201, json={"id": "d", "download_id": "d", "status": "created"})

    async with PixxelClient(
        "key", http_client=httpx.AsyncClient(transport=httpx.MockTransport(during))
    ) as client:
        async with client.export([AOI, JOB], tmp_path) as export:
            requested = 0
            while requested < 2:
                requested += isinstance(await anext(aiter(export)), events.Requested)
    assert {row.key: row.is_unanswered for row in read_record(tmp_path).rows} == {
        AOI.key: 0,
        JOB.key: 0,
    }
    assert all(seen.get(JOB.key, 0) == 0 for seen in noted)
    assert 1 in {seen.get(AOI.key) for seen in noted}


@pytest.mark.fault(19)
async def test_an_unanswered_creation_is_sent_again_counted_and_told(tmp_path: Path) -> None:
    await leave_unanswered(tmp_path)
    async with Sandbox() as sandbox:
        report, seen = await run(sandbox, tmp_path, AOI)
    assert report.is_complete
    assert report.recreated == 1
    (told,) = [event for event in seen if isinstance(event, events.Recreated)]
    assert "an earlier run sent it" in told.reason
    (row,) = read_record(tmp_path).rows
    assert (row.recreated, row.is_unanswered, row.state) == (1, 0, State.SAVED)


@pytest.mark.fault(19)
async def test_no_recreate_fails_the_package_and_sends_nothing(tmp_path: Path) -> None:
    await leave_unanswered(tmp_path)
    never = RetryPolicy(recreate=0)
    async with Sandbox() as sandbox:
        report, _ = await run(sandbox, tmp_path, AOI, retry=never)
        assert sandbox.calls == []
        assert isinstance(report.failed[0].error, AnswerLostError)
        again, _ = await run(sandbox, tmp_path, AOI, folder=LEAVE_FAILED)
        assert isinstance(again.failed[0].error, EarlierFailureError)
        assert sandbox.calls == []
        taken_up, _ = await run(sandbox, tmp_path, AOI, folder=RETRY_FAILED)
    assert taken_up.is_complete
    assert taken_up.recreated == 1


@pytest.mark.fault(19)
async def test_lost_answers_are_bounded_over_all_runs(tmp_path: Path) -> None:
    await leave_unanswered(tmp_path, recreated=1)
    lost = Scenario(faults=(ApiFault("lost", on="AOICreateDownload"),))
    async with Sandbox(lost) as sandbox:
        report, _ = await run(sandbox, tmp_path, AOI)
        assert sandbox.counts["AOICreateDownload"] == 1
    assert len(report.failed) == 1
    async with Sandbox() as sandbox:
        report, _ = await run(sandbox, tmp_path, AOI)
        assert sandbox.calls == []
    assert isinstance(report.failed[0].error, AnswerLostError)


async def test_a_creation_that_was_refused_is_not_unanswered(tmp_path: Path) -> None:
    refused = Scenario(faults=(ApiFault("status", on="AOICreateDownload", status=400),))
    async with Sandbox(refused) as sandbox:
        await run(sandbox, tmp_path, AOI)
    (row,) = read_record(tmp_path).rows
    assert (row.is_unanswered, row.state, row.error_type) == (0, State.FAILED, "BadRequestError")


async def test_what_failed_for_a_reason_of_its_own_is_left_until_it_is_asked_for(
    tmp_path: Path,
) -> None:
    failing = Scenario(faults=(PackageFault("failed", only="the-job"),))
    async with Sandbox(failing) as sandbox:
        first, _ = await run(sandbox, tmp_path, JOB)
    assert isinstance(first.failed[0].error, PackageFailedError)
    async with Sandbox() as sandbox:
        second, _ = await run(sandbox, tmp_path, JOB, folder=LEAVE_FAILED)
        assert sandbox.calls == []
        (error,) = [failed.error for failed in second.failed]
        assert isinstance(error, EarlierFailureError)
        assert str(first.failed[0].error) in str(error)
        third, _ = await run(sandbox, tmp_path, JOB, folder=RETRY_FAILED)
    assert third.is_complete
    (row,) = read_record(tmp_path).rows
    assert (row.state, row.error, row.is_retryable_next_run) == (State.SAVED, "", 0)


@pytest.mark.parametrize("is_one_client", [True, False])
async def test_the_failed_downloads_of_a_report_are_retried(
    tmp_path: Path,
    is_one_client: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    failing = Scenario(faults=(PackageFault("failed", only='"aoi"', times=1),))
    async with Sandbox(failing) as sandbox, client_of(sandbox) as client, client_of(sandbox) as new:
        async with client.export([JOB, AOI], tmp_path) as export:
            first = await export.finish()
        assert [failed.download for failed in first.failed] == [AOI]
        async with client.export([JOB, AOI], tmp_path) as export:
            whole = await export.finish()
        assert isinstance(whole.failed[0].error, EarlierFailureError)
        chosen = client if is_one_client else new
        async with chosen.export([one.download for one in whole.failed], tmp_path) as export:
            retried = await export.finish()
    assert retried.is_complete
    assert len(retried.saved) == 1


async def test_of_a_stream_no_failed_download_is_retried(tmp_path: Path) -> None:
    async with Sandbox(Scenario(faults=(PackageFault("failed", only="the-job"),))) as sandbox:
        await run(sandbox, tmp_path, JOB)
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(iter([JOB]), tmp_path) as export:
            report = await export.finish()
        assert sandbox.calls == []
    assert isinstance(report.failed[0].error, EarlierFailureError)


async def test_a_single_download_is_tried_again_without_being_asked_to(tmp_path: Path) -> None:
    async with Sandbox(Scenario(faults=(PackageFault("failed", only="the-job"),))) as sandbox:
        await run(sandbox, tmp_path, JOB)
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        saved = await client.download(JOB, tmp_path)
    assert saved.path.exists()


async def test_what_failed_for_a_reason_outside_it_goes_on_by_itself(tmp_path: Path) -> None:
    down = Scenario(faults=(ApiFault("status", status=500),))
    async with Sandbox(down) as sandbox:
        first, _ = await run(sandbox, tmp_path, JOB, AOI)
    assert len(first.failed) == 2
    async with Sandbox() as sandbox:
        second, _ = await run(sandbox, tmp_path, JOB, AOI)
    assert second.is_complete


async def test_a_manifest_may_grow_and_shrink(tmp_path: Path) -> None:
    downloads = some_downloads(12)
    async with Sandbox() as sandbox:
        first, _ = await run(sandbox, tmp_path, *downloads[:8])
        grown, _ = await run(sandbox, tmp_path, *downloads)
        shrunk, _ = await run(sandbox, tmp_path, *downloads[:3])
    assert (len(first.saved), len(grown.saved), len(grown.skipped)) == (8, 4, 8)
    assert len(shrunk.skipped) == 3
    assert sum(row.state is State.SAVED for row in read_record(tmp_path).rows) == 12


def forget_ctime(folder: Path) -> None:
    """Let a journal be of an earlier version: it misses an edit that sets times back."""
    with closing(sqlite3.connect(folder / HIDDEN / JOURNAL)) as connection, connection:
        connection.execute("UPDATE package SET ctime_ns = NULL")


async def test_a_file_whose_times_were_set_back_is_found_if_files_are_read_again(
    tmp_path: Path,
) -> None:
    verify = FolderPolicy(existing_files=ExistingFiles.VERIFY)
    async with Sandbox() as sandbox:
        report, _ = await run(sandbox, tmp_path, JOB)
        path = report.saved[0].path
        whole = path.read_bytes()
        flip_a_byte(path)
        forget_ctime(tmp_path)
        trusted, _ = await run(sandbox, tmp_path, JOB)
        assert len(trusted.skipped) == 1
        verified, _ = await run(sandbox, tmp_path, JOB, folder=verify)
        assert len(verified.saved) == 1
        assert path.read_bytes() == whole
        again, _ = await run(sandbox, tmp_path, JOB, folder=verify)
    assert len(again.skipped) == 1


async def test_a_file_in_the_way_is_replaced_if_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / new_row(JOB).name
    path.write_text("not ours")
    async with Sandbox() as sandbox:
        refused, _ = await run(sandbox, tmp_path, JOB)
        assert "--overwrite" in str(refused.failed[0].error)
        assert path.read_text() == "not ours"
        replace = FolderPolicy(unknown_files=UnknownFiles.REPLACE)
        replaced, _ = await run(sandbox, tmp_path, JOB, folder=replace)
    assert replaced.is_complete


async def test_a_template_places_files_and_a_rerun_finds_them(tmp_path: Path) -> None:
    placed = FolderPolicy(path_template="{kind}/{workflow_id}/{job_id}.zip")
    async with Sandbox() as sandbox:
        first, _ = await run(sandbox, tmp_path, JOB, AOI, folder=placed)
        second, _ = await run(sandbox, tmp_path, JOB, AOI, folder=placed)
    assert len(second.skipped) == 2
    folders = {saved.path.parent.relative_to(tmp_path).as_posix() for saved in first.saved}
    assert folders == {"job/w", "aoi/none"}


async def test_the_story_of_each_run_is_in_the_journal(tmp_path: Path) -> None:
    scenario = Scenario(faults=(PackageFault("failed", only="the-job"),))
    downloads = [JOB, AOI, *some_downloads(4)]
    async with Sandbox(scenario) as sandbox:
        await run(sandbox, tmp_path, *downloads)
        await run(sandbox, tmp_path, *downloads)
    record = read_record(tmp_path)
    assert record.running is None
    assert [(run.number, run.ending, run.total) for run in record.runs] == [
        (1, Ending.COMPLETE, 6),
        (2, Ending.COMPLETE, 6),
    ]
    first, second = record.runs
    assert (first.counts["saved"], first.counts["failed"]) == (5, 1)
    assert (second.counts["skipped"], second.counts["failed"]) == (5, 1)
    told = [step.doing for step in record.steps if step.key == AOI.key and step.run == 1]
    whole = [
        Activity.QUEUED,
        Activity.PACKAGING,
        Activity.READY,
        Activity.TRANSFERRING,
        Activity.SAVED,
    ]
    assert told == whole
    (size,) = [step.size for step in record.steps if step.key == AOI.key and step.size]
    assert size == next(row.bytes for row in record.rows if row.key == AOI.key)
    assert [step.doing for step in record.steps if step.key == JOB.key] == [
        Activity.QUEUED,
        Activity.PACKAGING,
        Activity.FAILED,
        Activity.QUEUED,
        Activity.FAILED,
    ]
    assert {step.key for step in record.steps if step.run == 2} == {JOB.key}
    times = [step.at for step in record.steps]
    assert times == sorted(times)
    assert first.began_at <= times[0] <= times[-1] <= second.seen_at
    assert {row.attempts for row in record.rows} == {0, 1}


async def test_a_plan_tells_what_an_export_would_do_and_does_nothing(tmp_path: Path) -> None:
    saved, failed = some_downloads(2)
    late = JobDownload(workflow_id="w", job_id="late")
    new = JobDownload(workflow_id="w", job_id="new")
    slow = Scenario(packaging=PackagingTime.constant(60), faults=(PackageFault("failed", nth=2),))
    out = tmp_path / "out"
    assert [planned.intent for planned in planned_of(out, new)] == [PlannedAction.CREATE]
    assert not out.exists()
    async with Sandbox() as sandbox:
        await run(sandbox, out, saved)
    async with Sandbox(Scenario(faults=(PackageFault("failed"),))) as sandbox:
        await run(sandbox, out, failed)
    await leave_unanswered(out)
    async with Sandbox(slow) as sandbox, client_of(sandbox) as client:
        async with client.export([AOI], out) as export:
            async for event in export:
                if isinstance(event, events.Requested):
                    break
    before = read_record(out)
    planned = planned_of(out, saved, failed, AOI, late, new, new)
    assert [package.intent for package in planned] == [
        PlannedAction.SKIP,
        PlannedAction.LEAVE_FAILED,
        PlannedAction.POLL,
        PlannedAction.CREATE,
        PlannedAction.CREATE,
    ]
    assert planned[0].path.exists()
    retried = planned_of(out, failed, folder=RETRY_FAILED)
    assert retried[0].intent is not PlannedAction.LEAVE_FAILED
    assert read_record(out) == before


def planned_of(out: Path, *downloads: Any, folder: FolderPolicy | None = None) -> list[Any]:
    """Return what would be done."""
    return list(plan(downloads, out, folder=folder or FolderPolicy(), retry=QUICK_RETRY))


def test_a_folder_without_an_export_is_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="not an export folder"):
        read_record(tmp_path)


def test_a_journal_that_is_about_to_be_made_is_empty(tmp_path: Path) -> None:
    (tmp_path / HIDDEN).mkdir()
    (tmp_path / HIDDEN / JOURNAL).touch()
    record = read_record(tmp_path)
    assert (record.rows, record.runs, record.steps, record.running) == ((), (), (), None)
