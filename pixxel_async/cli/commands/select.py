"""`pixxel-async NOUN select`: manifests of existing records.

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
from .command import Command

FULFILLED = frozenset({"fulfilled"})
_FINISHED_ONLY = (
    f"Without --status, only finished records are selected: {', '.join(sorted(FINISHED))}. "
    "--status any selects all."
)

PerPackage: TypeAlias = Annotated[
    int,
    typer.Option(
        "--per-package", metavar="N", callback=at_least_one, help="Records in one package, at most."
    ),
]


COMMANDS: dict[str, Command] = {}
"""The command of each noun that can be exported."""


def _selects(noun: str, epilog: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        COMMANDS[noun] = Command(finds(noun)(command), command.__doc__ or "", epilog)
        return command

    return decorate


@_selects(
    "insights",
    f"{_FINISHED_ONLY}\n\nExample: pixxel-async insights select > manifest.jsonl\n\n"
    "Example: pixxel-async insights select --aoi AOI_ID --aoi AOI_ID --created-after 7d",
)
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


@_selects(
    "assets",
    f"{_FINISHED_ONLY}\n\n"
    "With one asset per package, a later select adds packages and changes none; with more, new "
    "assets may change the packages of old ones, which are then downloaded again.\n\n"
    "Example: pixxel-async assets select --aoi AOI_ID --per-package 20 > manifest.jsonl",
)
def assets(options: FindOptions, *, per_package: PerPackage = PER_PACKAGE) -> None:
    """Select assets of AOIs; assets of different AOIs never share a package."""
    packer = package_batching.asset_packer(per_package)
    _select_packed(finder.assets, options, packer, default=FINISHED)


@_selects(
    "jobs",
    f"{_FINISHED_ONLY}\n\nExample: pixxel-async jobs select --workflow WORKFLOW_ID",
)
def jobs(options: FindOptions) -> None:
    """Select jobs of workflows."""
    _select(finder.jobs, options, _each(package_batching.job_download), default=FINISHED)


@_selects(
    "tasks",
    f"{_FINISHED_ONLY}\n\nExample: pixxel-async tasks select --name 'Index*'",
)
def tasks(options: FindOptions) -> None:
    """Select tasks of jobs."""
    _select(finder.tasks, options, _each(package_batching.task_download), default=FINISHED)


@_selects(
    "catalogs",
    "Without --status, all images are selected: an image in the catalog exists, whatever "
    "the status of its delivery.\n\n"
    "Example: pixxel-async catalogs select --order ORDER_ID > manifest.jsonl",
)
def catalogs(options: FindOptions, *, per_package: PerPackage = PER_PACKAGE) -> None:
    """Select images that the account owns; --status is the status of their delivery."""
    packer = package_batching.catalog_packer(per_package)
    _select_packed(finder.catalogs, options, packer)


@_selects(
    "order-items",
    "Without --status, only FULFILLED items are selected; --status any selects all.\n\n"
    "Example: pixxel-async order-items select --status fulfilled --status partially_fulfilled",
)
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
