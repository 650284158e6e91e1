"""What a run creates: a job of a workflow, or an insight on an area of interest.

    RunJob(workflow_id="w-1", project_id="p-1")
    RunInsight(aoi_id="a-1", block="ndvi", version="1.0.0", inputs=["s-1"])

Rules:
    * A run is frozen, and its key names it in the journal of its folder: a run that was created
      there is never created again. Runs that differ in nothing else need labels.
    * The service's call for a job takes the workflow and its project, nothing else. So `aoi_id`
      and `label` of a job are never sent.
    * Whatever is wrong with a run, its constructor and `parse_run` raise InputError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeGuard

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    StringConstraints,
    TypeAdapter,
)

from .downloads import (
    Download,
    Id,
    InsightDownload,
    JobDownload,
    ManifestRow,
    as_tuple,
    parse_download,
)
from .errors import InputError

Text: TypeAlias = Annotated[str, StringConstraints(max_length=2048)]


def _check_json(values: Sequence[Any]) -> Sequence[Any]:
    """Refuse what JSON cannot hold."""
    try:
        json.dumps(values, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        reason = "holds a value that JSON does not have"
        raise ValueError(reason) from None
    return values


Inputs: TypeAlias = Annotated[
    Sequence[Any],
    GetPydanticSchema(lambda _, handler: handler.generate_schema(tuple[Any, ...])),
    Field(min_length=1),
    BeforeValidator(as_tuple),
    AfterValidator(_check_json),
]
"""The service documents the input of an insight as a list, and its values by the block."""


class BaseRun(ManifestRow, frozen=True):
    """The base class of both kinds; `Run` is their union.

    What takes several runs takes this class, as with `BaseDownload`.
    """


class RunJob(BaseRun, frozen=True):
    """A new job of a workflow (operation `createJob`), and the package of its results.

        RunJob(workflow_id="w-1", project_id="p-1")
        RunJob(workflow_id="w-1", project_id="p-1", aoi_id="a-1", label="June")

    Each creates one job, at the cost that `workflows.estimate` returns.

    Attributes:
        workflow_id: The workflow.
        project_id: Its project.
        aoi_id: The area that you run it for. The service's call has no field for it: the workflow
            itself names its data. It tells jobs of one workflow apart.
        label: Tells jobs apart that are otherwise the same; never sent.

    Raises:
        InputError: A field is missing, too long or not a string.
    """

    kind: Literal["run-job"] = "run-job"
    workflow_id: Id
    project_id: Id
    aoi_id: Text = ""
    label: Text = ""

    def package_of(self, created_id: str) -> JobDownload:
        """Return the download of the job that was created."""
        return JobDownload(workflow_id=self.workflow_id, job_id=created_id)


class RunInsight(BaseRun, frozen=True):
    """A new insight on an area (operation `createInsights`), and the package of its results.

        RunInsight(aoi_id="a-1", block="ndvi", version="1.0.0", inputs=["s-1"])

    Each creates one insight.

    Attributes:
        aoi_id: The area of interest.
        block: The name of the processing block.
        version: The version of the block.
        name: The title of the insight.
        project_id: The project that it belongs to.
        label: Tells insights apart that are otherwise the same; never sent.
        inputs: The block's inputs, at least one (the service's field `input`).
        metadata: Further texts by name, which the service keeps. The run adds one of its own, by
            which it finds the insight again.

    Raises:
        InputError: A field is missing, too long or of another type.
    """

    kind: Literal["run-insight"] = "run-insight"
    aoi_id: Id
    block: Id
    version: Id
    name: Text = ""
    project_id: Text = ""
    label: Text = ""
    inputs: Inputs
    metadata: Mapping[str, str] = Field(default_factory=dict)

    def package_of(self, created_id: str) -> InsightDownload:
        """Return the download of the insight that was created."""
        return InsightDownload(aoi_id=self.aoi_id, insight_id=created_id)


Run: TypeAlias = Annotated[RunJob | RunInsight, Field(discriminator="kind")]
"""Either kind of run."""

RUN_KINDS: tuple[str, ...] = ("run-job", "run-insight")
_ADAPTER: TypeAdapter[RunJob | RunInsight] = TypeAdapter(Run)


def is_run(value: object) -> TypeGuard[RunJob | RunInsight]:
    """Return whether a value is a run."""
    return isinstance(value, BaseRun)


def parse_run(row: object) -> RunJob | RunInsight:
    """Parse one row of a manifest whose `kind` is `run-job` or `run-insight`.

        parse_run({"kind": "run-job", "workflow_id": "w-1", "project_id": "p-1"})

    Raises:
        InputError: The row is invalid; the message names the field and the reason.
    """
    if not is_run_row(row):
        message = f'not a run: "kind" is one of {", ".join(RUN_KINDS)}'
        raise InputError(message)
    return _ADAPTER.validate_python(row)


def parse_row(row: object) -> Download | RunJob | RunInsight:
    """Parse one row of a manifest, be it a download or a run; raises as both parsers do."""
    return parse_run(row) if is_run_row(row) else parse_download(row)


def is_run_row(row: object) -> bool:
    """Return whether a decoded row names a kind of run."""
    return isinstance(row, Mapping) and row.get("kind") in RUN_KINDS
