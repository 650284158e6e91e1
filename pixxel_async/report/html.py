"""The HTML report: plots and tables in one self-contained page.

Rules:
    * External text is made printable, and escaped where it enters the page.
    * A Content-Security-Policy blocks every request of the page.
    * Of more than `DRAWN_PACKAGES` packages, the timeline draws up to a quarter of failed ones, a
      quarter of the slowest, and evenly spaced others.
    * Times are local, with their offset from UTC.
"""

from __future__ import annotations

import json
import shlex
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from ..journal.models import Activity, ExportRecord
from ..sansio.layout import short
from ..sansio.moments import moment
from ..sansio.redact import printable
from ..sansio.units import counted, duration, size
from . import plots
from .metrics import Totals, ending_word, totals_of
from .state_counts import StateGroup
from .time_axis import TimeAxis, axis_of, running_s
from .timeline import Timeline, ends_of_runs, failed, shares, slowest, timelines_of

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
"""
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


def page_of(
    record: ExportRecord,
    *,
    folder: Path,
    retry_manifest: Path,
    previews: Mapping[str, bytes] = MappingProxyType({}),
) -> str:
    """Return the HTML report of an export.

    Args:
        record: The journal's record, after `tidy`.
        folder: The export folder.
        retry_manifest: The manifest of the failed packages.
        previews: A PNG for each package that has one, by name.
    """
    timelines = timelines_of(record)
    totals = totals_of(record)
    seen = "" if totals.seen_at is None else f", as of {moment(totals.seen_at)}"
    shown_folder = escape(printable(str(folder)))
    sections = [
        _totals(record, totals, timelines),
        _failed(failed(timelines), retry_command(retry_manifest, folder)),
        *_plots(record, timelines, totals),
        _previews(previews),
        _slowest(slowest(timelines)),
        _runs(record),
    ]
    return (
        f"{_HEAD}<title>Report of an export: {shown_folder}</title>\n"
        f"<style>{_asset('page.css')}</style>\n</head>\n<body>\n<main>\n"
        f"<header>\n<h1>{_headline(totals)}</h1>\n<p><bdi>{shown_folder}</bdi>{seen}</p>\n</header>\n"
        f"{''.join(sections)}</main>\n<script>{_asset('page.js')}</script>\n</body>\n</html>\n"
    )


def _section(name: str, title: str, *parts: str) -> str:
    body = "\n".join(part for part in parts if part)
    return f'<section id="{name}">\n<h2>{title}</h2>\n{body}\n</section>\n'


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "wide") -> str:
    """Return a table that can be sorted.

    Args:
        heads: The headings; one that begins with `#` is above numbers.
        rows: Cells, each a whole element.
        kind: The class of the element around it.
    """
    shown = "".join(
        f'<th class="number">{head[1:]}</th>' if head.startswith("#") else f"<th>{head}</th>"
        for head in heads
    )
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return (
        f'<div class="{kind}"><table class="sortable">\n<thead><tr>{shown}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _text(text: str) -> str:
    return f"<td><bdi>{escape(text)}</bdi></td>"


def _number(value: float, text: str | None = None) -> str:
    shown = f"{value:,}" if text is None else text
    return f'<td class="number" data-value="{value}">{shown}</td>'


def _time(seconds: float) -> str:
    return _number(seconds, duration(seconds))


def _totals(record: ExportRecord, totals: Totals, timelines: Sequence[Timeline]) -> str:
    tiles = "\n".join(
        f"<div><dt>{label}</dt><dd>{value}<small>{detail}</small></dd></div>"
        for label, value, detail in _tiles(record, totals, timelines)
    )
    return f'<section id="totals" aria-label="Totals">\n<dl>\n{tiles}\n</dl>\n</section>\n'


def _failed(failures: Sequence[Timeline], command: str) -> str:
    if not failures:
        return ""
    heads = ("package", "download", "reason", "#transfer attempts")
    more = len(failures) - SHOWN_FAILURES
    return _section(
        "failed",
        "Failed packages",
        "<p>This command retries them:</p>",
        f"<pre><code>{escape(command)}</code></pre>",
        _table(heads, map(_failure, failures[:SHOWN_FAILURES]), kind="wide tall"),
        _note(f"And {more:,} more; all are in failed.jsonl and report.csv.") if more > 0 else "",
    )


def _failure(timeline: Timeline) -> tuple[str, ...]:
    row = timeline.row
    kind = f"{row.error_type}: " if row.error_type else ""
    target = short(json.dumps(timeline.download, ensure_ascii=False), 200)
    reason = printable(f"{kind}{row.error}")
    return _text(short(row.name, 80)), _text(target), _text(reason), _number(row.attempts)


def _plots(record: ExportRecord, timelines: Sequence[Timeline], totals: Totals) -> Iterator[str]:
    axis = axis_of(record)
    active = sum(1 for timeline in timelines if timeline.spans)
    if not active or axis.length_s <= 0:
        yield (
            '<section id="no-steps"><p>The journal has no steps of this export, so there is '
            "nothing to plot: it has only just started, or an earlier version made it.</p>"
            "</section>\n"
        )
        return
    scale = plots.scale_of(axis)
    shown = drawn(timelines)
    yield _section(
        "over-time",
        "Packages over time",
        _note(f"The number of packages in each state, out of {totals.packages:,}."),
        plots.state_counts(record, scale),
    )
    rate = _rate(record, timelines)
    average = f"; {rate} on average" if rate else ""
    yield _section(
        "throughput",
        "Throughput",
        _note(f"The throughput of all packages together{average}."),
        plots.throughput(record, scale),
    )
    yield _section(
        "timeline",
        "Timeline",
        _note(_about_timeline(len(shown), active, axis)),
        plots.timeline(shown, scale),
    )
    yield _section("where", "Where the time went", _shares(timelines))


def _about_timeline(shown: int, active: int, axis: TimeAxis) -> str:
    parts = ["One row per package, in the order of their requests."]
    if shown < active:
        parts.append(
            f"{shown:,} of {active:,} active packages are drawn: failed ones, the slowest, and an "
            "even selection of the others."
        )
    parts.append("Hover over a row to see its package.")
    if any(mark.cut_from is not None for mark in axis.marks):
        parts.append("Grey bands are long pauses between runs, not to scale.")
    return " ".join(parts)


def _shares(timelines: Sequence[Timeline]) -> str:
    rows = []
    for share in shares(timelines):
        group = StateGroup(share.doing.value)
        swatch = f'<i class="swatch" style="background:{plots.COLOURS[group]}"></i>'
        times = map(_time, (share.sum_s, share.median_s, share.most_s))
        rows.append((f"<td>{swatch}{plots.WORDS[group]}</td>", _number(share.packages), *times))
    return _table(("activity", "#packages", "#total", "#median", "#longest"), rows)


def _slowest(timelines: Sequence[Timeline]) -> str:
    if not timelines:
        return ""
    heads = ("package", "#size", "#took", *(f"#{_word(doing)}" for doing in TIMED))
    return _section("slowest", "The slowest packages", _table(heads, map(_slow, timelines)))


def _previews(pictures: Mapping[str, bytes]) -> str:
    if not pictures:
        return ""
    figures = "\n".join(
        f'<figure><img alt="" src="data:image/png;base64,{b64encode(picture).decode()}">'
        f"<figcaption>{escape(printable(name))}</figcaption></figure>"
        for name, picture in pictures.items()
    )
    return _section("previews", "Previews", f'<div class="previews">\n{figures}\n</div>')


def _word(doing: Activity) -> str:
    return plots.WORDS[StateGroup(doing.value)]


def _slow(timeline: Timeline) -> tuple[str, ...]:
    row, by_doing = timeline.row, timeline.seconds_by_doing
    count = row.bytes if row.bytes is not None else row.written
    times = (timeline.took_s, *(by_doing[doing] for doing in TIMED))
    return _text(short(row.name, 80)), _number(count, size(count)), *map(_time, times)


def _runs(record: ExportRecord) -> str:
    if not record.runs:
        return ""
    heads = ("#run", "began", "#took", "ended", "#saved", "#failed", "#received", "version")
    ends = ends_of_runs(record)
    rows = []
    for run in record.runs:
        received = run.counts.get("received", 0)
        rows.append(
            (
                _number(run.number),
                f'<td data-value="{run.began_at}">{moment(run.began_at)}</td>',
                _time(ends[run.number] - run.began_at),
                _text(ending_word(run, record)),
                _number(run.counts.get("saved", 0)),
                _number(run.counts.get("failed", 0)),
                _number(received, size(received)),
                _text(printable(run.version)),
            )
        )
    return _section("runs", "Runs", _table(heads, rows))


def retry_command(manifest: Path, folder: Path) -> str:
    """Return the shell command that retries the failed packages."""
    words = ("pixxel-async", "export", str(manifest), "--out", str(folder), "--retry-failed")
    return printable(shlex.join(words))


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


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
        ("running time", duration(running_s(record)), counted(totals.runs, "run")),
        ("transfers retried", f"{retried:,}", "packages"),
    ]


def _received(timelines: Sequence[Timeline]) -> int:
    return sum(timeline.received for timeline in timelines)


def _rate(record: ExportRecord, timelines: Sequence[Timeline]) -> str:
    ran_s = running_s(record)
    return f"{size(_received(timelines) / ran_s)}/s" if ran_s > 0 else ""
