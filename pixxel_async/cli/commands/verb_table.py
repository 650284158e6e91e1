"""The verbs of each noun that are one call of the service."""

from __future__ import annotations

from ..options.fields import area, json_value, one_id, pairs, text, texts
from .verbs import Change, Verb

_INSIGHT = (
    text("block", "--block", "The block that runs.", at="block.name", needed=True),
    text("version", "--version", "The version of the block.", at="block.version", needed=True),
    json_value(
        "inputs",
        "--inputs",
        "The inputs of the block, as a JSON array.",
        at="input",
        needed=True,
    ),
    text("name", "--name", "A title."),
    one_id("project_id", "--project", "The project."),
    pairs("metadata", "--metadata", "A text of your own."),
)
_PROJECT = one_id("project_id", "--project", "Its project.", needed=True)

VERBS: dict[str, dict[str, Verb]] = {
    "projects": {
        "get": Verb(
            operation="GetProjectById",
            call="projects.get",
            help="Show one project.",
            ids=("project_id",),
        ),
    },
    "aois": {
        "get": Verb(
            operation="GetAoiById",
            call="aois.get",
            help="Show one area of interest.",
            ids=("aoi_id",),
        ),
        "create": Verb(
            operation="AOICreateAOI",
            call="aois.create",
            help="Create an area of interest from images.",
            fields=(
                text("name", "--name", "A name that no other AOI has.", needed=True),
                _PROJECT,
                one_id("satellite_id", "--satellite", "The satellite.", needed=True),
                text(
                    "provider",
                    "--provider",
                    "pixxel, or planetary for open data such as Landsat and Sentinel.",
                    needed=True,
                ),
                area("geometry", "--geometry", "Its boundary, a polygon.", needed=True),
                texts("item_ids", "--item", "An image of the area.", needed=True),
                text("description", "--description", "Its purpose."),
            ),
            has_body=True,
            example="--name 'Field 7' --project PROJECT_ID --satellite SATELLITE_ID "
            "--provider pixxel --geometry field-7.geojson --item ITEM_ID",
            change=Change(done="created", look="aois list --project {project_id}"),
        ),
    },
    "insights": {
        "estimate": Verb(
            operation="createInsights",
            call="insights.estimate",
            help="Show what an insight would cost; this spends nothing.",
            ids=("aoi_id",),
            fields=_INSIGHT,
            has_body=True,
            columns="estimates",
            example="--block ndvi --version 1.0.0 --inputs '[1]'",
        ),
        "create": Verb(
            operation="createInsights",
            call="insights.create",
            help="Run a block on an area of interest. This spends tokens.",
            ids=("aoi_id",),
            fields=_INSIGHT,
            has_body=True,
            example="--block ndvi --version 1.0.0 --inputs '[1]'",
            change=Change(
                done="created",
                look="insights list --aoi {aoi_id}",
                asks=True,
                estimate="insights.estimate",
            ),
        ),
        "delete": Verb(
            operation="deleteInsights",
            call="insights.delete",
            help="Delete an insight; it cannot be restored.",
            ids=("aoi_id", "insight_id"),
            fields=(_PROJECT,),
            example="--project PROJECT_ID",
            change=Change(done="deleted", look="insights list --aoi {aoi_id}", asks=True),
        ),
    },
    "workflows": {
        "get": Verb(
            operation="getWorkflowsById",
            call="workflows.get",
            help="Show one workflow.",
            ids=("workflow_id",),
            fields=(_PROJECT,),
            example="--project PROJECT_ID",
        ),
        "estimate": Verb(
            operation="getWorkflowCostEstimate",
            call="workflows.estimate",
            help="Show what a job of a workflow would cost; this spends nothing.",
            ids=("workflow_id",),
            columns="estimates",
        ),
    },
    "jobs": {
        "get": Verb(
            operation="getJobById",
            call="jobs.get",
            help="Show one job; --json has its tasks.",
            ids=("workflow_id", "job_id"),
        ),
        "create": Verb(
            operation="createJob",
            call="jobs.create",
            help="Run a workflow: create a job. This spends tokens.",
            ids=("workflow_id",),
            fields=(_PROJECT,),
            example="--project PROJECT_ID",
            change=Change(
                done="created",
                look="jobs list --workflow {workflow_id}",
                asks=True,
                estimate="workflows.estimate",
                estimate_takes=("workflow_id",),
            ),
        ),
    },
    "catalogs": {
        "get": Verb(
            operation="GetCatalogById",
            call="catalogs.get",
            help="Show one image.",
            ids=("catalog_id",),
        ),
    },
    "orders": {
        "get": Verb(
            operation="GetOrderById",
            call="orders.get",
            help="Show one order; --json has its items.",
            ids=("order_id",),
        ),
    },
    "order-items": {
        "get": Verb(
            operation="GetOrderItemById",
            call="order_items.get",
            help="Show one order item.",
            ids=("order_item_id",),
        ),
    },
}
