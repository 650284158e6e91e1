"""`pixxel-async report`: what an export did, as a page, as JSON and as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...report.write import write_report
from ..output.exit_codes import complain, damage_lines, ended


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The export folder.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--directory",
            "-o",
            metavar="REPORT_DIR",
            show_default="DIR",
            help="Folder for the report, created if missing.",
        ),
    ] = None,
) -> None:
    """Write report.html, report.json, report.csv and failed.jsonl about an export.

    report.html is one file that loads nothing.
    """
    with ended():
        written = write_report(directory, out)
        for line in damage_lines(written.totals.damaged):
            complain(line)
        for path in (written.html, written.json, written.csv, written.failed):
            typer.echo(str(path))
