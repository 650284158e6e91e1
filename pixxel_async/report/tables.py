"""A report as JSON, as CSV, and as a manifest of the failed packages.

Rules:
    * JSON keeps text unchanged, escaped to ASCII. CSV makes it printable.
    * Spreadsheets read a cell that begins with `=`, `+`, `-`, `@` or their full-width forms as a
      formula, so such a cell gets a leading apostrophe, which spreadsheets do not show.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..journal.models import ExportRecord
from ..sansio.moments import iso
from ..sansio.redact import printable
from .metrics import Totals, ending_word
from .time_axis import running_s
from .timeline import ACTIVITIES, Timeline, ends_of_runs, failed

REPORT_VERSION = 1
"""Increases when a field of `report.json` changes its meaning or is removed."""

_FORMULA_STARTS = "=+-@\uff1d\uff0b\uff0d\uff20"
_COLUMNS = (
    "name",
    "kind",
    "target",
    "state",
    "bytes",
    "sha256",
    "received",
    "transfer_attempts",
    "runs",
    "began_at",
    "ended_at",
    "took_s",
    *(f"{doing}_s" for doing in ACTIVITIES),
    "error_type",
    "error",
)


def json_of(
    record: ExportRecord, totals: Totals, timelines: Sequence[Timeline], *, folder: Path
) -> str:
    """Return `report.json`, with times in ISO 8601 (UTC) and durations in seconds."""
    ends = ends_of_runs(record)
    report = {
        "version": REPORT_VERSION,
        "directory": str(folder),
        "totals": {
            **totals_row(totals),
            "received": sum(timeline.received for timeline in timelines),
            "running_s": round(running_s(record), 3),
        },
        "runs": [
            {
                "number": run.number,
                "version": run.version,
                "began_at": iso(run.began_at),
                "ended_at": iso(ends[run.number]),
                "ending": ending_word(run, record),
                "total": run.total,
                "counts": dict(run.counts),
            }
            for run in record.runs
        ],
        "packages": [_package(timeline) for timeline in timelines],
    }
    return json.dumps(report, ensure_ascii=True) + "\n"


def totals_row(totals: Totals) -> dict[str, Any]:
    """Return totals as JSON types."""
    return {
        "packages": totals.packages,
        "states": {str(state): count for state, count in totals.states.items()},
        "saved": totals.saved,
        "failed": len(totals.failed),
        "left": totals.left,
        "bytes_saved": totals.bytes_saved,
        "bytes_partial": totals.bytes_partial,
        "runs": totals.runs,
        "running": totals.running,
        "time_left_s": totals.time_left and totals.time_left.median_s,
        "time_left_p90_s": totals.time_left and totals.time_left.p90_s,
        "seen_at": None if totals.seen_at is None else iso(totals.seen_at),
        "damaged": [asdict(damage) for damage in totals.damaged],
        "is_complete": totals.is_complete,
    }


def csv_of(timelines: Sequence[Timeline]) -> str:
    """Return `report.csv`: a header and one row per package."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    for timeline in timelines:
        table.writerow(_cells(timeline))
    return text.getvalue()


def failed_manifest(timelines: Sequence[Timeline]) -> str:
    """Return the manifest of the failed packages as JSON Lines; empty if there are none."""
    rows = (json.dumps(timeline.download, ensure_ascii=True) for timeline in failed(timelines))
    return "".join(f"{row}\n" for row in rows)


def cell(text: str) -> str:
    """Return text as a cell that no spreadsheet reads as a formula."""
    text = printable(text)
    return f"'{text}" if text.lstrip()[:1] in tuple(_FORMULA_STARTS) else text


def _cells(timeline: Timeline) -> Iterator[str | int | float | None]:
    row = timeline.row
    yield cell(row.name)
    yield cell(str(timeline.download.get("kind", "")))
    yield cell(json.dumps(timeline.download, ensure_ascii=False))
    yield row.state.value
    yield row.bytes
    yield row.sha256
    yield timeline.received
    yield row.attempts
    yield timeline.runs
    yield None if timeline.begins_at is None else iso(timeline.begins_at)
    yield None if timeline.ended_at is None else iso(timeline.ended_at)
    yield round(timeline.took_s, 3)
    for seconds in timeline.seconds_by_doing.values():
        yield round(seconds, 3)
    yield cell(row.error_type)
    yield cell(row.error)


def _package(timeline: Timeline) -> dict[str, Any]:
    row = timeline.row
    return {
        "target": timeline.download,
        "name": row.name,
        "state": row.state.value,
        "bytes": row.bytes,
        "sha256": row.sha256,
        "received": timeline.received,
        "transfer_attempts": row.attempts,
        "runs": timeline.runs,
        "ended_at": None if timeline.ended_at is None else iso(timeline.ended_at),
        "took_s": round(timeline.took_s, 3),
        "seconds": {
            str(doing): round(seconds, 3) for doing, seconds in timeline.seconds_by_doing.items()
        },
        "spans": [
            {
                "run": span.run,
                "doing": str(span.doing),
                "from": iso(span.begins_at),
                "to": iso(span.ends_at),
            }
            for span in timeline.spans
        ],
        "error": {"type": row.error_type, "message": row.error} if row.error else None,
    }
