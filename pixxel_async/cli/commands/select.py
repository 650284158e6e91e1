"""`pixxel-async select`: manifests of existing records.

Rules:
    * The rows are those that `export` reads; each is flushed as soon as it is written.
    * Without --status, only finished records are selected, in the words that the service uses for
      it; `--status any` selects all. Records skipped for their status are counted on standard
      error.
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
from ...sansio.api.watching import FINISHED
from .. import finder
from ..find_run import leave, report_skipped, run_find
from ..finder import Noun
from ..options.filters import FindOptions, finds
from ..options.types import at_least_one, flag
from ..output.exit_codes import complain, ended
from ..output.json_lines import write_line

FULFILLED = frozenset({"fulfilled"})
_FINISHED_ONLY = (
    f"Without --status, only finished records are selected: {', '.join(sorted(FINISHED))}. "
    "--status any selects all."
)

app = typer.Typer(
    no_args_is_help=True,
    help="Write a manifest of existing records for pixxel-async export.",
    epilog="Example: pixxel-async select insights --aoi AOI_ID | pixxel-async export - --out DIR",
)

PerPackage: TypeAlias = Annotated[
    int,
    typer.Option(
        "--per-package", metavar="N", callback=at_least_one, help="Records in one package, at most."
    ),
]


@app.command(
    epilog=f"{_FINISHED_ONLY}\n\nExample: pixxel-async select insights > manifest.jsonl\n\n"
    "Example: pixxel-async select insights --aoi AOI_ID --aoi AOI_ID --created-after 7d"
)
@finds("insights")
def insights(
    options: FindOptions,
    *,
    inputs: Annotated[
        bool, flag("--inputs", text="Include the inputs that each insight lists.")
    ] = False,
    outputs: Annotated[
        bool, flag("--outputs", text="Include the outputs that each insight lists.")
    ] = False,
) -> None:
    """Select insights; without --inputs and --outputs, the service chooses what a package has."""
    unlisted = 0

    def pack(insight: Any) -> Iterator[Download]:
        nonlocal unlisted
        download, is_listed = package_batching.chosen_insight_download(
            insight, inputs=inputs, outputs=outputs
        )
        unlisted += not is_listed
        yield download

    def report_unlisted() -> None:
        if unlisted and not options.quiet:
            complain(
                f"insights that do not list the requested inputs or outputs: {unlisted}; "
                "the service chooses the contents of their packages"
            )

    _select(finder.insights, options, pack, default=FINISHED, at_end=report_unlisted)


@app.command(
    epilog=f"{_FINISHED_ONLY}\n\n"
    "With one asset per package, a later select adds packages and changes none; with more, new "
    "assets may change the packages of old ones, which are then downloaded again.\n\n"
    "Example: pixxel-async select assets --aoi AOI_ID --per-package 20 > manifest.jsonl"
)
@finds("assets")
def assets(options: FindOptions, *, per_package: PerPackage = PER_PACKAGE) -> None:
    """Select assets of AOIs; assets of different AOIs never share a package."""
    packer = package_batching.asset_packer(per_package)
    _select_packed(finder.assets, options, packer, default=FINISHED)


@app.command(epilog=f"{_FINISHED_ONLY}\n\nExample: pixxel-async select jobs --workflow WORKFLOW_ID")
@finds("jobs")
def jobs(options: FindOptions) -> None:
    """Select jobs of workflows."""
    _select(finder.jobs, options, _each(package_batching.job_download), default=FINISHED)


@app.command(epilog=f"{_FINISHED_ONLY}\n\nExample: pixxel-async select tasks --name 'Index*'")
@finds("tasks")
def tasks(options: FindOptions) -> None:
    """Select tasks of jobs."""
    _select(finder.tasks, options, _each(package_batching.task_download), default=FINISHED)


@app.command(
    epilog="Without --status, all images are selected: an image in the catalog exists, whatever "
    "the status of its delivery.\n\n"
    "Example: pixxel-async select catalogs --order ORDER_ID > manifest.jsonl"
)
@finds("catalogs")
def catalogs(options: FindOptions, *, per_package: PerPackage = PER_PACKAGE) -> None:
    """Select images that the account owns; --status is the status of their delivery."""
    packer = package_batching.catalog_packer(per_package)
    _select_packed(finder.catalogs, options, packer)


@app.command(
    "order-items",
    epilog="Without --status, only FULFILLED items are selected; --status any selects all.\n\n"
    "Example: pixxel-async select order-items --status fulfilled --status partially_fulfilled",
)
@finds("order-items")
def order_items(options: FindOptions, *, per_package: PerPackage = PER_PACKAGE) -> None:
    """Select items of orders."""
    packer = package_batching.order_item_packer(per_package)
    _select_packed(finder.order_items, options, packer, default=FULFILLED)


def _each(download: Callable[[Any], Download]) -> Callable[[Record], Iterator[Download]]:
    def pack(record: Record) -> Iterator[Download]:
        yield download(record)

    return pack


def _select_packed(
    noun: Noun, options: FindOptions, packer: Packer, *, default: frozenset[str] = frozenset()
) -> None:
    _select(noun, options, packer.add, default=default, rest=packer.rest)


def _select(  # noqa: PLR0913 - what the commands differ in
    noun: Noun,
    options: FindOptions,
    pack: Callable[[Record], Iterable[Download]],
    *,
    default: frozenset[str],
    rest: Callable[[], Iterable[Download]] = tuple,
    at_end: Callable[[], None] = lambda: None,
) -> None:
    def write(downloads: Iterable[Download]) -> None:
        for download in downloads:
            write_line(sys.stdout, json.dumps(download.row(), ensure_ascii=True))

    criteria = options.criteria(default)
    count, finder = run_find(noun, options, criteria, lambda record: write(pack(record)))
    with ended():
        write(rest())
    at_end()
    report_skipped(finder, options, remedy="--status any selects all")
    if not (count or finder.unreadable):
        complain("nothing matches: the manifest is empty")
    leave(finder)
