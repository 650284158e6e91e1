"""`pixxel-async status`: how far an export has come, also while it runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ...display.event_text import left_text, short
from ...journal.models import PackageRow
from ...journal.reader import read_record
from ...report.metrics import Totals, totals_of
from ...report.tables import totals_row
from ...sansio.package_state import State
from ...sansio.redact import printable
from ...sansio.units import duration, size
from ..options.folder import flag
from ..output.exit_codes import SOME_FAILED, SUCCESS, damage_lines, ended

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
        rows = list(_rows(totals, now=time.time()))
        width = max(len(label) for label, _ in rows)
        lines = [f"{label:<{width}}  {text}" for label, text in rows]
        lines += [*_failures(totals.failed), *damage_lines(totals.damaged)]
        typer.echo("\n".join(map(printable, lines)))
    raise typer.Exit(SUCCESS if totals.is_complete else SOME_FAILED)


def _rows(totals: Totals, *, now: float) -> Iterator[tuple[str, str]]:
    counts = f"{totals.saved} saved, {len(totals.failed)} failed, {totals.left} left"
    yield "packages", f"{totals.packages}: {counts}"
    if totals.left:
        parts = [f"{totals.states[state]} {word}" for state, word in _WORDS.items()]
        yield "left", ", ".join(part for part in parts if not part.startswith("0 "))
    partial = f", {size(totals.bytes_partial)} of what is left" if totals.bytes_partial else ""
    yield "bytes", f"{size(totals.bytes_saved)} saved{partial}"
    running = "no" if totals.running is None else f"yes, process {totals.running}"
    yield "running", running
    if totals.time_left is not None and totals.seen_at is not None:
        passed_s = now - totals.seen_at
        yield "time left", left_text(*(left_s - passed_s for left_s in totals.time_left))
    yield "runs", str(totals.runs)
    if totals.seen_at is not None:
        ago = duration(max(0.0, now - totals.seen_at))
        local = datetime.fromtimestamp(totals.seen_at, UTC).astimezone()
        yield "last seen", f"{local:%Y-%m-%d %H:%M:%S %Z}, {ago} ago"


def _failures(rows: tuple[PackageRow, ...]) -> Iterator[str]:
    for row in rows[:SHOWN_FAILURES]:
        yield f"failed  {short(row.name)}: {row.error}"
    if len(rows) > SHOWN_FAILURES:
        yield f"and {len(rows) - SHOWN_FAILURES} more"


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
