"""`pixxel-async status`: how far an export has come, also while it runs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ...display.progress_state import left_text
from ...journal.models import PackageRow
from ...journal.reader import read_record
from ...report.metrics import Totals, totals_of
from ...report.tables import totals_row
from ...sansio.layout import labelled, short, wrapped
from ...sansio.moments import moment
from ...sansio.package_state import State
from ...sansio.redact import printable
from ...sansio.units import duration, size
from ..options.types import flag
from ..output.exit_codes import SOME_FAILED, SUCCESS, damage_lines, ended, terminal_width

SHOWN_FAILURES = 20

_WORDS = {
    State.QUEUED: "queued",
    State.REQUESTED: "packaging",
    State.READY: "waiting for a slot",
    State.FETCHING: "transferring",
}


def status(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The export folder.")],
    *,
    has_json: Annotated[
        bool, flag("--json", text="Write one JSON object to standard output.")
    ] = False,
) -> None:
    """Show the progress of an export, even while another process runs it.

    The exit code is 0 if all packages are saved, 1 if some are not, 2 if DIR is no export folder.
    """
    with ended():
        totals = totals_of(read_record(directory))
    if has_json:
        typer.echo(json.dumps(_object(totals), ensure_ascii=True))
    else:
        width = terminal_width(sys.stdout)
        lines = labelled(_rows(totals, now=time.time()), width)
        lines += _failures(totals.failed, width)
        for line in damage_lines(totals.damaged):
            lines += wrapped("", printable(line), width)
        typer.echo("\n".join(lines))
    raise typer.Exit(SUCCESS if totals.is_complete else SOME_FAILED)


def _rows(totals: Totals, *, now: float) -> Iterator[tuple[str, str]]:
    counts = f"{totals.saved:,} saved, {len(totals.failed):,} failed, {totals.left:,} left"
    yield "packages", f"{totals.packages:,}: {counts}"
    if totals.left:
        states = {word: totals.states[state] for state, word in _WORDS.items()}
        yield "left", ", ".join(f"{count:,} {word}" for word, count in states.items() if count)
    partial = f", {size(totals.bytes_partial)} of what is left" if totals.bytes_partial else ""
    yield "bytes", f"{size(totals.bytes_saved)} saved{partial}"
    running = "no" if totals.running is None else f"yes, process {totals.running}"
    yield "running", running
    if totals.time_left is not None and totals.seen_at is not None:
        yield "time left", left_text(totals.time_left.after(now - totals.seen_at))
    yield "runs", str(totals.runs)
    if totals.seen_at is not None:
        ago = duration(max(0.0, now - totals.seen_at))
        yield "last seen", f"{moment(totals.seen_at)}, {ago} ago"


def _failures(rows: tuple[PackageRow, ...], width: int | None) -> Iterator[str]:
    yield from labelled(
        (("failed", f"{short(row.name)}: {row.error}") for row in rows[:SHOWN_FAILURES]), width
    )
    if len(rows) > SHOWN_FAILURES:
        yield f"and {len(rows) - SHOWN_FAILURES:,} more"


def _object(totals: Totals) -> dict[str, Any]:
    failures = [
        {
            "target": json.loads(row.target),
            "name": row.name,
            "error": {"type": row.error_type, "message": row.error},
        }
        for row in totals.failed
    ]
    return {**totals_row(totals), "failures": failures}
