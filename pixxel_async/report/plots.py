"""The plots of a report, as plotly figures in JSON.

Rules:
    * All plots share the time axis and the margins, so that the same x means the same time.
    * The colours are those of Okabe and Ito, which colour-blind people can distinguish and which
      are legible on light and dark backgrounds. Everything else is transparent or coloured by the
      page.
    * plotly reads text as HTML: external text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

from ..journal.models import Activity, ExportRecord
from ..sansio.layout import short
from ..sansio.moments import time_of_day
from ..sansio.units import HOUR_S, MINUTE_S, duration, size
from .state_counts import StateGroup, state_counts_of
from .throughput import arrivals_of, bytes_by_bin
from .time_axis import RunMark, TimeAxis
from .timeline import ACTIVITIES, Span, Timeline

Figure: TypeAlias = dict[str, Any]

COLOURS = {
    StateGroup.QUEUED: "rgba(128,128,128,0.28)",
    StateGroup.PACKAGING: "#56B4E9",
    StateGroup.READY: "#E69F00",
    StateGroup.TRANSFERRING: "#0072B2",
    StateGroup.RETRYING: "#CC79A7",
    StateGroup.SAVED: "#009E73",
    StateGroup.FAILED: "#D55E00",
}
WORDS = {group: group.value for group in StateGroup} | {
    StateGroup.READY: "waiting for a slot",
    StateGroup.RETRYING: "retrying",
}
FAINT = "rgba(128,128,128,0.25)"
GAP_FILL = "rgba(128,128,128,0.18)"
MARK_LINE = "rgba(128,128,128,0.9)"

POINTS = 300
"""The number of bins of the state and throughput plots."""

PLOT_HEIGHT_PX = 320
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 150, 16, 56, 44
LABEL_PX = 20
"""Space between a plot and its legend, for the labels of runs."""
LEGEND_PX = 30
NAMED_ROWS = 60
"""A timeline names the packages up to this number."""
NAME_CHARS = 22
NAME_PX = 10
LABEL_SHARE = 0.14
"""The share of the axis that a run's label takes; closer runs get no label."""

_ROW_PX = ((12, 26), (30, 18), (NAMED_ROWS, 13), (150, 6), (300, 4), (600, 2))
_SMALLEST_ROW_PX = 1.5
_GAPLESS_PX = 4
_UNITS = ((3 * MINUTE_S, 1, "seconds"), (3 * HOUR_S, MINUTE_S, "minutes"))


_TICKS: Figure = {
    "gridcolor": FAINT,
    "zeroline": False,
    "ticks": "outside",
    "ticklen": 6,
    "tickcolor": FAINT,
}
"""The tick marks also separate the numbers of both axes in the corner."""


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

    def x(self, at: float) -> float:
        """Return the plot position of a time in seconds since 1970."""
        return self.shown(self.axis.x_of(at))

    def shown(self, axis_s: float) -> float:
        """Return the plot position of a position on the axis, in seconds."""
        return round(axis_s / self.unit_s, 5)


def scale_of(axis: TimeAxis) -> Scale:
    """Return the scale with the best unit for an axis."""
    for below_s, unit_s, unit in _UNITS:
        if axis.length_s < below_s:
            return Scale(axis, unit_s, unit)
    return Scale(axis, HOUR_S, "hours")


def timeline(timelines: Sequence[Timeline], scale: Scale) -> Figure:
    """Return the plot with one row per package, the first one on top."""
    row_px = next((px for most, px in _ROW_PX if len(timelines) <= most), _SMALLEST_ROW_PX)
    places: dict[Activity, list[tuple[int, Span, str]]] = {doing: [] for doing in ACTIVITIES}
    for number, timeline in enumerate(timelines, 1):
        name = escape(short(timeline.row.name), quote=False)
        for span in timeline.spans:
            places[span.doing].append((number, span, name))
    thickness = 1.0 if row_px <= _GAPLESS_PX else 0.8
    data = [_bars(doing, bars, scale, thickness) for doing, bars in places.items()]
    data.append(_crosses(timelines, scale, row_px))
    layout = _layout(scale, height=round(len(timelines) * row_px) + TOP_PX + BOTTOM_PX)
    layout["barmode"] = "overlay"
    layout["bargap"] = 0
    layout["yaxis"] |= {
        "range": [len(timelines) + 0.5, 0.5],
        "showgrid": False,
        "rangemode": "normal",
    }
    if len(timelines) <= NAMED_ROWS:
        layout["yaxis"] |= {
            "tickfont": {"size": NAME_PX},
            "tickvals": list(range(1, len(timelines) + 1)),
            "ticktext": [
                escape(short(timeline.row.name, NAME_CHARS), quote=False) for timeline in timelines
            ],
        }
    else:
        layout["yaxis"]["title"] = {"text": "packages, in the order of their requests"}
    return {"data": data, "layout": layout}


def state_counts(record: ExportRecord, scale: Scale) -> Figure:
    """Return the plot of the number of packages in each state; it counts all packages."""
    width = scale.axis.length_s / POINTS
    counted = state_counts_of(record, scale.axis.x_of, points=POINTS, width=width)
    xs = [scale.shown(number * width) for number in range(POINTS + 1)]
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "stackgroup": "packages",
            "name": WORDS[group],
            "x": xs,
            "y": [*counts, counts[-1]],
            "line": {"width": 0, "shape": "hv", "color": COLOURS[group]},
            "fillcolor": COLOURS[group],
            "hovertemplate": f"%{{y}} {WORDS[group]}<extra></extra>",
        }
        for group, counts in counted.items()
        if any(counts)
    ]
    layout = _layout(scale, height=PLOT_HEIGHT_PX)
    layout["hovermode"] = "x unified"
    layout["yaxis"] |= {"title": {"text": "packages"}, "rangemode": "tozero"}
    return {"data": data, "layout": layout}


