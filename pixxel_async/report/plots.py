"""The plots of a report, as SVG with labels in HTML.

Rules:
    * All plots share the time axis and the space beside it, so that the same x means the same time.
    * The SVG has shapes only, and stretches to the width of the page; text is HTML placed by
      percentages, so that it has one size on a phone, on a screen and on paper.
    * The colours are those of Okabe and Ito, which colour-blind people can distinguish and which
      are legible on light and dark backgrounds.
    * Counts have whole ticks.
    * External text is escaped where it is put into the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ..journal.models import ExportRecord
from ..sansio.layout import short
from ..sansio.moments import time_of_day
from ..sansio.package_state import State
from ..sansio.units import HOUR_S, MINUTE_S, duration, size
from .state_counts import StateGroup, state_counts_of
from .throughput import arrivals_of, bytes_by_bin
from .time_axis import RunMark, TimeAxis
from .timeline import ACTIVITIES, Timeline

COLOURS = {
    StateGroup.QUEUED: "#9AA0A6",
    StateGroup.PACKAGING: "#56B4E9",
    StateGroup.READY: "#E69F00",
    StateGroup.TRANSFERRING: "#0072B2",
    StateGroup.RETRYING: "#CC79A7",
    StateGroup.SAVED: "#009E73",
    StateGroup.FAILED: "#D55E00",
}
WORDS = {group: group.value for group in StateGroup} | {StateGroup.READY: "waiting for a slot"}

POINTS = 300
"""The number of bins of the state and throughput plots."""
WIDE = 1000
"""The width of a plot in units of its SVG."""
HIGH_PX = 220
X_TICKS = 6
Y_TICKS = 5
NAMED_ROWS = 60
"""A timeline names the packages up to this number."""
NAME_CHARS = 22
LABEL_SHARE = 0.2
"""The share of the axis that a run's label takes; closer runs get no label."""

_ROW_PX = ((12, 26), (30, 18), (NAMED_ROWS, 13), (150, 6), (300, 4), (600, 2))
_SMALLEST_ROW_PX = 1.5
_GAPLESS_PX = 4
_NEXT_TO_NOTHING = 1e-9
_UNITS = ((3 * MINUTE_S, 1, "seconds"), (3 * HOUR_S, MINUTE_S, "minutes"))
_RATES = {"byte": 1.0, "bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}


@dataclass(frozen=True, slots=True)
class Scale:
    """The time axis in the unit that plots show.

    Attributes:
        axis: The axis, in seconds.
        unit_s: The length of the unit, in seconds.
        unit: The name of the unit.
    """

    axis: TimeAxis
    unit_s: int
    unit: str

    def share(self, axis_s: float) -> float:
        """Return a position on the axis, in seconds, as a share of its length."""
        return axis_s / self.axis.length_s

    def x(self, at: float) -> float:
        """Return the place in the SVG of a time in seconds since 1970."""
        return WIDE * self.share(self.axis.x_of(at))


def scale_of(axis: TimeAxis) -> Scale:
    """Return the scale with the best unit for an axis."""
    for below_s, unit_s, unit in _UNITS:
        if axis.length_s < below_s:
            return Scale(axis, unit_s, unit)
    return Scale(axis, HOUR_S, "hours")


def ticks(highest: float, most: int, *, is_whole: bool = False) -> list[float]:
    """Return round values from zero up to `highest`, at most `most` of them beside zero.

    Args:
        highest: The upper end of an axis, not negative.
        most: How many there is room for.
        is_whole: Whether only whole numbers make sense.
    """
    if highest < _NEXT_TO_NOTHING:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(highest / (most + 1)))
    steps = (power * factor for factor in (1, 2, 5, 10, 20))
    step = next(step for step in steps if highest < step * (most + 1) * (1 - 1e-9))
    if is_whole:
        step = max(round(step), 1)
    return [number * step for number in range(math.floor(highest / step + 1e-9) + 1)]


