"""Polls that learn: the poller in virtual time, and whole exports against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import mean

import anyio
import pytest

from pixxel_async import (
    CatalogDownload,
    Download,
    JobDownload,
    PackageStatus,
    PollMethod,
    PollPolicy,
    RetryPolicy,
)
from pixxel_async.export.poll_stage import PollStage
from pixxel_async.sandbox import ApiFault, PackageFault, PackagingTime, Sandbox, Scenario
from pixxel_async.sansio.polling.schedule import Pending, PollSchedule

from ..support import client_of

POLICY = PollPolicy(jitter=0.1)
QUICK = PollPolicy(initial_s=0.05, max_s=0.3)


class Station:
    """Says which packages are ready, by the clock of the loop, and notes when it was asked."""

    def __init__(self, ready_after_s: float) -> None:
        self.ready_after_s = ready_after_s
        self.asked: dict[int, list[float]] = {}
        self.poller: PollStage[int]

    async def poll(self, pending: Pending[int]) -> bool:
        age_s = anyio.current_time() - pending.since
        self.asked.setdefault(pending.item, []).append(age_s)
        is_ready = age_s >= self.ready_after_s
        self.poller.record_status(
            pending, PackageStatus.READY if is_ready else PackageStatus.PENDING
        )
        return not is_ready

    async def not_yet(self, _pending: Pending[int], next_s: float) -> None:
        assert next_s >= 0

    @asynccontextmanager
    async def open(self, policy: PollPolicy = POLICY) -> AsyncIterator[PollStage[int]]:
        self.poller = PollStage(self.poll, self.not_yet, policy=policy, workers=8)
        async with anyio.create_task_group() as tasks:
            await tasks.start(self.poller.run)
            yield self.poller
            tasks.cancel_scope.cancel()


async def delays(kind: str | None, policy: PollPolicy = POLICY) -> list[float]:
    """Return how late each of 200 packages was seen that were all ready after 50 s."""
    station = Station(50)
    async with station.open(policy) as poller:
        began = anyio.current_time()
        for number in range(200):
            poller.add(number, since=began, kind=kind)
        await anyio.sleep(100)
    assert len(station.asked) == 200
    assert len(poller) == 0
    return [asked[-1] - 50 for asked in station.asked.values()]


@pytest.mark.untraced
@pytest.mark.looptime
async def test_the_first_that_is_ready_wakes_the_others() -> None:
    assert mean(await delays("job")) < 2
    assert mean(await delays(None)) > 5
    assert mean(await delays("job", PollPolicy(method=PollMethod.BACKOFF))) > 5


@pytest.mark.looptime
async def test_what_is_added_when_much_is_known_is_seen_at_once() -> None:
    station = Station(20)
    async with station.open() as poller:
        for number in range(100):
            poller.add(number, since=anyio.current_time(), kind="job")
            await anyio.sleep(1)
        await anyio.sleep(60)
    late = [asked for number, asked in station.asked.items() if number >= 60]
    assert mean(asked[-1] - 20 for asked in late) < 2
    assert mean(map(len, late)) < 6


@pytest.mark.looptime
async def test_who_is_due_earlier_by_an_answer_is_not_overslept() -> None:
    asked: list[float] = []

    async def poll(pending: Pending[int]) -> bool:
        asked.append(anyio.current_time())
        learner = poller._schedule._kinds["job"].learner
        for _ in range(100):
            learner.join()
            learner.waited(0, 4, polls=1, backoff=0)
            learner.ready(4, 5, backoff=1)
        poller.record_status(pending, PackageStatus.READY)
        return False

    async def not_yet(_pending: Pending[int], _next_s: float) -> None:
        raise AssertionError

    policy = PollPolicy(initial_s=10)
    poller: PollStage[int] = PollStage(poll, not_yet, policy=policy, workers=1)
    async with anyio.create_task_group() as tasks:
        await tasks.start(poller.run)
        began = anyio.current_time()
        for number in range(2):
            poller.add(number, since=began, kind="job")
        await anyio.sleep(30)
        tasks.cancel_scope.cancel()
    assert asked[0] - began > 7
    assert asked[1] - asked[0] < 0.01


@pytest.mark.looptime
async def test_a_package_whose_poll_ended_otherwise_is_not_reckoned_with() -> None:
    async def poll(_pending: Pending[int]) -> bool:
        return False

    async def not_yet(_pending: Pending[int], _next_s: float) -> None:
        raise AssertionError

    poller = PollStage(poll, not_yet, policy=POLICY, workers=2)
    async with anyio.create_task_group() as tasks:
        await tasks.start(poller.run)
        for number in range(5):
            poller.add(number, since=anyio.current_time(), kind="job")
        await anyio.sleep(10)
        tasks.cancel_scope.cancel()
    assert poller._schedule._kinds["job"].learner.waiting == 0


@pytest.fixture
def schedules(monkeypatch: pytest.MonkeyPatch) -> list[PollSchedule[object]]:
    """Return the schedules that exports make, as they make them."""
    made: list[PollSchedule[object]] = []
    plain = PollSchedule.__init__

    def noted(self: PollSchedule[object], *args: object, **kwargs: object) -> None:
        plain(self, *args, **kwargs)  # type: ignore[arg-type]  # passed on
        made.append(self)

    monkeypatch.setattr(PollSchedule, "__init__", noted)
    return made


async def test_an_export_teaches_its_schedule_each_kind(
    tmp_path: Path, schedules: list[PollSchedule[object]]
) -> None:
    jobs = [JobDownload(workflow_id="w", job_id=str(n)) for n in range(20)]
    catalogs = [CatalogDownload(catalog_ids=(str(n),)) for n in range(10)]
    scenario = Scenario(packaging=PackagingTime.uniform(0.05, 0.6), package_bytes=2000)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, poll=QUICK) as client:
        async with client.export([*jobs, *catalogs], tmp_path) as export:
            report = await export.finish()
    assert report.is_complete
    (schedule,) = schedules
    learners = {kind: found.learner for kind, found in schedule._kinds.items()}
    assert {kind: learner._table.found for kind, learner in learners.items()} == {
        "job": 20,
        "catalog": 10,
    }
    assert all(learner.waiting == 0 for learner in learners.values())


async def test_an_export_learns_nothing_from_packages_that_fail_and_from_calls_that_do(
    tmp_path: Path, schedules: list[PollSchedule[object]]
) -> None:
    jobs = [JobDownload(workflow_id="w", job_id=str(n)) for n in range(10)]
    scenario = Scenario(
        packaging=PackagingTime.constant(0.2),
        package_bytes=2000,
        faults=(PackageFault(action="failed"), ApiFault(action="status", status=500, rate=0.2)),
        seed=3,
    )
    retry = RetryPolicy(attempts=2, initial_s=0.01, max_s=0.02)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, poll=QUICK, retry=retry) as client:
        async with client.export(jobs, tmp_path) as export:
            report = await export.finish()
    assert len(report.failed) == 10
    learner = schedules[0]._kinds["job"].learner
    assert (learner._table.found, learner.waiting) == (0, 0)


async def test_a_later_run_does_not_teach_ages_that_it_does_not_know(
    tmp_path: Path, schedules: list[PollSchedule[object]]
) -> None:
    jobs = [JobDownload(workflow_id="w", job_id=str(n)) for n in range(5)]
    catalogs = [CatalogDownload(catalog_ids=(str(n),)) for n in range(5)]
    downloads: list[Download] = [*jobs, *catalogs]
    scenario = Scenario(packaging=PackagingTime.constant(2), package_bytes=2000)
    async with Sandbox(scenario) as sandbox, client_of(sandbox, poll=QUICK) as client:
        hasty = PollPolicy(initial_s=0.05, max_s=0.1, wait_timeout_s=0.2)
        async with client_of(sandbox, poll=hasty) as first:
            async with first.export(downloads, tmp_path) as export:
                assert len((await export.finish()).failed) == 10
        async with client.export(downloads, tmp_path) as export:
            assert (await export.finish()).is_complete
    assert schedules[1]._kinds == {}
