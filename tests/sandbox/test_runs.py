"""What is created runs: jobs with their tasks, and insights; time and faults decide how."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pixxel_async.sandbox import ApiFault, PackagingTime, RunFault
from pixxel_async.sandbox.world import Aoi, Insight, Workflow, World
from pixxel_async.sandbox.world.maker import raw_json

from .listing import refusal
from .stand import Stand, stand

WORLD = World(
    workflows=(
        Workflow(
            "w", project_id="p", estimated_cost=7, spec=raw_json({"blocks": ["cut", "count"]})
        ),
        Workflow("bare", project_id="p"),
    ),
    aois=(Aoi("a", project_id="p", area_in_sq_m=5e7, insights=(Insight("old"),)), Aoi("b")),
)
HUNDRED_S = PackagingTime.constant(100)
JOBS, INSIGHTS = "/v0/workflows/w/jobs", "/v0/aoi/a/insights"
CREATE_JOB = f"{JOBS}?project_id=p"
BODY = {"block": {"name": "ndvi", "version": "1.0.0"}, "input": [123, 125]}


def running(**changes: Any) -> Any:
    return stand(**{"world": WORLD, "running": HUNDRED_S, **changes})


async def created(it: Stand, path: str, body: Any = None) -> str:
    answer = await it.ask("POST", path, body)
    assert answer.is_success
    return str(answer.json()["id"])


async def statuses(it: Stand, job: str) -> list[str]:
    document = (await it.ask("GET", f"{JOBS}/{job}")).json()
    return [document["status"], *(task["status"] for task in document["tasks"])]


async def insight(it: Stand, id_: str) -> Any:
    (found,) = (await it.ask("GET", f"{INSIGHTS}?id={id_}")).json()["insights"]
    return found


async def test_a_job_is_queued_runs_its_tasks_one_after_the_other_and_is_completed() -> None:
    async with running() as it:
        job = await created(it, CREATE_JOB)
        seen = {}
        for at in (0, 10, 54, 56, 99, 100):
            it.clock.now = it.sandbox.creations[0].at + at
            seen[at] = await statuses(it, job)
    assert seen == {
        0: ["pending", "pending", "pending"],
        10: ["running", "running", "pending"],
        54: ["running", "running", "pending"],
        56: ["running", "completed", "running"],
        99: ["running", "completed", "running"],
        100: ["completed", "completed", "completed"],
    }


async def test_a_failed_job_keeps_what_its_first_task_made() -> None:
    async with running(faults=(RunFault("failed"),)) as it:
        job = await created(it, CREATE_JOB)
        it.clock.now += 100
        document = (await it.ask("GET", f"{JOBS}/{job}")).json()
        first, last = document["tasks"]
        answers = [
            await it.ask("PUT", f"{JOBS}/{job}/tasks/{task['id']}/download")
            for task in (first, last)
        ]
        assert (document["status"], first["status"]) == ("failed", "completed")
        assert (last["err_msg"], last["failure_type"]) != ("", "")
        assert answers[0].json()["status"] == "ready"
        assert "failed" in refusal(answers[1], 400)
        assert "failed" in refusal(await it.ask("PUT", f"{JOBS}/{job}/download"), 400)


async def test_a_job_can_be_downloaded_when_it_is_completed_and_not_before() -> None:
    async with running() as it:
        path = f"{JOBS}/{await created(it, CREATE_JOB)}/download"
        assert "pending" in refusal(await it.ask("PUT", path), 400)
        it.clock.now += 50
        assert "running" in refusal(await it.ask("PUT", path), 400)
        it.clock.now += 50
        assert (await it.ask("PUT", path)).json()["signed_url"]
        assert len(it.sandbox.packages) == 1


async def test_a_job_costs_what_the_estimate_says() -> None:
    async with running() as it:
        estimate = (await it.ask("GET", "/v0/workflows/w/estimate")).json()
        job = (await it.ask("POST", CREATE_JOB)).json()
    assert estimate == {"estimated_cost": job["cost"]} == {"estimated_cost": 7}


async def test_a_workflow_without_a_specification_has_one_task() -> None:
    async with running() as it:
        job = (await it.ask("POST", "/v0/workflows/bare/jobs?project_id=p")).json()
    assert [task["name"] for task in job["tasks"]] == ["block-1"]


async def test_an_insight_runs_and_can_be_downloaded_when_it_is_completed() -> None:
    async with running() as it:
        id_ = await created(it, INSIGHTS, {**BODY, "name": "Mine", "metadata": {"a": "b"}})
        path = f"{INSIGHTS}/{id_}/download"
        assert (await insight(it, id_))["status"] == "pending"
        assert "pending" in refusal(await it.ask("PUT", path), 400)
        it.clock.now += 100
        document = await insight(it, id_)
        assert (await it.ask("PUT", path)).json()["signed_url"]
    assert (document["status"], document["progress"]) == ("completed", 100)
    assert (document["name"], document["metadata"]) == ("Mine", {"a": "b"})
    assert document["input"] == BODY["input"]


async def test_an_estimate_of_an_insight_creates_nothing() -> None:
    async with running() as it:
        answer = await it.ask("POST", INSIGHTS, {**BODY, "estimate": True})
        assert (answer.status_code, answer.json()) == (200, {"estimate": 5})
        assert it.sandbox.creations == []
        id_ = await created(it, INSIGHTS, {**BODY, "estimate": False})
        assert (await insight(it, id_))["cost"] == 5


async def test_a_deleted_insight_is_gone() -> None:
    async with running(running=PackagingTime.constant(0)) as it:
        made = await created(it, INSIGHTS, BODY)
        for id_ in (made, "old"):
            answer = await it.ask("DELETE", f"{INSIGHTS}/{id_}?project_id=p")
            assert (answer.status_code, answer.content) == (200, b"")
            refusal(await it.ask("PUT", f"{INSIGHTS}/{id_}/download"), 404)
            refusal(await it.ask("DELETE", f"{INSIGHTS}/{id_}?project_id=p"), 404)
        assert (await it.ask("GET", INSIGHTS)).json() == {"insights": []}


async def test_a_share_of_the_runs_fails_and_the_seed_says_which() -> None:
    async def ends(seed: int) -> list[str]:
        times = PackagingTime.uniform(1, 90)
        faults = (RunFault("failed", rate=0.3), RunFault("never", nth=2))
        async with running(seed=seed, running=times, faults=faults) as it:
            jobs = [await created(it, CREATE_JOB) for _ in range(12)]
            it.clock.now += 90
            return [(await statuses(it, job))[0] for job in jobs]

    first = await ends(1)
    assert set(first) == {"completed", "failed", "running"}
    assert first == await ends(1) != await ends(2)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (RunFault("failed", on="createJob"), "completed"),
        (RunFault("failed", on="createInsights"), "failed"),
        (RunFault("failed", only='"ndvi"'), "failed"),
        (RunFault("failed", only='"aoi_id": "b"'), "completed"),
    ],
)
async def test_a_fault_finds_what_it_is_for(fault: RunFault, status: str) -> None:
    async with running(faults=(fault,)) as it:
        id_ = await created(it, INSIGHTS, BODY)
        it.clock.now += 100
        assert (await insight(it, id_))["status"] == status


async def test_creations_are_counted_with_their_bodies() -> None:
    async with running() as it:
        job = await created(it, CREATE_JOB)
        made = await created(it, INSIGHTS, BODY)
        first, second = it.sandbox.creations
    assert (first.operation, first.id, first.body) == ("createJob", job, None)
    assert first.ids == {"workflow_id": "w", "project_id": "p"}
    assert (second.operation, second.id, second.body) == ("createInsights", made, BODY)


async def test_a_lost_response_of_a_creation_has_created() -> None:
    faults = (
        ApiFault("lost", on="createJob", nth=1),
        ApiFault("status", status=503, on="createJob", nth=1),
    )
    async with running(faults=faults) as it:
        with pytest.raises(httpx.TransportError):
            await it.ask("POST", CREATE_JOB)
        assert (await it.ask("POST", CREATE_JOB)).status_code == 503
        (made,) = it.sandbox.creations
        (listed,) = (await it.ask("GET", JOBS)).json()["jobs"]
    assert listed["id"] == made.id


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        (JOBS, None, 400, "project_id: it is required"),
        (f"{JOBS}?project_id=q", None, 404, "workflow in this project"),
        ("/v0/workflows/x/jobs?project_id=p", None, 404, "workflow"),
        (CREATE_JOB, {}, 400, "takes no body"),
        ("/v0/aoi/x/insights", BODY, 404, "AOI"),
        (INSIGHTS, None, 400, "JSON"),
        (INSIGHTS, [], 400, "the body: it is an object"),
        (INSIGHTS, {"block": {"version": "1"}}, 400, "input: it is required"),
        (INSIGHTS, {**BODY, "block": {"name": "x"}}, 400, "block.version: it is required"),
        (INSIGHTS, {**BODY, "estimate": "yes"}, 400, "estimate: it is true or false"),
        (INSIGHTS, {**BODY, "metadata": {"a": 1}}, 400, "metadata.a: it is a string"),
        (INSIGHTS, {**BODY, "colour": 1}, 400, "colour: there is no such field"),
        (INSIGHTS, {**BODY, "project_id": "q"}, 404, "AOI in this project"),
    ],
)
async def test_a_wrong_creation_is_refused_and_creates_nothing(
    path: str, body: Any, status: int, reason: str
) -> None:
    async with running() as it:
        assert reason in refusal(await it.ask("POST", path, body), status)
        assert it.sandbox.creations == []