def state_counts(record: ExportRecord, scale: Scale) -> str:
    """Return the plot of the number of packages in each state; it counts all packages."""
    width = scale.axis.length_s / POINTS
    counted = state_counts_of(record, scale.axis.x_of, points=POINTS, width=width)
    shown = {group: counts for group, counts in counted.items() if any(counts)}
    sums = [0] * POINTS
    areas = []
    for group, counts in shown.items():
        lower, sums = sums, [below + count for below, count in zip(sums, counts, strict=True)]
        areas.append((group, lower, sums))
    highest = max(sums, default=0) or 1
    shapes = [
        f'<path fill="{COLOURS[group]}" d="{_area(lower, upper, highest)}"/>'
        for group, lower, upper in areas
    ]
    y_ticks = [
        (value / highest, f"{value:,.0f}") for value in ticks(highest, Y_TICKS, is_whole=True)
    ]
    return _plot("occupancy", scale, shapes, y_ticks, unit="packages", groups=shown)


def throughput(record: ExportRecord, scale: Scale) -> str:
    """Return the plot of the throughput; it counts all packages."""
    width = scale.axis.length_s / POINTS
    received = bytes_by_bin(arrivals_of(record), scale.axis.x_of, bins=POINTS, width=width)
    rates = [count / width for count in received]
    highest = max(rates) or 1.0
    unit = size(highest).rsplit(" ", 1)[1]
    colour = COLOURS[StateGroup.TRANSFERRING]
    shapes = [f'<path fill="{colour}" d="{_area([0] * POINTS, rates, highest)}"/>']
    y_ticks = [
        (value * _RATES[unit] / highest, f"{value:g}")
        for value in ticks(highest / _RATES[unit], Y_TICKS)
    ]
    return _plot("throughput", scale, shapes, y_ticks, unit=f"{unit}/s")


def timeline(timelines: Sequence[Timeline], scale: Scale) -> str:
    """Return the plot with one row per package, the first one on top."""
    count = len(timelines)
    row_px = next((px for most, px in _ROW_PX if count <= most), _SMALLEST_ROW_PX)
    thickness = 1.0 if row_px <= _GAPLESS_PX else 0.8
    shapes = [_row(number, one, scale, thickness) for number, one in enumerate(timelines)]
    if count <= NAMED_ROWS:
        labels = [
            (1 - (number + 0.5) / count, escape(short(one.row.name, NAME_CHARS)))
            for number, one in enumerate(timelines)
        ]
    else:
        rows = [max(value, 1) for value in ticks(count, Y_TICKS, is_whole=True)]
        labels = [(1 - (value - 0.5) / count, f"{value:,.0f}") for value in rows]
    groups = [StateGroup(doing.value) for doing in ACTIVITIES]
    return _plot(
        "timeline",
        scale,
        shapes,
        labels,
        height_px=round(count * row_px),
        high=count,
        groups=[*groups, StateGroup.FAILED],
        has_grid=False,
        kind=" named" if count <= NAMED_ROWS else "",
    )


def _row(number: int, one: Timeline, scale: Scale, thickness: float) -> str:
    """Return the bars of a package, with what a pointer shows about it."""
    shares = [
        f"{WORDS[StateGroup(doing.value)]} {duration(seconds)}"
        for doing, seconds in one.seconds_by_doing.items()
        if seconds
    ]
    begins = "" if one.begins_at is None else f", from {time_of_day(one.begins_at)}"
    title = f"{short(one.row.name)}{begins}\n{', '.join(shares)}"
    y = number + (1 - thickness) / 2
    parts = []
    for span in one.spans:
        x = scale.x(span.begins_at)
        width = max(scale.x(span.ends_at) - x, 0.3)
        colour = COLOURS[StateGroup(span.doing.value)]
        parts.append(
            f'<path fill="{colour}" d="M{x:.1f} {y:g}h{width:.1f}v{thickness:g}h-{width:.1f}z"/>'
        )
    if one.row.state is State.FAILED and one.ended_at is not None:
        title += f"\nfailed: {short(one.row.error)}"
        parts.append(f'<path class="cross" d="M{scale.x(one.ended_at):.1f} {number}v1"/>')
    return f"<g><title>{escape(title)}</title>{''.join(parts)}</g>"


