"""`pixxel-async peek`: shows what is in a package, without saving it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import typer

from ...downloads import parse_download
from ...members import Member
from ...sansio.redact import printable
from ...sansio.units import size
from ..client_factory import client_of
from ..options.dataclass_options import takes_options
from ..options.export import OUTPUT, WaitOptions
from ..options.types import flag
from ..output.exit_codes import ended
from .download import AoiId, AssetIds, CatalogIds, InsightId, JobId, OrderItems, TaskId, WorkflowId

app = typer.Typer(
    no_args_is_help=True,
    help="Show the files in a package, given by its ids, without saving it.",
    epilog="The package is requested and waited for. Save some of its files with --only and --skip "
    "of pixxel-async download and export.",
)


@dataclass(frozen=True, kw_only=True)
class PeekOptions(WaitOptions):
    """How a package is looked into."""

    json: Annotated[bool, flag("--json", panel=OUTPUT, text="Write one JSON object per file.")] = (
        False
    )


@app.command(epilog="Example: pixxel-async peek insight AOI_ID INSIGHT_ID")
@partial(takes_options, without={"quiet", "verbose"})
def insight(options: PeekOptions, *, aoi_id: AoiId, insight_id: InsightId) -> None:
    """Show the files of an insight."""
    _peek(options, kind="insight", aoi_id=aoi_id, insight_id=insight_id)


@app.command(epilog="Example: pixxel-async peek aoi AOI_ID ASSET_ID")
@partial(takes_options, without={"quiet", "verbose"})
def aoi(options: PeekOptions, *, aoi_id: AoiId, asset_ids: AssetIds) -> None:
    """Show the files of assets of an area of interest."""
    _peek(options, kind="aoi", aoi_id=aoi_id, asset_ids=asset_ids)


@app.command(epilog="Example: pixxel-async peek job WORKFLOW_ID JOB_ID")
@partial(takes_options, without={"quiet", "verbose"})
def job(options: PeekOptions, *, workflow_id: WorkflowId, job_id: JobId) -> None:
    """Show the files of all inputs and outputs of a job."""
    _peek(options, kind="job", workflow_id=workflow_id, job_id=job_id)


@app.command(epilog="Example: pixxel-async peek task WORKFLOW_ID JOB_ID TASK_ID")
@partial(takes_options, without={"quiet", "verbose"})
def task(options: PeekOptions, *, workflow_id: WorkflowId, job_id: JobId, task_id: TaskId) -> None:
    """Show the files of one task of a job."""
    _peek(options, kind="task", workflow_id=workflow_id, job_id=job_id, task_id=task_id)


@app.command(epilog="Example: pixxel-async peek catalog CATALOG_ID")
@partial(takes_options, without={"quiet", "verbose"})
def catalog(options: PeekOptions, *, ids: CatalogIds, order_items: OrderItems = False) -> None:
    """Show the files of images that the account owns."""
    _peek(options, kind="catalog", **{"order_item_ids" if order_items else "catalog_ids": ids})


def _peek(options: PeekOptions, **row: Any) -> None:
    async def peek() -> list[Member]:
        async with client_of(options) as client:
            return await client.peek(parse_download(row))

    with ended():
        members = asyncio.run(peek())
        for line in _rows(members) if options.json else _lines(members):
            sys.stdout.write(line + "\n")


def _rows(members: Sequence[Member]) -> list[str]:
    return [
        json.dumps({**asdict(one), "crc32": f"{one.crc32:08x}"}, ensure_ascii=True)
        for one in members
    ]


def _lines(members: Sequence[Member]) -> list[str]:
    files = [one for one in members if not one.name.endswith("/")]
    rows = [(size(one.size), size(one.packed_size), printable(one.name)) for one in files]
    total = (size(sum(one.size for one in files)), size(sum(one.packed_size for one in files)))
    rows = [("SIZE", "PACKED", "FILE"), *rows, (*total, f"{len(files)} files")]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return [f"{a:>{widths[0]}}  {b:>{widths[1]}}  {name}" for a, b, name in rows]
