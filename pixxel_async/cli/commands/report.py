"""`pixxel-async report`: what an export did, as a page, as JSON and as CSV."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from ...geo.extra import ContentWarning, extra_needed
from ...report.write import write_report
from ..options.types import flag
from ..output.exit_codes import complain, damage_lines, ended

SHOWN_PREVIEWS = 100
"""Of the first packages by name: more would make the page large."""


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
    previews: Annotated[
        bool,
        flag("--previews", text="Show pictures of packages; needs the extra geo."),
    ] = False,
) -> None:
    """Write report.html, report.json, report.csv and failed.jsonl about an export.

    report.html is one file that loads nothing.
    """
    with ended():
        written = write_report(directory, out, previews=_pictures(directory) if previews else None)
        for line in damage_lines(written.totals.damaged):
            complain(line)
        for path in (written.html, written.json, written.csv, written.failed):
            typer.echo(str(path))


def _pictures(directory: Path) -> dict[str, bytes]:
    """Return the pictures of the first packages, by name; report how many have none."""
    with extra_needed():
        from ...geo.previews import previews_of  # noqa: PLC0415 - of the extra
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ContentWarning)  # of `index`
        found = list(previews_of(directory, SHOWN_PREVIEWS))
    pictures = {name: picture for name, picture in found if picture is not None}
    if missing := len(found) - len(pictures):
        complain(f"packages without a preview: {missing}")
    return pictures
