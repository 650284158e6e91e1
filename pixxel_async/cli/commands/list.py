"""`pixxel-async list`: what there is."""

from __future__ import annotations

import typer

from ...sansio.api.record_filter import Criteria
from .. import finder
from ..find_run import leave, run_find, tell_left_out
from ..finder import Noun, Place
from ..options.dataclass_options import takes_options
from ..options.filters import (
    Aoi,
    AsJson,
    Captured,
    FindOptions,
    Job,
    Name,
    OrderItems,
    Orders,
    Project,
    Status,
    Workflow,
    job_needs_workflow,
)
from ..output.exit_codes import complain, ended
from ..output.records import choose_output

app = typer.Typer(
    no_args_is_help=True,
    help="List records: a table on a terminal, tab-separated lines in a pipe.",
    epilog="To write a manifest for an export: see pixxel-async select --help",
)


@app.command(epilog="Example: pixxel-async list projects")
@takes_options
def projects(options: FindOptions, *, name: Name = None, as_json: AsJson = False) -> None:
    """List the projects of the workspace."""
    _list("projects", finder.projects, options, Place(), options.criteria(name=name), as_json)


@app.command(epilog="Example: pixxel-async list aois --name 'Field *' --created-after 2025-01-01")
@takes_options
def aois(
    options: FindOptions,
    *,
    project: Project = None,
    name: Name = None,
    status: Status = None,
    as_json: AsJson = False,
) -> None:
    """List areas of interest."""
    criteria = options.criteria(project=project, name=name, status=status)
    _list("aois", finder.aois, options, Place(), criteria, as_json)


@app.command(epilog="Example: pixxel-async list assets --aoi AOI_ID --json")
@takes_options
def assets(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    aoi: Aoi = None,
    project: Project = None,
    name: Name = None,
    status: Status = None,
    as_json: AsJson = False,
) -> None:
    """List the assets of AOIs."""
    criteria = options.criteria(project=project, name=name, status=status)
    _list("assets", finder.assets, options, Place(aoi=aoi), criteria, as_json)


@app.command(epilog="Example: pixxel-async list insights --status completed")
@takes_options
def insights(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    aoi: Aoi = None,
    project: Project = None,
    name: Name = None,
    status: Status = None,
    as_json: AsJson = False,
) -> None:
    """List the insights of AOIs."""
    criteria = options.criteria(project=project, name=name, status=status)
    _list("insights", finder.insights, options, Place(aoi=aoi), criteria, as_json)


@app.command(epilog="Example: pixxel-async list workflows --project PROJECT_ID")
@takes_options
def workflows(
    options: FindOptions, *, project: Project = None, name: Name = None, as_json: AsJson = False
) -> None:
    """List workflows."""
    criteria = options.criteria(project=project, name=name)
    _list("workflows", finder.workflows, options, Place(), criteria, as_json)


@app.command(epilog="Example: pixxel-async list jobs --workflow WORKFLOW_ID --status running")
@takes_options
def jobs(
    options: FindOptions,
    *,
    workflow: Workflow = None,
    project: Project = None,
    status: Status = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs of workflows."""
    criteria = options.criteria(project=project, status=status)
    _list("jobs", finder.jobs, options, Place(workflow=workflow), criteria, as_json)


@app.command(epilog="Example: pixxel-async list tasks --workflow WORKFLOW_ID --job JOB_ID")
@takes_options
def tasks(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    workflow: Workflow = None,
    job: Job = None,
    project: Project = None,
    name: Name = None,
    status: Status = None,
    as_json: AsJson = False,
) -> None:
    """List the tasks of jobs."""
    job_needs_workflow(workflow, job)
    criteria = options.criteria(project=project, name=name, status=status)
    _list("tasks", finder.tasks, options, Place(workflow=workflow, job=job), criteria, as_json)


@app.command(epilog="Example: pixxel-async list catalogs --captured 2024-01-01T00:00:00Z/..")
@takes_options
def catalogs(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    order: Orders = None,
    order_item: OrderItems = None,
    captured: Captured = None,
    status: Status = None,
    as_json: AsJson = False,
) -> None:
    """List the images that the account owns; --status is that of their delivery to a store."""
    place = Place(orders=tuple(order or ()), order_items=tuple(order_item or ()), captured=captured)
    _list("catalogs", finder.catalogs, options, place, options.criteria(status=status), as_json)


@app.command(epilog="Example: pixxel-async list orders --status paid")
@takes_options
def orders(options: FindOptions, *, status: Status = None, as_json: AsJson = False) -> None:
    """List orders; --status is that of their payment."""
    _list("orders", finder.orders, options, Place(), options.criteria(status=status), as_json)


@app.command("order-items", epilog="Example: pixxel-async list order-items --status fulfilled")
@takes_options
def order_items(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    order: Orders = None,
    project: Project = None,
    name: Name = None,
    status: Status = None,
    as_json: AsJson = False,
) -> None:
    """List the items of orders."""
    place = Place(orders=tuple(order or ()))
    criteria = options.criteria(project=project, name=name, status=status)
    _list("order-items", finder.order_items, options, place, criteria, as_json)


def _list(  # noqa: PLR0913, PLR0917 - what every command hands on
    name: str,
    noun: Noun,
    options: FindOptions,
    place: Place,
    criteria: Criteria,
    as_json: bool,  # noqa: FBT001 - likewise
) -> None:
    output = choose_output(name, as_json=as_json)
    count, finder = run_find(noun, options, place, criteria, output.write)
    with ended():
        output.close()
    tell_left_out(finder, options)
    if not count and not options.quiet:
        complain(f"no {name} match")
    leave(finder)
