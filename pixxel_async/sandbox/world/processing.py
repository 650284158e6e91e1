"""Workflows, their jobs, and the tasks of those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any

from .record import NOT_IN_DOCUMENT, Record


@dataclass(frozen=True)
class Task(Record):
    """A step of a job.

    Attributes:
        id: Its id.
        name: For people.
        status: A word; the document names none.
        progress: In percent.
        state_msg: More about its state.
        err_msg: Why it failed.
        failure_type: What kind of failure that is.
        finished_at: When it ended; None while it runs.
        estimated_time_duration: In seconds.
        time_taken: As text, such as `2m30s`.
        depends_on: Names of tasks that have to end before it.
        disclaimer: Notices.
        block_info: `id`, `name` and `version` of the block that it runs.
        info_logs: Raw bytes.
        inputs: Raw JSON, byte by byte: so it is documented.
        result: Likewise.
    """

    id: str
    _: KW_ONLY
    name: str = "task"
    status: str = "completed"
    progress: float = 100
    state_msg: str = ""
    err_msg: str = ""
    failure_type: str = ""
    finished_at: datetime | None = None
    estimated_time_duration: int = 0
    time_taken: str = ""
    depends_on: Sequence[str] = ()
    disclaimer: Sequence[str] = ()
    block_info: Mapping[str, str] = field(default_factory=dict)
    info_logs: Sequence[int] = ()
    inputs: Sequence[int] = ()
    result: Sequence[int] = ()


@dataclass(frozen=True)
class Job(Record):
    """A run of a workflow.

    Attributes:
        id: Its id.
        status: A word; the document names `running` and `completed` as examples.
        progress: In percent, as text.
        created_by: The id of a user.
        cost: In credits.
        finished_at: When it ended; None while it runs.
        estimated_duration: In seconds.
        time_taken: As text, such as `2m30s`.
        spec: Raw bytes; for a single job only.
        val_errors: What was found wrong with it, likewise.
        tasks: Its steps, likewise.
    """

    id: str
    _: KW_ONLY
    status: str = "completed"
    progress: str = "100"
    created_by: str = ""
    cost: int = 0
    finished_at: datetime | None = None
    estimated_duration: int = 0
    time_taken: str = ""
    spec: Sequence[int] = field(default=(), metadata=NOT_IN_DOCUMENT)
    val_errors: Sequence[Mapping[str, Any]] = field(default=(), metadata=NOT_IN_DOCUMENT)
    tasks: tuple[Task, ...] = field(default=(), metadata=NOT_IN_DOCUMENT)


@dataclass(frozen=True)
class Workflow(Record):
    """A workflow.

    Attributes:
        id: Its id.
        name: For people.
        description: For people.
        project_id: The project that it belongs to; the call for a single one has to name it.
        legacy_project_id: The same in an older system; in lists only.
        created_by: The id of a user.
        estimated_cost: In tokens; for a single workflow only.
        spec: Raw bytes, likewise.
        val_errors: What was found wrong with it, likewise.
        jobs: Its runs.
    """

    id: str
    _: KW_ONLY
    name: str = "Workflow"
    description: str = ""
    project_id: str = ""
    legacy_project_id: str = ""
    created_by: str = ""
    estimated_cost: int = field(default=0, metadata=NOT_IN_DOCUMENT)
    spec: Sequence[int] = field(default=(), metadata=NOT_IN_DOCUMENT)
    val_errors: Sequence[Mapping[str, Any]] = field(default=(), metadata=NOT_IN_DOCUMENT)
    jobs: tuple[Job, ...] = field(default=(), metadata=NOT_IN_DOCUMENT)
