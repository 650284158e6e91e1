"""The time left of whole exports, and what is kept of packaging times for the next one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pixxel_async import (
    CatalogDownload,
    JobDownload,
    PackageStatus,
    PixxelClient,
    PollMethod,
    PollPolicy,
    TimeLeft,
    events,
)
from pixxel_async.export import forecast
from pixxel_async.export.poll_stage import remembering
from pixxel_async.export.transfer_progress import HALF_LIFE_S, TransferProgress
from pixxel_async.journal.reader import read_record
from pixxel_async.report.metrics import totals_of
from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario
from pixxel_async.sansio.polling.schedule import PollSchedule
from pixxel_async.settings.packaging_times import packaging_times

from ..support import client_of

QUICK = PollPolicy(initial_s=0.05, max_s=0.3)
SCENARIO = Scenario(packaging=PackagingTime.uniform(0.1, 0.8), package_bytes=20_000)
JOBS = [JobDownload(workflow_id="w", job_id=str(number)) for number in range(20)]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let this test keep packaging times, and return their file."""
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: tmp_path / "state")
    return tmp_path / "state" / "packaging-times.json"


async def export(client: PixxelClient, folder: Path, jobs: list[JobDownload] = JOBS) -> None:
    async with client.export(jobs, folder) as running:
        assert (await running.finish()).is_complete


async def test_an_export_reports_the_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "INTERVAL_S", 0.02)
    seen: list[TimeLeft] = []
    async with Sandbox(SCENARIO) as sandbox, client_of(sandbox, poll=QUICK) as client:
        async with client.export(JOBS, tmp_path) as running:
            async for event in running:
                if isinstance(event, TimeLeft):
                    seen.append(event)
                    assert running.report.time_left is not None
        assert running.report.time_left is None
    assert seen
    assert all(0 <= one.median_s <= one.p90_s for one in seen)
    assert min(one.median_s for one in seen) < 1


async def test_the_journal_has_the_time_left_while_an_export_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "INTERVAL_S", 0.02)
    slow = replace(SCENARIO, packaging=PackagingTime.uniform(0.1, 2.5))
    async with Sandbox(slow) as sandbox, client_of(sandbox, poll=QUICK) as client:
        found: set[bool] = set()
        async with client.export(JOBS, tmp_path) as running:
            async for event in running:
                if isinstance(event, TimeLeft):
                    found.add(totals_of(read_record(tmp_path)).time_left is not None)
    assert True in found
    assert totals_of(read_record(tmp_path)).time_left is None


async def test_the_next_export_starts_with_what_this_one_observed(
    tmp_path: Path, state: Path
) -> None:
    async with Sandbox(SCENARIO) as sandbox, client_of(sandbox, poll=QUICK) as client:
        await export(client, tmp_path / "one")
        (entry,) = json.loads(state.read_text())["entries"]
        assert (entry["service"], entry["kind"]) == (sandbox.api_url, "job")
        assert len(entry["packages"]) == len(JOBS)
        more = [JobDownload(workflow_id="v", job_id=str(number)) for number in range(10)]
        await export(client, tmp_path / "two", more)
        (entry,) = json.loads(state.read_text())["entries"]
        assert len(entry["packages"]) > len(JOBS)
    for secret in (sandbox.api_key, *(one.job_id for one in JOBS if len(one.job_id) > 1)):
        assert f'"{secret}"' not in state.read_text()


async def test_a_wait_for_one_package_teaches_the_next(tmp_path: Path, state: Path) -> None:
    del tmp_path
    async with Sandbox(SCENARIO) as sandbox, client_of(sandbox, poll=QUICK) as client:
        for number in range(3):
            package = await client.wait(CatalogDownload(catalog_ids=(str(number),)))
            assert package.status is PackageStatus.READY
    (entry,) = json.loads(state.read_text())["entries"]
    assert entry["kind"] == "catalog"
    assert len(entry["packages"]) == 3


