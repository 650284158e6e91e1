"""`pixxel-async list`: records of the service."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from .. import finder
from ..find_run import leave, report_skipped, run_find
from ..finder import Noun
from ..options.filters import FindOptions, finds
from ..options.types import flag
from ..output.exit_codes import complain, ended
from ..output.records import choose_output

app = typer.Typer(
    no_args_is_help=True,
    help="List records: a table on a terminal, tab-separated lines in a pipe.",
    epilog="To write a manifest for an export: see pixxel-async select --help",
)

AsJson: TypeAlias = Annotated[
    bool, flag("--json", text="Write the service's own objects, one per line.")
]


@app.command(epilog="Example: pixxel-async list projects")
@finds("projects")
def projects(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List the projects of the workspace."""
    _list("projects", finder.projects, options, as_json=as_json)


@app.command(epilog="Example: pixxel-async list aois --name 'Field *' --created-after 30d")
@finds("aois")
def aois(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List areas of interest."""
    _list("aois", finder.aois, options, as_json=as_json)


@app.command(epilog="Example: pixxel-async list assets --aoi AOI_ID --json")
@finds("assets")
def assets(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List the assets of AOIs."""
    _list("assets", finder.assets, options, as_json=as_json)


@app.command(epilog="Example: pixxel-async list insights --status completed")
@finds("insights")
def insights(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List the insights of AOIs."""
    _list("insights", finder.insights, options, as_json=as_json)


@app.command(epilog="Example: pixxel-async list workflows --project PROJECT_ID")
@finds("workflows")
def workflows(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List workflows."""
    _list("workflows", finder.workflows, options, as_json=as_json)


@app.command(epilog="Example: pixxel-async list jobs --workflow WORKFLOW_ID --status running")
@finds("jobs")
def jobs(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List the jobs of workflows."""
    _list("jobs", finder.jobs, options, as_json=as_json)


@app.command(epilog="Example: pixxel-async list tasks --workflow WORKFLOW_ID --job JOB_ID")
@finds("tasks")
def tasks(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List the tasks of jobs."""
    _list("tasks", finder.tasks, options, as_json=as_json)


@app.command(epilog="Example: pixxel-async list catalogs --captured 2024-01-01T00:00:00Z/..")
@finds("catalogs")
def catalogs(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List the images that the account owns; --status is the status of their delivery."""
    _list("catalogs", finder.catalogs, options, as_json=as_json)


@app.command(epilog="Example: pixxel-async list orders --status paid")
@finds("orders")
def orders(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List orders; --status is the status of their payment."""
    _list("orders", finder.orders, options, as_json=as_json)


@app.command("order-items", epilog="Example: pixxel-async list order-items --status fulfilled")
@finds("order-items")
def order_items(options: FindOptions, *, as_json: AsJson = False) -> None:
    """List the items of orders."""
    _list("order-items", finder.order_items, options, as_json=as_json)


def _list(name: str, noun: Noun, options: FindOptions, *, as_json: bool) -> None:
    output = choose_output(name, as_json=as_json)
    count, finder = run_find(noun, options, options.criteria(), output.write)
    with ended():
        output.close()
    report_skipped(finder, options)
    if not (count or finder.unreadable or options.quiet):
        complain(f"no {name} match")
    leave(finder)
