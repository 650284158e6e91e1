"""Runs: created once, waited for, and their packages saved."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from pixxel_async import (
    AnswerLostError,
    AuthenticationError,
    ConfigError,
    CostLimitError,
    EarlierFailureError,
    Event,
    FolderPolicy,
    InputError,
    JobDownload,
    Limits,
    PreviousFailures,
    RetryPolicy,
    RunCreated,
    RunFailedError,
    RunFinished,
    RunInsight,
    RunJob,
    RunSearched,
    ServerError,
)
from pixxel_async.export.summary import Report
from pixxel_async.journal.reader import read_record
from pixxel_async.runs import BaseRun
from pixxel_async.sandbox import ApiFault, RunFault, Sandbox, Scenario, World
from pixxel_async.sansio.run_state import RunState

from ..support import QUICK_LIMITS, QUICK_RETRY, client_of, final_files

WORLD = World.made_up(aois=4, workflows=3, jobs_per_workflow=2, insights_per_aoi=2)
QUICK = Scenario(world=WORLD)
AGAIN = FolderPolicy(previous_failures=PreviousFailures.RETRY)


def some_jobs(count: int, workflows: int = 2) -> list[RunJob]:
    """Return jobs of a few workflows."""
    chosen = [WORLD.workflows[number % workflows] for number in range(count)]
    return [
        RunJob(workflow_id=one.id, project_id=one.project_id, label=f"{number}")
        for number, one in enumerate(chosen)
    ]


def some_insights(count: int) -> list[RunInsight]:
    """Return insights on a few areas."""
    aois = [WORLD.aois[number % len(WORLD.aois)] for number in range(count)]
    return [
        RunInsight(aoi_id=aoi.aoi_id, block="ndvi", version="1.0.0", inputs=[number])
        for number, aoi in enumerate(aois)
    ]


async def run(
    sandbox: Sandbox,
    runs: Iterable[BaseRun],
    directory: Path,
    *,
    retry: RetryPolicy = QUICK_RETRY,
    **options: Any,
) -> tuple[Report, list[Event]]:
    """Run to the end, and return the report and the events."""
    async with client_of(sandbox, retry=retry) as client:
        begun = client.run(list(runs), directory, **options)
        async with begun as export:
            events = [event async for event in export]
    return begun.report, events


def created(sandbox: Sandbox) -> Counter[str]:
    """Count what was created, by operation."""
    return Counter(one.operation for one in sandbox.creations)


async def test_jobs_and_insights_are_created_and_their_packages_saved(tmp_path: Path) -> None:
    runs = [*some_jobs(4), *some_insights(5)]
    async with Sandbox(QUICK) as sandbox:
        report, events = await run(sandbox, runs, tmp_path)
        assert created(sandbox) == {"createJob": 4, "createInsights": 5}
        ids = {one.id for one in sandbox.creations}
    assert report.is_complete
    assert len(final_files(tmp_path)) == len(report.saved) == 9
    assert {event.created_id for event in events if isinstance(event, RunCreated)} == ids
    assert {event.key for event in events if isinstance(event, RunFinished)} == {
        one.key for one in runs
    }


async def test_a_second_call_creates_nothing(tmp_path: Path) -> None:
    runs = [*some_jobs(3), *some_insights(2)]
    async with Sandbox(QUICK) as sandbox:
        await run(sandbox, runs, tmp_path)
        report, events = await run(sandbox, runs, tmp_path)
        assert len(sandbox.creations) == 5
    assert report.is_complete
    assert len(report.skipped) == 5
    assert not any(event.is_new for event in events if isinstance(event, RunCreated))


async def test_equal_runs_are_created_once_and_labels_tell_them_apart(tmp_path: Path) -> None:
    workflow = WORLD.workflows[0]
    job = RunJob(workflow_id=workflow.id, project_id=workflow.project_id)
    runs = [job, job, job.model_copy(update={"label": "second"})]
    async with Sandbox(QUICK) as sandbox:
        report, _ = await run(sandbox, runs, tmp_path)
        assert created(sandbox) == {"createJob": 2}
    assert len(report.saved) == 2


async def test_a_run_that_fails_has_the_reason_and_is_created_anew_only_when_asked_for(
    tmp_path: Path,
) -> None:
    runs = some_jobs(1)
    scenario = Scenario(world=WORLD, faults=(RunFault("failed", nth=1),))
    async with Sandbox(scenario) as sandbox:
        report, _ = await run(sandbox, runs, tmp_path)
        [failed] = report.failed_runs
        assert isinstance(failed.error, RunFailedError)
        assert "the block ended with an error" in str(failed.error)
        assert failed.run == runs[0]
        assert not report.is_complete
        report, _ = await run(sandbox, runs, tmp_path)
        assert isinstance(report.failed_runs[0].error, EarlierFailureError)
        assert len(sandbox.creations) == 1
        report, _ = await run(sandbox, runs, tmp_path, folder=AGAIN)
        assert report.is_complete
        assert len(sandbox.creations) == 2


@pytest.mark.parametrize("action", ["lost", "not_json", "empty", "html"])
async def test_a_lost_answer_is_looked_for_and_not_sent_again(tmp_path: Path, action: str) -> None:
    runs = [*some_jobs(6, workflows=1), *some_insights(6)]
    faults = tuple(
        ApiFault(action, on=operation, rate=0.5)  # type: ignore[arg-type]  # a parameter
        for operation in ("createJob", "createInsights")
    )
    async with Sandbox(Scenario(world=WORLD, faults=faults)) as sandbox:
        patient = RetryPolicy(initial_s=0.01, max_s=0.05, recreate=20)
        report, events = await run(sandbox, runs, tmp_path, retry=patient)
        assert created(sandbox) == {"createJob": 6, "createInsights": 6}
    assert report.is_complete
    assert any(isinstance(event, RunSearched) for event in events)


async def test_what_was_not_created_is_sent_again_after_the_search(tmp_path: Path) -> None:
    fault = ApiFault("reset", on="createJob", nth=1)
    async with Sandbox(Scenario(world=WORLD, faults=(fault,))) as sandbox:
        report, events = await run(sandbox, some_jobs(1), tmp_path)
        assert created(sandbox) == {"createJob": 1}
    assert report.is_complete
    assert [type(event) for event in events if isinstance(event, RunSearched)] == [RunSearched]


async def test_no_repeat_is_left(tmp_path: Path) -> None:
    fault = ApiFault("reset", on="createJob", rate=1)
    retry = RetryPolicy(initial_s=0.01, max_s=0.05, recreate=0)
    async with Sandbox(Scenario(world=WORLD, faults=(fault,))) as sandbox:
        report, _ = await run(sandbox, some_jobs(1), tmp_path, retry=retry)
        assert isinstance(report.failed_runs[0].error, AnswerLostError)
        assert not sandbox.creations


async def test_a_creation_without_a_repeat_is_searched_for_and_created_when_asked_for(
    tmp_path: Path,
) -> None:
    fault = ApiFault("reset", on="createJob", nth=1)
    async with Sandbox(Scenario(world=WORLD, faults=(fault,))) as sandbox:
        retry = RetryPolicy(initial_s=0.01, max_s=0.05, recreate=0)
        await run(sandbox, some_jobs(1), tmp_path, retry=retry)
        report, _ = await run(sandbox, some_jobs(1), tmp_path)
        assert isinstance(report.failed_runs[0].error, EarlierFailureError)
        report, _ = await run(sandbox, some_jobs(1), tmp_path, folder=AGAIN)
        assert report.is_complete
        assert len(sandbox.creations) == 1


async def test_of_several_new_jobs_none_is_chosen(tmp_path: Path) -> None:
    [mine] = some_jobs(1)
    faults = (
        ApiFault("lost", on="createJob", nth=1),
        *(ApiFault("status", on="listJobs", nth=number) for number in (2, 2)),  # the search
    )
    retry = RetryPolicy(attempts=2, initial_s=0.01, max_s=0.05)
    async with Sandbox(Scenario(world=WORLD, faults=faults)) as sandbox:
        report, _ = await run(sandbox, [mine], tmp_path, retry=retry)
        assert isinstance(report.failed_runs[0].error, ServerError)
        async with client_of(sandbox) as other:
            await other.jobs.create(mine.workflow_id, mine.project_id)
        report, _ = await run(sandbox, [mine], tmp_path, retry=retry)
        [failed] = report.failed_runs
        assert isinstance(failed.error, AnswerLostError)
        assert all(made.id in str(failed.error) for made in sandbox.creations)
        assert len(sandbox.creations) == 2


async def test_what_exceeds_the_limit_is_not_created(tmp_path: Path) -> None:
    runs = some_jobs(5, workflows=1)
    each = WORLD.workflows[0].estimated_cost
    assert each
    async with Sandbox(QUICK) as sandbox:
        report, _ = await run(sandbox, runs, tmp_path, max_cost=3 * each)
        assert len(sandbox.creations) == len(report.saved) == 3
        over = [one.error for one in report.failed_runs]
        assert all(isinstance(one, CostLimitError) for one in over)
        assert [one.key for one in report.failed_runs] == [one.key for one in runs[3:]]
        report, _ = await run(sandbox, runs, tmp_path, max_cost=4 * each)  # earlier ones count
        assert len(sandbox.creations) == 4
        report, _ = await run(sandbox, runs, tmp_path)
        assert report.is_complete
        assert len(sandbox.creations) == 5


async def test_insights_have_estimates_of_their_own(tmp_path: Path) -> None:
    async with Sandbox(QUICK) as sandbox:
        report, _ = await run(sandbox, some_insights(4), tmp_path, max_cost=0)
        assert len(report.failed_runs) == 4
        assert not sandbox.creations
        costs = [
            one.error.cost for one in report.failed_runs if isinstance(one.error, CostLimitError)
        ]
        report, _ = await run(
            sandbox, some_insights(4), tmp_path, max_cost=sum(filter(None, costs))
        )
    assert report.is_complete


async def test_a_detached_run_ends_when_all_is_created_and_is_taken_up_later(
    tmp_path: Path,
) -> None:
    runs = some_jobs(3)
    async with Sandbox(QUICK) as sandbox:
        report, events = await run(sandbox, runs, tmp_path, detach=True)
        assert report.is_complete
        assert len([event for event in events if isinstance(event, RunCreated)]) == 3
        assert not final_files(tmp_path)
        report, _ = await run(sandbox, runs, tmp_path)
        assert len(sandbox.creations) == len(report.saved) == 3


async def test_the_journal_holds_intent_id_and_end(tmp_path: Path) -> None:
    runs = some_jobs(2)
    async with Sandbox(QUICK) as sandbox:
        await run(sandbox, runs, tmp_path, max_cost=1_000_000)
        ids = {one.id for one in sandbox.creations}
    rows = read_record(tmp_path).intents
    assert {row.created_id for row in rows} == ids
    assert {row.state for row in rows} == {RunState.FINISHED}
    assert all(row.cost > 0 and not row.is_unanswered for row in rows)


async def test_a_stream_of_runs_and_downloads(tmp_path: Path) -> None:
    finished = next((workflow.id, job.id) for workflow in WORLD.workflows for job in workflow.jobs)

    async def stream() -> AsyncIterator[RunJob | JobDownload]:
        yield some_jobs(1)[0]
        yield JobDownload(workflow_id=finished[0], job_id=finished[1])
        yield some_jobs(2)[1]

    async with Sandbox(QUICK) as sandbox, client_of(sandbox) as client:
        async with client.run(stream(), tmp_path) as export:
            report = await export.finish()
        assert len(sandbox.creations) == 2
    assert report.is_complete
    assert len(report.saved) == 3


async def test_a_rejected_key_ends_all(tmp_path: Path) -> None:
    faults = (ApiFault("status", status=401, on="getJobById", rate=1),)
    async with Sandbox(Scenario(world=WORLD, faults=faults)) as sandbox:
        report, _ = await run(sandbox, some_jobs(4), tmp_path)
    assert isinstance(report.stopped, AuthenticationError)
    assert {type(one.error) for one in report.failed_runs} == {AuthenticationError}
    assert len(report.failed_runs) == 4


async def test_few_places(tmp_path: Path) -> None:
    async with Sandbox(QUICK) as sandbox:
        limits = QUICK_LIMITS.model_copy(update={"pending": 1, "requests": 1})
        async with client_of(sandbox, limits=limits) as client:
            async with client.run(some_jobs(4), tmp_path) as export:
                report = await export.finish()
    assert len(report.saved) == 4


async def test_a_service_that_refuses_fails_one_run(tmp_path: Path) -> None:
    good = some_jobs(1)
    bad = RunJob(workflow_id="no-such", project_id="p")
    async with Sandbox(QUICK) as sandbox:
        report, _ = await run(sandbox, [*good, bad], tmp_path)
    assert [one.key for one in report.failed_runs] == [bad.key]
    assert len(report.saved) == 1


async def test_arguments_are_checked(tmp_path: Path) -> None:
    async with Sandbox(QUICK) as sandbox, client_of(sandbox) as client:
        with pytest.raises(InputError, match="put it into a list"):
            client.run(some_jobs(1)[0], tmp_path)  # type: ignore[arg-type]  # refused
        with pytest.raises(InputError, match=r"runs\[0\] is a value of type str, not a run"):
            client.run(["job"], tmp_path)  # type: ignore[list-item]  # refused
        with pytest.raises(ConfigError, match="max_cost is -1"):
            client.run([], tmp_path, max_cost=-1)
    assert Limits() != QUICK_LIMITS


@pytest.mark.parametrize("change", ["state = 'odd'", "before = '{}'", "cost = -1"])
async def test_a_damaged_row_creates_nothing(tmp_path: Path, change: str) -> None:
    good, bad = some_jobs(2)
    async with Sandbox(QUICK) as sandbox:
        await run(sandbox, [good, bad], tmp_path)
        with closing(sqlite3.connect(tmp_path / ".pixxel-async" / "journal.sqlite")) as journal:
            journal.execute(f"UPDATE intent SET {change} WHERE key = ?", (bad.key,))  # noqa: S608
            journal.commit()
        report, _ = await run(sandbox, [good, bad], tmp_path, folder=AGAIN)
        assert len(sandbox.creations) == 2
    [failed] = report.failed_runs
    assert failed.key == bad.key
    assert "the journal's row of this run is damaged" in str(failed.error)


async def test_an_interrupted_creation_is_found_by_the_next_run(tmp_path: Path) -> None:
    runs = [*some_jobs(2), *some_insights(2)]
    fault = ApiFault("slow", on="createJob", nth=1, delay_s=5)
    is_sent = anyio.Event()

    async def note(request: httpx.Request) -> None:
        if request.method == "POST" and request.url.path.endswith("/jobs"):
            is_sent.set()

    async with Sandbox(Scenario(world=WORLD, faults=(fault,))) as sandbox:
        async with (
            httpx.AsyncClient(event_hooks={"request": [note]}) as http,
            client_of(sandbox, http_client=http) as client,
            client.run(runs, tmp_path) as export,
        ):
            await is_sent.wait()
            export.interrupt()
            report = await export.finish()
        assert not report.is_complete
        assert RunState.SENDING in {row.state for row in read_record(tmp_path).intents}
        report, events = await run(sandbox, runs, tmp_path)
        assert any(isinstance(event, RunSearched) for event in events)
        assert len(sandbox.creations) == len(report.saved) == 4
