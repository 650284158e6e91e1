"""`pixxel-async export`: saves the packages that a manifest lists."""

from __future__ import annotations

from typing import Annotated

import typer

from ..manifest.reader import read_manifest
from ..options.export import RunOptions, takes_options
from ..outcome import reported
from ..output.exit_codes import complain, ended
from .export_run import run_export

NOTHING = "the manifest on standard input is empty: there is nothing to export"


@takes_options
def export(
    options: RunOptions,
    *,
    manifest: Annotated[
        str,
        typer.Argument(metavar="MANIFEST", help="A JSON Lines or CSV file; - is standard input."),
    ],
) -> None:
    r"""Save the packages that a manifest lists.

    A manifest has one JSON object per line, such as

    {"kind": "insight", "aoi_id": "...", "insight_id": "...", "outputs": \["..."]}

    {"kind": "catalog", "catalog_ids": \["..."]}

    In a CSV file, the first line names the fields, and ; separates the ids of a list.
    """
    with ended(), reported(options) as outcome:
        rows = read_manifest(manifest)
        if not rows.downloads:
            complain(NOTHING)
            raise typer.Exit
        if rows.repeated and not options.quiet:
            complain(f"duplicate rows in the manifest: {rows.repeated}; each package is saved once")
        run_export(rows.downloads, options, outcome)
