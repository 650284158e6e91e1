"""`pixxel-async download`: one package, given on the command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...downloads import parse_download
from ..options.export import RunOptions, takes_options
from ..options.types import flag
from ..output.exit_codes import ended
from .export_run import save

app = typer.Typer(
    no_args_is_help=True,
    help="Save one package, given by its ids.",
    epilog="For many packages, write a manifest: see pixxel-async export --help",
)

WorkflowId = Annotated[str, typer.Argument(metavar="WORKFLOW_ID", help="The workflow.")]
JobId = Annotated[str, typer.Argument(metavar="JOB_ID", help="The job of the workflow.")]
TaskId = Annotated[str, typer.Argument(metavar="TASK_ID", help="The task of the job.")]
AoiId = Annotated[str, typer.Argument(metavar="AOI_ID", help="The area of interest.")]
InsightId = Annotated[str, typer.Argument(metavar="INSIGHT_ID", help="The insight.")]
AssetIds = Annotated[list[str], typer.Argument(metavar="ASSET_ID", help="Its assets.")]
CatalogIds = Annotated[
    list[str], typer.Argument(metavar="ID", help="Ids of catalogs, all in one package.")
]
OrderItems = Annotated[bool, flag("--order-items", text="The ids are ids of order items.")]


@app.command(
    epilog="Example: pixxel-async download insight AOI_ID INSIGHT_ID --output OUTPUT_ID --out ."
)
@takes_options
def insight(
    options: RunOptions,
    *,
    aoi_id: AoiId,
    insight_id: InsightId,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="ID", help="An input to include. May be repeated."),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option("--output", metavar="ID", help="An output to include. May be repeated."),
    ] = None,
) -> None:
    """Save an insight; without --input and --output, the service chooses the contents."""
    ids = {"aoi_id": aoi_id, "insight_id": insight_id}
    _save(options, kind="insight", **ids, inputs=inputs or [], outputs=outputs or [])


@app.command(epilog="Example: pixxel-async download aoi AOI_ID ASSET_ID ASSET_ID --out packages")
@takes_options
def aoi(
    options: RunOptions,
    *,
    aoi_id: AoiId,
    asset_ids: AssetIds,
) -> None:
    """Save assets of an area of interest."""
    _save(options, kind="aoi", aoi_id=aoi_id, asset_ids=asset_ids)


@app.command(epilog="Example: pixxel-async download job WORKFLOW_ID JOB_ID --out packages")
@takes_options
def job(options: RunOptions, *, workflow_id: WorkflowId, job_id: JobId) -> None:
    """Save all inputs and outputs of a job."""
    _save(options, kind="job", workflow_id=workflow_id, job_id=job_id)


@app.command(epilog="Example: pixxel-async download task WORKFLOW_ID JOB_ID TASK_ID --out packages")
@takes_options
def task(
    options: RunOptions,
    *,
    workflow_id: WorkflowId,
    job_id: JobId,
    task_id: TaskId,
) -> None:
    """Save the assets of one task of a job."""
    _save(options, kind="task", workflow_id=workflow_id, job_id=job_id, task_id=task_id)


@app.command(
    epilog="Example: pixxel-async download catalog CATALOG_ID CATALOG_ID --out packages\n\n"
    "Example: pixxel-async download catalog --order-items ORDER_ITEM_ID --out packages"
)
@takes_options
def catalog(
    options: RunOptions,
    *,
    ids: CatalogIds,
    order_items: OrderItems = False,
) -> None:
    """Save images that the account owns, by catalog ids or by order items."""
    _save(options, kind="catalog", **{"order_item_ids" if order_items else "catalog_ids": ids})


def _save(options: RunOptions, **row: Any) -> None:
    with ended():
        save([parse_download(row)], options)