def throughput(record: ExportRecord, scale: Scale) -> Figure:
    """Return the plot of the throughput; it counts all packages."""
    width = scale.axis.length_s / POINTS
    received = bytes_by_bin(arrivals_of(record), scale.axis.x_of, bins=POINTS, width=width)
    rates = [count / width for count in received]
    factor, unit = _rate_unit(max(rates))
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "received",
            "x": [scale.shown(number * width) for number in range(POINTS + 1)],
            "y": [round(rate / factor, 4) for rate in [*rates, rates[-1]]],
            "line": {"width": 1.5, "shape": "hv", "color": COLOURS[StateGroup.TRANSFERRING]},
            "fill": "tozeroy",
            "fillcolor": "rgba(0,114,178,0.35)",
            "hovertemplate": f"%{{y:.3~f}} {unit}<extra></extra>",
        }
    ]
    layout = _layout(scale, height=PLOT_HEIGHT_PX)
    layout["showlegend"] = False
    layout["height"] -= LEGEND_PX
    layout["margin"]["t"] -= LEGEND_PX
    layout["hovermode"] = "x unified"
    layout["yaxis"] |= {"title": {"text": unit}, "rangemode": "tozero"}
    return {"data": data, "layout": layout}


def _bars(
    doing: Activity, bars: Sequence[tuple[int, Span, str]], scale: Scale, thickness: float
) -> Figure:
    group = StateGroup(doing.value)
    begins = [scale.x(span.begins_at) for _, span, _ in bars]
    return {
        "type": "bar",
        "orientation": "h",
        "name": WORDS[group],
        "y": [number for number, _, _ in bars],
        "base": begins,
        "x": [
            round(scale.x(span.ends_at) - begin, 5)
            for begin, (_, span, _) in zip(begins, bars, strict=True)
        ],
        "width": thickness,
        "marker": {"color": COLOURS[group], "line": {"width": 0}},
        "customdata": [
            f"{name}<br>{WORDS[group]} {duration(span.lasts_s)}, from {time_of_day(span.begins_at)}"
            for _, span, name in bars
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _crosses(timelines: Sequence[Timeline], scale: Scale, row_px: float) -> Figure:
    ended = [
        (number, timeline)
        for number, timeline in enumerate(timelines, 1)
        if timeline.row.state.value == StateGroup.FAILED.value and timeline.ended_at is not None
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": WORDS[StateGroup.FAILED],
        "cliponaxis": False,
        "x": [scale.x(timeline.ended_at or 0.0) for _, timeline in ended],
        "y": [number for number, _ in ended],
        "marker": {
            "symbol": "x",
            "size": max(8, min(10, row_px)),
            "color": COLOURS[StateGroup.FAILED],
            "line": {"width": 0},
        },
        "customdata": [
            f"{escape(short(timeline.row.name), quote=False)}<br>failed: "
            f"{escape(short(timeline.row.error), quote=False)}"
            for _, timeline in ended
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _layout(scale: Scale, *, height: int) -> Figure:
    shown = list(_shown_marks(scale))
    return {
        "height": height,
        "margin": {"l": LEFT_PX, "r": RIGHT_PX, "t": TOP_PX, "b": BOTTOM_PX},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "dragmode": "zoom",
        "xaxis": {
            "title": {"text": f"{scale.unit} since the export began", "standoff": 6},
            "range": [0, scale.shown(scale.axis.length_s)],
            **_TICKS,
        },
        "yaxis": dict(_TICKS),
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1 + LABEL_PX / (height - TOP_PX - BOTTOM_PX),
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        "shapes": [*_lines(scale), *_gaps(scale)],
        "annotations": [_label(mark, scale) for mark in shown],
    }


def _lines(scale: Scale) -> Iterator[Figure]:
    for mark in scale.axis.marks[1:]:
        x = scale.shown(mark.x)
        yield {
            "type": "line",
            "x0": x,
            "x1": x,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"width": 1, "dash": "dot", "color": MARK_LINE},
        }


def _gaps(scale: Scale) -> Iterator[Figure]:
    for mark in scale.axis.marks:
        if mark.cut_from is not None:
            yield {
                "type": "rect",
                "x0": scale.shown(mark.cut_from),
                "x1": scale.shown(mark.x),
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"width": 0},
                "fillcolor": GAP_FILL,
            }


def _shown_marks(scale: Scale) -> Iterator[RunMark]:
    """Yield the runs whose labels do not overlap."""
    free_from = 0.0
    length_s = scale.axis.length_s
    for mark in scale.axis.marks[1:]:
        if mark.x >= free_from and mark.x <= length_s * (1 - LABEL_SHARE):
            free_from = mark.x + LABEL_SHARE * length_s
            yield mark


def _label(mark: RunMark, scale: Scale) -> Figure:
    pause = f", after {duration(mark.pause_s)}" if mark.pause_s else ""
    return {
        "text": f"run {mark.run}{pause}",
        "x": scale.shown(mark.x),
        "xanchor": "left",
        "yref": "paper",
        "y": 1,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 11},
    }


def _rate_unit(highest: float) -> tuple[float, str]:
    """Return the best unit for a rate, in bytes per second, and its name."""
    unit = size(highest).rsplit(" ", 1)[1]
    factors = {"byte": 1.0, "bytes": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}
    return factors[unit], f"{unit}/s"