def _area(lower: Sequence[float], upper: Sequence[float], highest: float) -> str:
    """Return the path between two curves of steps."""
    step = WIDE / len(upper)
    there = _steps(upper, highest, step)
    back = _steps(lower, highest, step)
    edges = [f"{x:.1f} {y:.1f}" for x, y in there] + [f"{x:.1f} {y:.1f}" for x, y in reversed(back)]
    return f"M{'L'.join(edges)}z"


def _steps(values: Sequence[float], highest: float, step: float) -> list[tuple[float, float]]:
    """Return the corners of a curve of steps; a run of equal values has two."""
    points: list[tuple[float, float]] = []
    for number, value in enumerate(values):
        y = HIGH_PX * (1 - value / highest)
        if points and points[-1][1] == y:
            points[-1] = ((number + 1) * step, y)
        else:
            points += [(number * step, y), ((number + 1) * step, y)]
    return points


def _plot(  # noqa: PLR0913 - what the plots differ in
    name: str,
    scale: Scale,
    shapes: Iterable[str],
    y_ticks: Sequence[tuple[float, str]],
    *,
    unit: str = "",
    groups: Iterable[StateGroup] = (),
    height_px: int = HIGH_PX,
    high: float = HIGH_PX,
    has_grid: bool = True,
    kind: str = "",
) -> str:
    """Return a plot with its axes, its runs and its legend."""
    grid = "".join(
        f'<path class="grid" d="M0 {high * (1 - share):.1f}h{WIDE}"/>' for share, _ in y_ticks
    )
    legend = "".join(
        f'<span><i class="swatch" style="background:{COLOURS[group]}"></i>{WORDS[group]}</span>'
        for group in groups
    )
    head = f'<p class="legend">{legend}</p>' if legend else ""
    y_labels = "".join(
        f'<span class="ytick" style="bottom:{100 * share:.2f}%">{text}</span>'
        for share, text in y_ticks
    )
    unit_label = f'<span class="unit">{unit}</span>' if unit else ""
    return (
        f'<div class="plot{kind}" id="plot-{name}">{head}<div class="above">{unit_label}'
        f'<div class="marks">{"".join(_labels(scale))}</div></div>'
        f'<div class="area" style="height:{height_px}px">{y_labels}'
        f'<svg viewBox="0 0 {WIDE} {high:g}" preserveAspectRatio="none" aria-hidden="true">'
        f"{grid if has_grid else ''}{''.join(shapes)}{''.join(_runs(scale, high))}</svg></div>"
        f'<div class="xaxis">{"".join(_x_ticks(scale))}</div>'
        f'<p class="xtitle">{scale.unit} since the export began</p></div>'
    )


def _x_ticks(scale: Scale) -> Iterator[str]:
    for value in ticks(scale.axis.length_s / scale.unit_s, X_TICKS):
        share = scale.share(value * scale.unit_s)
        yield f'<span class="xtick" style="left:{100 * share:.2f}%">{value:g}</span>'


def _runs(scale: Scale, high: float) -> Iterator[str]:
    for mark in scale.axis.marks[1:]:
        x = WIDE * scale.share(mark.x)
        if mark.cut_from is not None:
            begins = WIDE * scale.share(mark.cut_from)
            yield f'<path class="gap" d="M{begins:.1f} 0H{x:.1f}V{high:g}H{begins:.1f}z"/>'
        yield f'<path class="run" d="M{x:.1f} 0v{high:g}"/>'


def _labels(scale: Scale) -> Iterator[str]:
    for mark in _shown_marks(scale):
        pause = f", after {duration(mark.pause_s)}" if mark.pause_s else ""
        left = 100 * scale.share(mark.x)
        yield f'<span class="mark" style="left:{left:.2f}%">run {mark.run}{pause}</span>'


def _shown_marks(scale: Scale) -> Iterator[RunMark]:
    """Yield the runs whose labels do not overlap."""
    free_from = 0.0
    length_s = scale.axis.length_s
    for mark in scale.axis.marks[1:]:
        if mark.x >= free_from and mark.x <= length_s * (1 - LABEL_SHARE):
            free_from = mark.x + LABEL_SHARE * length_s
            yield mark
