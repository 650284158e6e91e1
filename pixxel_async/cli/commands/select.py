"""`pixxel-async select`: manifests of what there is.

Rules:
    * The rows are those that `export` reads, each flushed as it comes.
    * Without --status, only what is finished is taken, in the words that the service uses for it;
      `--status any` takes all. What is left out for its status is counted on standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, TypeAlias

import typer

from ...downloads import Download
from ...records import Record
from ...sansio.api import package_batching
from ...sansio.api.package_batching import PER_PACKAGE, Packer
from ...sansio.api.record_filter import Criteria
from .. import finder
from ..find_run import leave, run_find, tell_left_out
from ..finder import Noun, Place
from ..options.dataclass_options import takes_options
from ..options.filters import (
    Aoi,
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
from ..options.folder import flag
from ..options.types import at_least_one
from ..output.exit_codes import complain, ended
from ..output.json_lines import write_line

FINISHED = frozenset({"completed", "complete", "success", "succeeded", "finished", "done", "ready"})
"""Words of the service that say that something has come to a good end; for most nouns it
documents none, so that all of them count."""
FULFILLED = frozenset({"fulfilled"})
_TAKEN = "Without --status, those are taken whose status says that they are finished"
_ALL_WORDS = f"{_TAKEN}: {', '.join(sorted(FINISHED))}. --status any takes all."

app = typer.Typer(
    no_args_is_help=True,
    help="Write a manifest of existing records for pixxel-async export.",
    epilog="Example: pixxel-async select insights --aoi AOI_ID | pixxel-async export - --out DIR",
)

PerPackage: TypeAlias = Annotated[
    int,
    typer.Option(
        "--per-package", metavar="N", callback=at_least_one, help="So many in one package."
    ),
]


@app.command(epilog=f"{_ALL_WORDS}\n\nExample: pixxel-async select insights > manifest.jsonl")
@takes_options
def insights(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    aoi: Aoi = None,
    project: Project = None,
    name: Name = None,
    status: Status = None,
    inputs: Annotated[bool, flag("--inputs", text="Take the inputs that each one lists.")] = False,
    outputs: Annotated[
        bool, flag("--outputs", text="Take the outputs that each one lists.")
    ] = False,
) -> None:
    """Select insights; without --inputs and --outputs, the service chooses what a package has."""
    unlisted = 0

    def pack(insight: Any) -> Iterator[Download]:
        nonlocal unlisted
        wanted = {"inputs": "input"} if inputs else {}
        wanted |= {"outputs": "output"} if outputs else {}
        taken = {
            name: package_batching.asset_ids(insight.raw.get(at)) for name, at in wanted.items()
        }
        is_listed = all(taken.values())
        unlisted += not is_listed
        yield package_batching.insight_download(insight, **(taken if is_listed else {}))

    def tell() -> None:
        if unlisted and not options.quiet:
            complain(
                f"insights that do not list what is wanted of them: {unlisted}; "
                "the service chooses what their packages have"
            )

    criteria = options.criteria(project=project, name=name, status=status, default=FINISHED)
    _select(finder.insights, options, Place(aoi=aoi), criteria, pack, tell=tell)


@app.command(
    epilog=f"{_ALL_WORDS}\n\n"
    "With one asset in a package, a later select adds packages and changes none; with more, new "
    "assets may change the packages of old ones, which are then fetched again.\n\n"
    "Example: pixxel-async select assets --aoi AOI_ID --per-package 20 > manifest.jsonl"
)
@takes_options
def assets(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    aoi: Aoi = None,
    project: Project = None,
    name: Name = None,
    status: Status = None,
    per_package: PerPackage = PER_PACKAGE,
) -> None:
    """Select assets of AOIs; those of different AOIs never share a package."""
    criteria = options.criteria(project=project, name=name, status=status, default=FINISHED)
    packer = package_batching.asset_packer(per_package)
    _select_packed(finder.assets, options, Place(aoi=aoi), criteria, packer)


@app.command(epilog=f"{_ALL_WORDS}\n\nExample: pixxel-async select jobs --workflow WORKFLOW_ID")
@takes_options
def jobs(
    options: FindOptions,
    *,
    workflow: Workflow = None,
    project: Project = None,
    status: Status = None,
) -> None:
    """Select jobs of workflows."""
    criteria = options.criteria(project=project, status=status, default=FINISHED)
    place = Place(workflow=workflow)
    _select(finder.jobs, options, place, criteria, _each(package_batching.job_download))


@app.command(epilog=f"{_ALL_WORDS}\n\nExample: pixxel-async select tasks --name 'Index*'")
@takes_options
def tasks(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    workflow: Workflow = None,
    job: Job = None,
    project: Project = None,
    name: Name = None,
    status: Status = None,
) -> None:
    """Select tasks of jobs."""
    job_needs_workflow(workflow, job)
    criteria = options.criteria(project=project, name=name, status=status, default=FINISHED)
    place = Place(workflow=workflow, job=job)
    _select(finder.tasks, options, place, criteria, _each(package_batching.task_download))


@app.command(
    epilog="Without --status, all are taken: an image that is in the catalog is there, whatever "
    "has become of its delivery to a store.\n\n"
    "Example: pixxel-async select catalogs --order ORDER_ID > manifest.jsonl"
)
@takes_options
def catalogs(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    order: Orders = None,
    order_item: OrderItems = None,
    captured: Captured = None,
    status: Status = None,
    per_package: PerPackage = PER_PACKAGE,
) -> None:
    """Select images that the account owns; --status is that of their delivery to a store."""
    place = Place(orders=tuple(order or ()), order_items=tuple(order_item or ()), captured=captured)
    packer = package_batching.catalog_packer(per_package)
    _select_packed(finder.catalogs, options, place, options.criteria(status=status), packer)


@app.command(
    "order-items",
    epilog="Without --status, those are taken that are FULFILLED; --status any takes all, and "
    "--status may be repeated.\n\n"
    "Example: pixxel-async select order-items --status fulfilled --status partially_fulfilled",
)
@takes_options
def order_items(  # noqa: PLR0913 - an option is a parameter
    options: FindOptions,
    *,
    order: Orders = None,
    project: Project = None,
    name: Name = None,
    status: Status = None,
    per_package: PerPackage = PER_PACKAGE,
) -> None:
    """Select items of orders."""
    criteria = options.criteria(project=project, name=name, status=status, default=FULFILLED)
    packer = package_batching.order_item_packer(per_package)
    place = Place(orders=tuple(order or ()))
    _select_packed(finder.order_items, options, place, criteria, packer)


def _each(download: Callable[[Any], Download]) -> Callable[[Record], Iterator[Download]]:
    def pack(record: Record) -> Iterator[Download]:
        yield download(record)

    return pack


def _select_packed(
    noun: Noun, options: FindOptions, place: Place, criteria: Criteria, packer: Packer
) -> None:
    _select(noun, options, place, criteria, packer.add, rest=packer.rest)


def _select(  # noqa: PLR0913 - what the commands differ in
    noun: Noun,
    options: FindOptions,
    place: Place,
    criteria: Criteria,
    pack: Callable[[Record], Iterable[Download]],
    *,
    rest: Callable[[], Iterable[Download]] = tuple,
    tell: Callable[[], None] = lambda: None,
) -> None:
    def write(downloads: Iterable[Download]) -> None:
        for download in downloads:
            write_line(sys.stdout, json.dumps(download.row(), ensure_ascii=True))

    count, finder = run_find(noun, options, place, criteria, lambda record: write(pack(record)))
    with ended():
        write(rest())
    tell()
    tell_left_out(finder, options, remedy="--status any takes all")
    if not count:
        complain("nothing matches: the manifest is empty")
    leave(finder)
