"""`pixxel-async export`: saves the packages that a manifest lists."""

from __future__ import annotations

from typing import Annotated

import typer

from ..manifest.reader import Manifest, read_manifest
from ..options.dataclass_options import takes_options
from ..options.runs import SpendOptions
from ..options.types import flag
from ..outcome import reported
from ..output.exit_codes import complain, ended
from ..run_consent import ask, earlier_runs
from .export_run import Creation, run_export

NOTHING = "the manifest on standard input is empty: there is nothing to export"

NOTHING_RUNS = "no job or insight was created into this folder: there is nothing to wait for"


@takes_options
def export(
    options: SpendOptions,
    *,
    manifest: Annotated[
        str | None,
        typer.Argument(metavar="MANIFEST", help="A JSON Lines or CSV file; - is standard input."),
    ] = None,
    wait_for_run: Annotated[
        bool,
        flag(
            "--wait-for-run",
            text="Also wait for the jobs and insights that were created into DIR, such as by "
            "run --detach. MANIFEST may be left out.",
        ),
    ] = False,
) -> None:
    r"""Save the packages that a manifest lists.

    A manifest has one JSON object per line, such as

    {"kind": "insight", "aoi_id": "...", "insight_id": "...", "outputs": \["..."]}

    {"kind": "catalog", "catalog_ids": \["..."]}

    {"kind": "run-job", "workflow_id": "...", "project_id": "..."}

    The last one creates a job first, which costs: see pixxel-async run.

    In a CSV file, the first line names the fields, and ; separates the ids of a list.
    """
    with ended(), reported(options) as outcome:
        if manifest is None and not wait_for_run:
            reason = "give a manifest, or --wait-for-run."
            raise typer.BadParameter(reason, param_hint="'MANIFEST'")
        rows = Manifest([], 0, []) if manifest is None else read_manifest(manifest)
        runs = rows.runs + (earlier_runs(options) if wait_for_run else [])
        if not (rows.downloads or runs):
            complain(NOTHING_RUNS if manifest is None else NOTHING)
            raise typer.Exit
        if rows.repeated and not options.quiet:
            complain(f"duplicate rows in the manifest: {rows.repeated}; each package is saved once")
        if runs and not options.dry_run:
            ask(runs, options)
        first = Creation(runs=runs, max_cost=options.max_cost)
        run_export(rows.downloads, options, outcome, first)
