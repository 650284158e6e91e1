"""Records of analyses: AOIs, insights, workflows and their parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, AliasPath, Field, model_validator

from .base import Amount, Id, Number, Record, ServiceModel, Text, Texts, Time


class Aoi(Record, frozen=True):
    """An area of interest (operations `ListAOIs`, `GetAoiById`, `AOICreateAOI`).

        async for aoi in client.aois.list():
            print(aoi.name, aoi.status, aoi.area_in_sq_m)

    Attributes:
        id: The service's `aoi_id`.
        name: The name.
        project_id: The project.
        status: `success`, `started`, `running`, `failed`, `updating` or `partial_success`.
        progress: Percent.
        area_in_sq_m: Square metres.
        eo_bands: The names of the bands.
    """

    id: Id = Field(validation_alias=AliasChoices("aoi_id", "id"))
    name: Text = ""
    description: Text = ""
    project_id: Text = ""
    satellite_id: Text = ""
    user_id: Text = ""
    status: Text = ""
    progress: Number = None
    area_in_sq_m: Number = None
    eo_bands: Texts = ()
    updated_at: Time = None


class Asset(Record, frozen=True):
    """An asset of an area of interest (operation `ListAssets`).

        aoi = await anext(client.aois.list())
        assets = [asset async for asset in client.aois.list_assets(aoi.id)]
        AoiDownload(aoi_id=aoi.id, asset_ids=[asset.id for asset in assets])

    Its URL is in `raw` only, because it may be signed.

    Attributes:
        aoi_id: The area of interest.
        asset_type: `mosaic`, `stac_item` or `visualization`.
        status: `success`, `failed`, `started` or `creating`.
        date: The day of the image, in the service's own format.
        resolution: The service's value; its documentation names no unit.
    """

    aoi_id: Id
    name: Text = ""
    description: Text = ""
    asset_type: Text = ""
    status: Text = ""
    progress: Number = None
    date: Text = ""
    resolution: Number = None
    area_in_sq_m: Number = None
    band_list: Texts = ()
    visualization_id: Text = ""
    updated_at: Time = None


class Insight(Record, frozen=True):
    """An insight: a result for an area of interest (operations `listInsights`, `createInsights`).

        aoi = await anext(client.aois.list())
        async for insight in client.insights.list(aoi.id):
            print(insight.name, insight.status, insight.err_msg)

    Attributes:
        aoi_id: The area of interest.
        status: The status; the service does not document its values.
        progress: Percent.
        err_msg: Why it failed; empty otherwise.
        message: What `insights.create` was told; empty in lists.
        cost: The cost, in the service's own unit.
        estimated_time_in_min: The estimated time, in minutes.
        deleted_at: When it was deleted, or None.
    """

    aoi_id: Id
    name: Text = ""
    status: Text = ""
    progress: Number = None
    err_msg: Text = ""
    message: Text = ""
    created_by: Text = ""
    cost: Amount = None
    estimated_time_in_min: Number = None
    deleted_at: Time = None


class Block(Record, frozen=True):
    """A version of a block, which insights and workflows run.

    Operations `listBlocks`, `listBlockVersions` and `getBlockVersion`: the service's document gives
    them no id.

        async for block in client.blocks.list(mode="insight"):
            print(block.name, block.version, block.title)

    `raw["spec"]` has its inputs and outputs.

    Attributes:
        name: The name, an argument of other calls.
        version: The version.
        title: The display name.
        kind: Its category.
        type: Its function.
        status: The service's `block_status`: `created`, `inprogress`, `completed` or `failed`.
        err: What is wrong with it; empty otherwise.
        collections: The collections that it can be run on.
    """

    name: Text = Field("", validation_alias=AliasPath("spec", "name"))
    version: Text = Field("", validation_alias=AliasPath("spec", "version"))
    title: Text = Field("", validation_alias=AliasPath("spec", "title"))
    description: Text = Field("", validation_alias=AliasPath("spec", "description"))
    kind: Text = Field("", validation_alias=AliasPath("spec", "kind"))
    type: Text = Field("", validation_alias=AliasPath("spec", "type"))
    collections: Texts = Field((), validation_alias=AliasPath("spec", "supported_collections_id"))
    status: Text = Field("", validation_alias=AliasChoices("block_status", "status"))
    err: Text = ""


class Workflow(Record, frozen=True):
    """A workflow (operations `listWorkflows`, `getWorkflowsById`).

        async for workflow in client.workflows.list():
            print(workflow.name, workflow.project_id)

    Attributes:
        project_id: The project, an argument of `workflows.get`.
        estimated_cost: The cost in tokens; lists do not have it.
    """

    name: Text = ""
    description: Text = ""
    project_id: Text = ""
    legacy_project_id: Text = ""
    created_by: Text = ""
    estimated_cost: Amount = None
    updated_at: Time = None


class Estimate(ServiceModel, frozen=True):
    """What something would cost; it spends nothing.

        workflow = await anext(client.workflows.list())
        estimate = await client.workflows.estimate(workflow.id)
        print(estimate.cost)

    Attributes:
        cost: The cost, as the service gives it: credits for a workflow; for an insight and an
            order, its documentation names no unit.
    """

    cost: Amount = Field(
        None, validation_alias=AliasChoices("estimated_cost", "estimate", "total_amount", "cost")
    )


class Task(Record, frozen=True):
    """A step of a job; only `jobs.get` returns tasks.

        workflow = await anext(client.workflows.list())
        job = await anext(client.jobs.list(workflow.id))
        for task in (await client.jobs.get(workflow.id, job.id)).tasks:
            print(task.name, task.status, task.progress)

    Attributes:
        workflow_id: The workflow of the job.
        job_id: The job.
        status: The status; the service does not document its values.
        progress: Percent.
        state_msg: The service's message about the status.
        depends_on: The names of the tasks that must end first.
        estimated_time_duration: The estimated duration, in seconds.
        time_taken: The duration, in the service's own format.
    """

    workflow_id: Id
    job_id: Id
    name: Text = ""
    status: Text = ""
    progress: Number = None
    state_msg: Text = ""
    err_msg: Text = ""
    failure_type: Text = ""
    depends_on: Texts = ()
    estimated_time_duration: Number = None
    time_taken: Text = ""
    updated_at: Time = None
    finished_at: Time = None


class Job(Record, frozen=True):
    """A run of a workflow (operations `listJobs`, `getJobById`, `createJob`).

        workflow = await anext(client.workflows.list())
        async for job in client.jobs.list(workflow.id):
            print(job.status, job.finished_at)

    Attributes:
        workflow_id: The workflow.
        status: The status, such as `running` or `completed`.
        progress: Percent.
        cost: The cost in tokens.
        estimated_duration: The estimated duration, in seconds.
        time_taken: The duration, in the service's own format.
        tasks: Its steps; empty in lists.
    """

    workflow_id: Id
    status: Text = ""
    progress: Number = None
    created_by: Text = ""
    cost: Amount = None
    estimated_duration: Number = None
    time_taken: Text = ""
    tasks: tuple[Task, ...] = ()
    updated_at: Time = None
    finished_at: Time = None

    @model_validator(mode="before")
    @classmethod
    def _add_parent_ids(cls, data: Any) -> Any:
        """Give each task the ids of its parents, which the service leaves out."""
        if not isinstance(data, Mapping) or isinstance(data.get("tasks"), tuple):
            return data
        parents = {"workflow_id": data.get("workflow_id"), "job_id": data.get("id")}
        tasks = data.get("tasks")
        listed = tasks if isinstance(tasks, list) else []
        own = tuple({**task, **parents} if isinstance(task, dict) else task for task in listed)
        return {**data, "tasks": own}
