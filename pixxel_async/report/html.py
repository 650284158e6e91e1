"""The HTML report: plots and tables in one self-contained page.

Rules:
    * External text is made printable and escaped by the template; in the JSON of the plots, no
      character can end a script.
    * A Content-Security-Policy blocks every request of the page.
    * Of more than `DRAWN_PACKAGES` packages, the timeline draws up to a quarter of failed ones, a
      quarter of the slowest, and evenly spaced others.

Needs the extra `report`: plotly draws, Jinja2 renders the template.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # plotly has no types

from ..journal.models import Activity, ExportRecord
from ..sansio.layout import short
from ..sansio.moments import moment
from ..sansio.redact import printable
from ..sansio.units import duration, size
from . import plots
from .metrics import Totals, ending_word, totals_of
from .state_counts import StateGroup
from .time_axis import axis_of, running_s
from .timeline import Timeline, ends_of_runs, failed, shares, slowest, timelines_of

DRAWN_PACKAGES = 1000


def drawn(timelines: Sequence[Timeline], most: int = DRAWN_PACKAGES) -> list[Timeline]:
    """Return the packages that the timeline draws, in their order.

    Args:
        timelines: All packages, in the order of their requests.
        most: The largest number of packages to draw.
    """
    active = [timeline for timeline in timelines if timeline.spans]
    if len(active) <= most:
        return active
    chosen = {timeline.row.key for timeline in evenly(failed(active), most // 4)}
    chosen |= {timeline.row.key for timeline in slowest(active, most // 4)}
    others = [timeline for timeline in active if timeline.row.key not in chosen]
    chosen |= {timeline.row.key for timeline in evenly(others, most - len(chosen))}
    return [timeline for timeline in active if timeline.row.key in chosen]


def evenly(timelines: Sequence[Timeline], count: int) -> list[Timeline]:
    """Return `count` evenly spaced packages, or all if there are fewer."""
    if len(timelines) <= count:
        return list(timelines)
    return [timelines[number * len(timelines) // count] for number in range(count)]


SHOWN_FAILURES = 300
TIMED = (Activity.PACKAGING, Activity.READY, Activity.TRANSFERRING, Activity.RETRYING)


def page_of(record: ExportRecord, *, folder: Path, retry_manifest: Path) -> str:
    """Return the HTML report of an export.

    Args:
        record: The journal's record, after `tidy`.
        folder: The export folder.
        retry_manifest: The manifest of the failed packages.
    """
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"duration": duration, "size": size, "moment": moment}
    timelines = timelines_of(record)
    totals = totals_of(record)
    failures = failed(timelines)
    context: dict[str, Any] = {
        "folder": printable(str(folder)),
        "headline": _headline(totals),
        "seen": None if totals.seen_at is None else moment(totals.seen_at),
        "packages": f"{totals.packages:,}",
        "tiles": _tiles(record, totals, timelines),
        "rate": _rate(record, timelines),
        "failed": [_failure(timeline) for timeline in failures[:SHOWN_FAILURES]],
        "failed_more": max(0, len(failures) - SHOWN_FAILURES),
        "retry_command": retry_command(retry_manifest, folder),
        "slowest": [_slow(timeline) for timeline in slowest(timelines)],
        "shares": [
            {
                "colour": plots.COLOURS[StateGroup(share.doing.value)],
                "word": plots.WORDS[StateGroup(share.doing.value)],
                "packages": share.packages,
                "times": (share.sum_s, share.median_s, share.most_s),
            }
            for share in shares(timelines)
        ],
        "runs": _runs(record),
        "style": _asset("page.css"),
        "script": _asset("page.js"),
        **_plots(record, timelines),
    }
    return environment.get_template("page.html.jinja").render(context)


def retry_command(manifest: Path, folder: Path) -> str:
    """Return the shell command that retries the failed packages."""
    words = ("pixxel-async", "export", str(manifest), "--out", str(folder), "--retry-failed")
    return printable(shlex.join(words))


def _plots(record: ExportRecord, timelines: Sequence[Timeline]) -> dict[str, Any]:
    axis = axis_of(record)
    active = sum(1 for timeline in timelines if timeline.spans)
    if not active or axis.length_s <= 0:
        return {"figures": None}
    scale = plots.scale_of(axis)
    shown = drawn(timelines)
    figures = {
        "occupancy": plots.state_counts(record, scale),
        "throughput": plots.throughput(record, scale),
        "timeline": plots.timeline(shown, scale),
    }
    return {
        "figures": Markup(in_script(figures)),  # noqa: S704 - escaped by `in_script`
        "library": Markup(get_plotlyjs()),  # noqa: S704 - plotly's own code
        "drawn": f"{len(shown):,}",
        "active": f"{active:,}",
        "is_thinned": len(shown) < active,
        "has_gaps": any(mark.cut_from is not None for mark in axis.marks),
    }


def in_script(value: Any) -> str:
    """Return a value as JSON for a script element, which no text in it can end."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _asset(name: str) -> Markup:
    text = files(__package__).joinpath(name).read_text("utf-8")
    return Markup(text)  # noqa: S704 - a file of this package


def _headline(totals: Totals) -> str:
    if totals.is_complete:
        return f"All packages are saved: {totals.packages:,}"
    return f"{totals.saved:,} of {totals.packages:,} packages are saved"


def _tiles(
    record: ExportRecord, totals: Totals, timelines: Sequence[Timeline]
) -> list[tuple[str, str, str]]:
    retried = sum(1 for timeline in timelines if timeline.seconds_by_doing[Activity.RETRYING] > 0)
    state = f"process {totals.running} is running" if totals.running is not None else "not running"
    return [
        ("saved", f"{totals.saved:,}", size(totals.bytes_saved)),
        ("failed", f"{len(totals.failed):,}", "see below" if totals.failed else "none"),
        ("left", f"{totals.left:,}", state),
        ("received", size(_received(timelines)), _rate(record, timelines)),
        ("running time", duration(running_s(record)), _run_count(totals.runs)),
        ("transfers retried", f"{retried:,}", "packages"),
    ]


def _run_count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


def _received(timelines: Sequence[Timeline]) -> int:
    return sum(timeline.received for timeline in timelines)


def _rate(record: ExportRecord, timelines: Sequence[Timeline]) -> str:
    ran_s = running_s(record)
    return f"{size(_received(timelines) / ran_s)}/s" if ran_s > 0 else ""


def _failure(timeline: Timeline) -> dict[str, Any]:
    kind = f"{timeline.row.error_type}: " if timeline.row.error_type else ""
    return {
        "name": short(timeline.row.name, 80),
        "target": short(json.dumps(timeline.download, ensure_ascii=False), 200),
        "reason": printable(f"{kind}{timeline.row.error}"),
        "attempts": timeline.row.attempts,
    }


def _slow(timeline: Timeline) -> dict[str, Any]:
    by_doing = timeline.seconds_by_doing
    return {
        "name": short(timeline.row.name, 80),
        "bytes": timeline.row.bytes if timeline.row.bytes is not None else timeline.row.written,
        "times": (timeline.took_s, *(by_doing[doing] for doing in TIMED)),
    }


def _runs(record: ExportRecord) -> list[dict[str, Any]]:
    ends = ends_of_runs(record)
    return [
        {
            "number": run.number,
            "began_at": run.began_at,
            "took_s": ends[run.number] - run.began_at,
            "ending": ending_word(run, record),
            "saved": run.counts.get("saved", 0),
            "failed": run.counts.get("failed", 0),
            "received": run.counts.get("received", 0),
            "version": printable(run.version),
        }
        for run in record.runs
    ]
