"""The calls of a run as data: its estimate, its creation, its list, its status.

Rules:
    * The creation of a job takes the workflow and its project (`createJob` defines no body). The
      creation of an insight takes `metadata`, where the run leaves its token.
    * An insight has no call of its own: the list of its area, filtered by its id, is its status.
    * Status words are not documented. A word of failure fails the run, a word of success finishes
      it, and so does `finished_at`; any other word means "not yet".
    * The estimate of an insight is its creation with `estimate` set, which creates nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from ...errors import ResponseError
from ...models import PackageStatus
from ...records import Insight, Job
from ...runs import RunInsight, RunJob
from ..redact import redact
from ..resilience.retry_rules import CallKind
from ..run_search import Listed
from .json_body import load
from .list_calls import Source, page_call, read_page, read_record
from .package_calls import FAILED_WORDS, GONE_WORDS, Call
from .pagination import PAGE_SIZE, Ask, Paging
from .urls import path_of, query_of

TOKEN = "pixxel_async_run"  # noqa: S105 - the name of a field
"""The name in the metadata of an insight under which its run is found."""
FINISHED_WORDS = frozenset(
    {"completed", "complete", "success", "succeeded", "successful", "finished", "done", "ready"}
)
_FAILED_WORDS = FAILED_WORDS | GONE_WORDS | {"aborted", "terminated", "rejected"}
_WHOLE = Ask(paging=Paging.WHOLE, size=PAGE_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """How far a run has come.

    Attributes:
        status: PENDING while it runs; READY means that it has finished.
        word: The service's own word, safe to print.
        reason: Why it failed, as the service says; empty otherwise.
        cost: What it costs, or None if the service does not say.
        created_id: The id of the job or insight.
    """

    status: PackageStatus
    word: str
    reason: str
    cost: float | None
    created_id: str


def creation(run: RunJob | RunInsight, token: str) -> Call:
    """Return the call that creates a job or an insight."""
    if isinstance(run, RunJob):
        path = path_of("v0", "workflows", run.workflow_id, "jobs")
        return Call(
            operation="createJob",
            method="POST",
            path=path + query_of({"project_id": run.project_id}),
            kind=CallKind.CREATION,
        )
    body = {**_insight(run), "metadata": {**run.metadata, TOKEN: token}}
    return _insight_call(run, body, CallKind.CREATION)


def estimate(run: RunJob | RunInsight) -> Call:
    """Return the call that estimates the cost of a run; it creates nothing."""
    if isinstance(run, RunJob):
        return Call(
            operation="getWorkflowCostEstimate",
            method="GET",
            path=path_of("v0", "workflows", run.workflow_id, "estimate"),
            kind=CallKind.READ,
        )
    body = {**_insight(run), "metadata": dict(run.metadata), "estimate": True}
    return _insight_call(run, body, CallKind.READ)


def listing(run: RunJob | RunInsight) -> Call:
    """Return the call that lists where the run would stand."""
    return page_call(_listed_in(run), _WHOLE)


def status(run: RunJob | RunInsight, created_id: str) -> Call:
    """Return the call that gets the status of a run."""
    if isinstance(run, RunInsight):
        return page_call(replace(_listed_in(run), query={"id": created_id}), _WHOLE)
    return Call(
        operation="getJobById",
        method="GET",
        path=path_of("v0", "workflows", run.workflow_id, "jobs", created_id),
        kind=CallKind.READ,
    )


def read_created(run: RunJob | RunInsight, body: bytes) -> RunStatus:
    """Read the answer to a creation.

    Raises:
        ResponseError: It has no id.
    """
    return _status_of(read_record(_source(run), body))


def read_listing(run: RunJob | RunInsight, body: bytes) -> tuple[Listed, ...]:
    """Read a list.

    Raises:
        ResponseError: It is not as documented.
    """
    return tuple(_listed(record) for record in read_page(_listed_in(run), body).records)


def read_status(run: RunJob | RunInsight, created_id: str, body: bytes) -> RunStatus | None:
    """Read a status; return None if the service does not list the insight.

    Raises:
        ResponseError: It is not as documented.
    """
    if isinstance(run, RunJob):
        return _status_of(read_record(_source(run), body))
    for insight in read_page(_listed_in(run), body).records:
        if insight.id == created_id:
            return _status_of(insight)
    return None


def read_estimate(run: RunJob | RunInsight, body: bytes) -> float:
    """Read an estimate.

    Raises:
        ResponseError: It names no cost.
    """
    field = "estimated_cost" if isinstance(run, RunJob) else "estimate"
    try:
        cost = load(body).get(field)
    except (ValueError, AttributeError):
        cost = None
    if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not 0 <= cost < float("inf"):
        operation = estimate(run).operation
        message = f'the answer to {operation} is not as documented: no cost in "{field}"'
        raise ResponseError(message)
    return cost


def _insight(run: RunInsight) -> dict[str, Any]:
    texts = {"name": run.name, "project_id": run.project_id}
    return {
        **{name: text for name, text in texts.items() if text},
        "block": {"name": run.block, "version": run.version},
        "input": run.inputs,
    }


def _insight_call(run: RunInsight, body: dict[str, Any], kind: CallKind) -> Call:
    return Call(
        operation="createInsights",
        method="POST",
        path=path_of("v0", "aoi", run.aoi_id, "insights"),
        kind=kind,
        body=json.dumps(body).encode("ascii"),
    )


def _listed_in(run: RunJob | RunInsight) -> Source[Any]:
    if isinstance(run, RunJob):
        path = ("workflows", run.workflow_id, "jobs")
        return replace(_source(run), operation="listJobs", path=path, within="jobs")
    return replace(_source(run), operation="listInsights", within="insights")


def _source(run: RunJob | RunInsight) -> Source[Any]:
    if isinstance(run, RunJob):
        return Source(
            operation="createJob",
            record=Job,
            path=("workflows", run.workflow_id, "jobs"),
            parents={"workflow_id": run.workflow_id},
        )
    return Source(
        operation="createInsights",
        record=Insight,
        path=("aoi", run.aoi_id, "insights"),
        parents={"aoi_id": run.aoi_id},
    )


def _listed(record: Job | Insight) -> Listed:
    metadata = record.raw.get("metadata")
    has_metadata = isinstance(metadata, dict) and bool(metadata)
    return Listed(
        id=record.id,
        created_s=None if record.created_at is None else record.created_at.timestamp(),
        token=str(metadata.get(TOKEN, "")) if has_metadata else "",  # type: ignore[union-attr]  # a dict, see above
        has_metadata=has_metadata,
    )


def _status_of(record: Job | Insight) -> RunStatus:
    word = record.status
    return RunStatus(
        status=_meaning(record),
        word=redact(word),
        reason=redact(_reason(record)),
        cost=None if record.cost is None or record.cost < 0 else record.cost,
        created_id=record.id,
    )


def _meaning(record: Job | Insight) -> PackageStatus:
    plain = record.status.strip().lower().replace("-", "_").replace(" ", "_")
    is_deleted = isinstance(record, Insight) and record.deleted_at is not None
    if plain in _FAILED_WORDS or is_deleted:
        return PackageStatus.FAILED
    has_ended = isinstance(record, Job) and record.finished_at is not None
    return PackageStatus.READY if plain in FINISHED_WORDS or has_ended else PackageStatus.PENDING


def _reason(record: Job | Insight) -> str:
    if isinstance(record, Insight):
        return "it was deleted" if record.deleted_at is not None else record.err_msg
    said = [f"{task.name}: {task.err_msg}" for task in record.tasks if task.err_msg]
    errors = record.raw.get("val_errors")
    said += [
        f"{error.get('component_name') or 'workflow'}: {error['err']}"
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict) and error.get("err")
    ]
    return "; ".join(said)
