"""Whole exports against the sandbox, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import Mock

import anyio
import pytest

from pixxel_async import (
    AuthenticationError,
    CatalogDownload,
    Download,
    Failed,
    JobDownload,
    Limits,
    NotFoundError,
    PackageFailedError,
    PackageTimeoutError,
    PollPolicy,
    RetryPolicy,
    Saved,
    Skipped,
    Started,
    Stopped,
    events,
    parse_download,
)
from pixxel_async.export.pending_packages import PendingPackages
from pixxel_async.export.source import DownloadSource
from pixxel_async.sandbox import (
    ApiFault,
    PackageFault,
    PackagingTime,
    Sandbox,
    Scenario,
    demo_rows,
)
from pixxel_async.sansio.files.filenames import file_name

from ..support import client_of, final_files, other_tasks, partials, some_downloads

SETTLED = (Saved, Skipped, Failed)


async def test_packages_of_all_kinds_are_saved_with_the_right_bytes(tmp_path: Path) -> None:
    rows = demo_rows(30, seed=5)
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        downloads = [parse_download(row) for row in rows]
        async with client.export(downloads, tmp_path) as export:
            report = await export.finish()
        expected = {parse_download(row).key: sandbox.expected_sha256(row) for row in rows}
    assert report.is_complete
    assert {saved.key: saved.sha256 for saved in report.saved} == expected
    assert {saved.path.name: saved.sha256 for saved in report.saved} == final_files(tmp_path)
    assert report.bytes == sum(path.stat().st_size for path in tmp_path.glob("*.zip"))
    assert partials(tmp_path) == []
    assert other_tasks() == set()


async def test_each_package_is_requested_then_ready_then_fetched_then_saved(tmp_path: Path) -> None:
    seen: dict[str, list[type[events.Event]]] = {}
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(12), tmp_path) as export:
            async for event in export:
                if isinstance(event, events.PackageEvent):
                    seen.setdefault(event.key, []).append(type(event))
    assert len(seen) == 12
    for kinds in seen.values():
        told = [kind for kind in kinds if kind not in {events.Polled, events.FetchProgress}]
        assert told == [events.Requested, events.Ready, events.FetchStarted, events.Saved]


async def test_a_rerun_skips_what_is_there_and_sends_nothing(tmp_path: Path) -> None:
    downloads = some_downloads(12)
    async with Sandbox() as sandbox:
        async with client_of(sandbox) as client, client.export(downloads, tmp_path) as export:
            first = await export.finish()
        calls, gets = len(sandbox.calls), len(sandbox.gets)
        async with client_of(sandbox) as client, client.export(downloads, tmp_path) as export:
            second = await export.finish()
        assert (len(sandbox.calls), len(sandbox.gets)) == (calls, gets)
    assert len(first.saved) == len(second.skipped) == 12
    assert {saved.sha256 for saved in first.saved} == {saved.sha256 for saved in second.skipped}
    assert second.saved == []


async def test_a_list_that_has_grown_adds_to_the_export(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(6), tmp_path) as export:
            await export.finish()
        async with client.export(some_downloads(9), tmp_path) as export:
            report = await export.finish()
    assert (len(report.skipped), len(report.saved)) == (6, 3)


@pytest.mark.fault(24)
async def test_a_failed_package_does_not_stop_the_others(tmp_path: Path) -> None:
    scenario = Scenario(faults=(PackageFault("failed", nth=4),))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(10), tmp_path) as export:
            report = await export.finish()
    assert len(report.saved) == 9
    (failed,) = report.failed
    assert isinstance(failed.error, PackageFailedError)
    assert failed.error.key == failed.key == failed.download.key
    assert "failed" in str(failed.error).lower()
    assert not report.is_complete


async def test_a_package_that_failed_is_asked_for_anew_by_a_rerun(tmp_path: Path) -> None:
    download = CatalogDownload(catalog_ids=("c",))
    scenario = Scenario(faults=(PackageFault("failed", nth=1),))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        with pytest.raises(PackageFailedError):
            await client.download(download, tmp_path)
        saved = await client.download(download, tmp_path)
        assert saved.sha256 == sandbox.expected_sha256(download.row())
        assert sandbox.counts["CreateDownload"] == 2


@pytest.mark.fault(22)
async def test_a_package_that_the_service_does_not_know_fails_alone(tmp_path: Path) -> None:
    missing = JobDownload(workflow_id="w", job_id="missing")
    scenario = Scenario(faults=(ApiFault("status", status=404, only="/missing/"),))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        async with client.export([missing, *some_downloads(5)], tmp_path) as export:
            report = await export.finish()
    assert len(report.saved) == 5
    (failed,) = report.failed
    assert isinstance(failed.error, NotFoundError)
    assert (failed.error.status, failed.error.code) == (404, "SANDBOX_FAULT")
    assert failed.error.operation == "downloadJob"


@pytest.mark.fault(21)
async def test_a_rejected_key_stops_everything_and_is_told_once(tmp_path: Path) -> None:
    scenario = Scenario(faults=(ApiFault("status", status=401, nth=30),))
    stops = []
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(60), tmp_path) as export:
            async for event in export:
                if isinstance(event, Stopped):
                    stops.append(event)
        after = len(sandbox.calls)
        report = export.report
        assert len(stops) == 1
        assert isinstance(report.stopped, AuthenticationError)
        assert len(report.saved) + len(report.failed) == 60
        assert report.failed
        assert all(isinstance(failed.error, AuthenticationError) for failed in report.failed)
        # The calls that were in flight when the answer came, and no more.
        assert after <= 30 + Limits().requests
        async with client.export(some_downloads(60), tmp_path) as export:
            assert (await export.finish()).is_complete


async def test_doubles_are_done_once(tmp_path: Path) -> None:
    downloads = some_downloads(4)
    totals = []
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export([*downloads, *downloads], tmp_path) as export:
            async for event in export:
                if isinstance(event, Started):
                    totals.append(event.total)
        assert len(sandbox.packages) == 4
    assert totals == [4]
    assert len(export.report.saved) == 4


async def test_downloads_may_come_from_an_async_stream(tmp_path: Path) -> None:
    async def stream() -> AsyncIterator[Download]:
        for download in some_downloads(7):
            yield download

    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(stream(), tmp_path) as export:
            report = await export.finish()
    assert report.total is None
    assert len(report.saved) == 7


async def test_an_error_of_the_callers_stream_comes_out_of_the_export(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[Download]:
        yield some_downloads(1)[0]
        message = "the stream broke"
        raise LookupError(message)

    async with Sandbox() as sandbox, client_of(sandbox) as client:
        with pytest.raises(LookupError, match="the stream broke"):
            async with client.export(broken(), tmp_path) as export:
                await export.finish()
    assert other_tasks() == set()


async def test_an_empty_list_ends_at_once(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export([], tmp_path) as export:
            report = await export.finish()
        assert sandbox.calls == []
    assert (report.total, report.is_complete) == (0, True)


@pytest.mark.fault(42)
async def test_odd_ids_reach_the_service_as_they_are_and_get_safe_names(tmp_path: Path) -> None:
    odd = ["a/b", "..", "%2F", "a b", "día", "日本", "CON", "a" * 300, "A" * 300]
    downloads = [JobDownload(workflow_id=name, job_id=name) for name in odd]
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        async with client.export(downloads, tmp_path) as export:
            report = await export.finish()
        asked = {package.identity.request["job_id"] for package in sandbox.packages}
    assert asked == set(odd)
    assert len(report.saved) == len(odd)
    names = {saved.path.name.casefold() for saved in report.saved}
    assert len(names) == len(odd)
    assert all(saved.path.parent == tmp_path for saved in report.saved)


@pytest.mark.fault(26)
async def test_a_package_that_is_never_ready_fails_at_the_waiting_limit(tmp_path: Path) -> None:
    poll = PollPolicy(initial_s=0.01, max_s=0.02, wait_timeout_s=0.1)
    scenario = Scenario(faults=(PackageFault("never", only='"job_id": "slow"'),))
    slow = JobDownload(workflow_id="w", job_id="slow")
    scenario = Scenario(packaging=PackagingTime.constant(0.02), faults=scenario.faults)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, poll=poll) as client:
        async with client.export([slow], tmp_path) as export:
            report = await export.finish()
    (failed,) = report.failed
    assert isinstance(failed.error, PackageTimeoutError)
    assert "0.1 s" in str(failed.error)


@pytest.mark.fault(23)
@pytest.mark.parametrize("action", ["url_late", "unknown_word"])
async def test_success_without_a_url_and_unknown_words_are_not_yet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, action: str
) -> None:
    scenario = Scenario(faults=(PackageFault(action),))  # type: ignore[arg-type]  # one of its words
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        async with client.export(some_downloads(10), tmp_path) as export:
            report = await export.finish()
    assert len(report.saved) == 10
    warned = [record for record in caplog.records if "mustering" in record.getMessage()]
    assert len(warned) == (1 if action == "unknown_word" else 0)


@pytest.mark.fault(25)
async def test_a_package_that_is_not_found_just_after_its_creation_is_waited_for(
    tmp_path: Path,
) -> None:
    fault = ApiFault("status", on="GetDownloadById", status=404, times=3)
    download = CatalogDownload(catalog_ids=("c",))
    words = []
    async with Sandbox(Scenario(faults=(fault,))) as sandbox, client_of(sandbox) as client:
        async with client.export([download], tmp_path) as export:
            async for event in export:
                if isinstance(event, events.Polled):
                    words.append(event.status_word)
        assert sandbox.counts["CreateDownload"] == 1
    assert export.report.is_complete
    assert words[:3] == ["no answer yet"] * 3


async def test_a_failing_service_is_asked_again_and_told_of(tmp_path: Path) -> None:
    faults = (
        ApiFault("status", status=500, rate=0.1),
        ApiFault("reset", rate=0.05),
        ApiFault("lost", rate=0.05),
        ApiFault("html", rate=0.05),
    )
    scenario = Scenario(faults=faults, packaging=PackagingTime.uniform(0, 0.1))
    retry = RetryPolicy(recreate=6, initial_s=0.01, max_s=0.02)
    async with Sandbox(scenario) as sandbox:
        async with client_of(sandbox, retry=retry) as client:
            async with client.export(some_downloads(60), tmp_path) as export:
                report = await export.finish()
        asked = sandbox.counts["AOICreateDownload"] + sandbox.counts["CreateDownload"]
        posts = sum(1 for row in demo_rows(60, 1) if row["kind"] in {"aoi", "catalog"})
    assert len(report.saved) == 60
    assert report.retries > 0
    assert report.recreated == asked - posts > 0


@pytest.mark.fault(20)
async def test_too_many_requests_slow_the_calls_down(tmp_path: Path) -> None:
    fault = ApiFault("status", status=429, retry_after="1", nth=5)
    async with Sandbox(Scenario(faults=(fault,))) as sandbox, client_of(sandbox) as client:
        slower = []
        async with client.export(some_downloads(10), tmp_path) as export:
            async for event in export:
                if isinstance(event, events.RateLimited):
                    slower.append(event)
    assert export.report.is_complete
    (event,) = slower
    assert event.requests_per_second < 2000
    assert 0 < event.pause_s <= 0.05  # Retry-After said 1 s; the policy allows 0.05


async def test_a_rejected_key_ends_an_export_whose_stream_never_ends(tmp_path: Path) -> None:
    async def stream() -> AsyncIterator[Download]:
        for download in some_downloads(20):
            yield download
        await anyio.sleep_forever()

    scenario = Scenario(faults=(ApiFault("status", status=401, nth=10),))
    async with Sandbox(scenario) as sandbox, client_of(sandbox) as client:
        async with client.export(stream(), tmp_path) as export:
            report = await export.finish()
    assert isinstance(report.stopped, AuthenticationError)


async def test_a_stream_that_is_stopped_leaves_no_package_behind() -> None:
    folder, event_bus, journal = Mock(), Mock(), Mock()
    pending = PendingPackages(folder, event_bus)
    source = DownloadSource(iter(some_downloads(3)), journal, pending, event_bus, name_of=file_name)
    send, receive = anyio.create_memory_object_stream[Download](0)
    async with send, receive, anyio.create_task_group() as tasks:
        tasks.start_soon(source.run, send)
        await anyio.wait_all_tasks_blocked()
        assert pending.outstanding == 1
        source.stop()
        await pending.wait_until_settled()
    assert pending.outstanding == 0
