"""Jobs and insights that are created, and run.

Rules:
    * A job has a task for each block of its workflow's specification, one after the other.
    * A job costs what the estimate of its workflow says; an insight one credit for each ten square
      kilometres of its AOI, and at least one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response

from ..lists.documents import Documents, JsonObject
from ..refusals import NOT_THERE, ServiceError
from ..world import Aoi, Insight, Job, Task, Workflow
from ..world.maker import duration, raw_json
from .run import FAILED, QUEUED, Run, moment

SQ_M_A_CREDIT = 1e7
BLOCK = "block"
"""The only block of a workflow without a readable specification."""


def create_job(documents: Documents, ids: Mapping[str, str], _: Any) -> JsonObject:
    """Create a job and its tasks."""
    state = documents.state
    workflow = documents.workflow_record(ids["workflow_id"], ids["project_id"])
    id_ = state.new_id()
    blocks = _blocks(workflow)
    tasks = tuple(
        Task(
            state.new_id(number),
            name=f"{block}-{number + 1}",
            created_at=moment(state.now),
            depends_on=[f"{blocks[number - 1]}-{number}"] if number else [],
            block_info={"id": state.new_id("block", block), "name": block, "version": "1.0.0"},
            inputs=raw_json({}),
        )
        for number, block in enumerate(blocks)
    )
    run = state.create("createJob", id_, ids, None)
    job = Job(
        id_,
        created_by=workflow.created_by,
        cost=workflow.estimated_cost,
        created_at=moment(run.began),
        estimated_duration=round(run.end - run.began),
        spec=workflow.spec,
        tasks=tasks,
    )
    state.runs["job", id_] = run
    for number, task in enumerate(tasks):
        state.runs["task", task.id] = run.part(number, len(tasks))
    state.jobs[workflow.id].append(partial(_job_at, job, run))
    return documents.job(workflow.id, id_)


def create_insight(
    documents: Documents, ids: Mapping[str, str], body: JsonObject
) -> JsonObject | Response:
    """Create an insight, or tell what it would cost."""
    state, aoi = documents.state, documents.aoi_record(ids["aoi_id"])
    if body.get("project_id") and aoi.project_id not in {"", body["project_id"]}:
        raise ServiceError(*NOT_THERE, "there is no such AOI in this project")
    cost = _insight_cost(aoi)
    if body.get("estimate"):
        return JSONResponse({"estimate": cost})
    id_ = state.new_id()
    run = state.create("createInsights", id_, ids, body)
    raw = body["input"]
    insight = Insight(
        id_,
        name=body.get("name") or body["block"].get("name") or "Insight",
        created_by=aoi.user_id,
        cost=cost,
        created_at=moment(run.began),
        estimated_time_in_min=round((run.end - run.began) / 60),
        metadata=body.get("metadata") or {},
        input=raw if isinstance(raw, list) else raw_json(raw),
    )
    state.runs["insight", id_] = run
    state.insights[aoi.aoi_id].append(partial(_insight_at, insight, run))
    return {"id": id_, "message": "the insight has been created"}


def delete_insight(documents: Documents, ids: Mapping[str, str], _: Any) -> Response:
    """Delete an insight, be it created or of the world."""
    aoi, id_ = documents.aoi_record(ids["aoi_id"]), ids["insight_id"]
    is_there = any(one["id"] == id_ for one in documents.insights(aoi.aoi_id))
    if not is_there or aoi.project_id not in {"", ids["project_id"]}:
        raise ServiceError(*NOT_THERE, "there is no such insight in this project")
    documents.state.deleted.add(("insight", id_))
    return Response()


def _insight_cost(aoi: Aoi) -> int:
    return max(1, int((aoi.area_in_sq_m or 0) / SQ_M_A_CREDIT))


def _blocks(workflow: Workflow) -> Sequence[str]:
    try:
        blocks = json.loads(bytes(workflow.spec))["blocks"]
    except (ValueError, LookupError, TypeError):
        blocks = None
    is_right = isinstance(blocks, list) and all(isinstance(one, str) for one in blocks)
    return (blocks if is_right else None) or [BLOCK]


def _job_at(job: Job, run: Run, now: float) -> Job:
    count = len(job.tasks)
    return replace(
        job,
        status=run.word(now),
        progress=str(run.progress(now)),
        updated_at=run.changed_at(now),
        finished_at=run.ended_at(now),
        time_taken=_time_taken(run, now),
        tasks=tuple(_task_at(one, run.part(n, count), now) for n, one in enumerate(job.tasks)),
    )


def _task_at(task: Task, run: Run, now: float) -> Task:
    has_failed = run.state(now) == FAILED
    return replace(
        task,
        status=run.word(now),
        progress=run.progress(now),
        updated_at=run.changed_at(now),
        finished_at=run.ended_at(now),
        time_taken=_time_taken(run, now),
        err_msg="the block ended with an error" if has_failed else "",
        failure_type="model" if has_failed else "",
        result=raw_json({"ok": run.is_done(now)}) if run.state(now) != QUEUED else [],
    )


def _insight_at(insight: Insight, run: Run, now: float) -> Insight:
    return replace(
        insight,
        status=run.word(now),
        progress=run.progress(now),
        err_msg="the block ended with an error" if run.state(now) == FAILED else "",
        output=raw_json({"layers": 1} if run.is_done(now) else {}),
    )


def _time_taken(run: Run, now: float) -> str:
    return duration(round(run.running_s)) if run.has_ended(now) else ""
