"""Writes the report of an export.

Rules:
    * Each file is written under a temporary name and renamed: readers never see half a file.
    * The journal is read once, so that the files are consistent.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ..destinations.folder_tree import FolderTree
from ..destinations.os_errors import sink_error
from ..destinations.paths import absolute_path, make_folders
from ..destinations.whole_file import whole_file
from ..journal.reader import read_record
from .html import page_of
from .metrics import Totals, totals_of
from .tables import csv_of, failed_manifest, json_of
from .timeline import tidy, timelines_of

REPORT_JSON = "report.json"
REPORT_CSV = "report.csv"
REPORT_HTML = "report.html"
FAILED_MANIFEST = "failed.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """The files that `write_report` has written.

        export_sync(downloads, "packages")
        files = write_report("packages")
        print(files.json, files.totals)

    Attributes:
        json: Totals, runs, and every package with its spans.
        csv: One row per package.
        failed: A manifest of the failed packages; empty if there are none.
        html: The page with plots.
        totals: The totals of the export.
    """

    json: Path
    csv: Path
    failed: Path
    html: Path
    totals: Totals


def write_report(
    directory: str | Path,
    out: str | Path | None = None,
    *,
    previews: Mapping[str, bytes] | None = None,
) -> ReportFiles:
    """Write the report of an export; this function blocks.

        files = write_report("packages")
        print(files.html, files.totals.saved)

    It does not disturb a running export; the report then shows the progress so far.

    Args:
        directory: The export folder.
        out: The directory for the files, created if it is missing; None means the export folder.
        previews: A PNG for each package that has one, by the name of its file; the page shows them.

    Returns:
        The paths of the files, and the totals.

    Raises:
        SinkError: `directory` is not an export folder, or a file cannot be written.
    """
    folder = absolute_path(directory)
    target = folder if out is None else absolute_path(out)
    record = tidy(read_record(folder))
    timelines, totals = timelines_of(record), totals_of(record)
    try:
        make_target(target, folder)
    except OSError as error:
        raise sink_error(error, target) from error
    json_path = write_file(target / REPORT_JSON, json_of(record, totals, timelines, folder=folder))
    csv_path = write_file(target / REPORT_CSV, csv_of(timelines))
    failed_path = write_file(target / FAILED_MANIFEST, failed_manifest(timelines))
    page = page_of(record, folder=folder, retry_manifest=failed_path, previews=previews or {})
    html_path = write_file(target / REPORT_HTML, page)
    return ReportFiles(
        json=json_path, csv=csv_path, failed=failed_path, html=html_path, totals=totals
    )


def make_target(target: Path, folder: Path) -> None:
    """Create the directory of a report or an index; inside the export folder, follow no links."""
    if not target.is_relative_to(folder):
        make_folders(target)
        return
    with ExitStack() as stack:
        within = stack.enter_context(FolderTree(folder).open())
        for part in target.relative_to(folder).parts:
            within = stack.enter_context(within.folder(part, make=True))


def write_file(path: Path, text: str, *, sync: bool = True) -> Path:
    """Write a file as a whole or not at all; return its path.

    Args:
        path: The file.
        text: Its content.
        sync: Whether it has to outlast a power cut.

    Raises:
        SinkError: It cannot be written.
    """
    with whole_file(path, sync=sync) as file:
        file.write(text.encode("utf-8"))
    return path