@pytest.mark.parametrize("change", [{"keep_times": False}, {"method": PollMethod.BACKOFF}])
async def test_times_are_not_kept_when_that_is_off(
    tmp_path: Path, state: Path, change: dict[str, object]
) -> None:
    policy = QUICK.model_copy(update=change)
    async with Sandbox(SCENARIO) as sandbox, client_of(sandbox, poll=policy) as client:
        await export(client, tmp_path / "out")
        await client.wait(JOBS[0])
    assert not state.exists()


async def test_an_export_that_is_left_early_keeps_what_it_saw(tmp_path: Path, state: Path) -> None:
    slow = replace(SCENARIO, packaging=PackagingTime.uniform(0.1, 60))
    async with Sandbox(slow) as sandbox, client_of(sandbox, poll=QUICK) as client:
        async with client.export(JOBS, tmp_path / "out") as running:
            async for event in running:
                if isinstance(event, events.Polled) and event.polls >= 4:
                    break
    (entry,) = json.loads(state.read_text())["entries"]
    assert any(ready_s is None for _, ready_s in entry["packages"])


async def test_a_damaged_file_harms_no_export(tmp_path: Path, state: Path) -> None:
    state.parent.mkdir()
    state.write_text("{")
    async with Sandbox(SCENARIO) as sandbox, client_of(sandbox, poll=QUICK) as client:
        await export(client, tmp_path / "out")
    assert json.loads(state.read_text())["version"] == 1


async def test_no_thread_to_read_the_file_harms_no_export(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(work: object) -> None:
        message = f"can't start new thread for {work}"
        raise RuntimeError(message)

    monkeypatch.setattr("pixxel_async.export.poll_stage.asyncio.to_thread", refuse)
    schedule: PollSchedule[int] = PollSchedule(QUICK)
    times = packaging_times("https://api.example")
    assert times is not None
    async with remembering(schedule, times):
        schedule.begin(1, since=0, now=5, kind="job")
    assert not state.exists()


def started(key: str, at_s: float, offset: int = 0) -> events.Event:
    return events.FetchStarted(at_s=at_s, key=key, name=key, offset=offset)


def progress(key: str, at_s: float, size: int, total: int | None = None) -> events.Event:
    return events.FetchProgress(at_s=at_s, key=key, bytes=size, total=total)


def noted(*seen: events.Event) -> TransferProgress:
    transfers = TransferProgress()
    for event in seen:
        transfers.note(event)
    return transfers


def test_throughput_counts_only_the_time_of_transfers() -> None:
    transfers = noted(
        started("a", 100),
        progress("a", 101, 1000, 2000),
        events.FetchInterrupted(at_s=101, key="a", offset=500, delay_s=0, reason="r"),
        progress("a", 102, 1500, 2000),
    )
    assert transfers.bytes_per_s == pytest.approx(1000, rel=0.03)
    assert (transfers.missing_bytes, transfers.unsized) == (500, 0)


def test_bytes_of_an_earlier_run_are_no_throughput() -> None:
    transfers = noted(started("a", 0, offset=10**9), progress("a", 2, 10**9 + 200))
    assert transfers.bytes_per_s == pytest.approx(100)
    assert (transfers.missing_bytes, transfers.unsized) == (0, 1)


def test_old_throughput_fades() -> None:
    transfers = noted(
        started("a", 0),
        progress("a", 10, 10_000),
        progress("a", 10 + 5 * HALF_LIFE_S, 10_000 + 500 * int(HALF_LIFE_S)),
    )
    assert 100 <= transfers.bytes_per_s < 250


def test_each_size_counts_once() -> None:
    transfers = noted(
        started("a", 0), progress("a", 1, 5, 100), progress("a", 2, 10, 100),
        started("b", 2), progress("b", 3, 5, 300),
    )  # fmt: skip
    assert (transfers.sizes, transfers.mean_bytes, transfers.deviation_bytes) == (2, 200, 100)
    transfers.note(events.Polled(at_s=4, key="a", status_word="p", polls=1, next_s=1))
    assert transfers.missing_bytes == 295
