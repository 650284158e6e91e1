"""A time axis for all runs, with long pauses between them shortened.

Rules:
    * The axis counts seconds from the start of the first run. Overlapping runs, such as two
      exports of one process, share their part of it.
    * A pause longer than `LONG_PAUSE_SHARE` of the total running time is shortened to `GAP_SHARE`
      of the running time. Shorter pauses are to scale.
    * Times before or after the axis map to its start or end.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from ..journal.models import ExportRecord
from .timeline import ends_of_runs

LONG_PAUSE_SHARE = 0.05
GAP_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class RunMark:
    """The start of a run on the axis.

    Attributes:
        run: The number of the run.
        began_at: Its start, in seconds since 1970.
        x: Its start on the axis, in seconds.
        pause_s: The length of the pause before it, in seconds.
        cut_from: The start of the pause on the axis if it was shortened, or None.
    """

    run: int
    began_at: float
    x: float
    pause_s: float
    cut_from: float | None


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """A piecewise linear axis; `x_of` maps times to it.

    Attributes:
        times: The breakpoints, in seconds since 1970, ascending.
        xs: The position of each breakpoint, in seconds on the axis, ascending.
        marks: The runs, in the order of their starts.
    """

    times: tuple[float, ...]
    xs: tuple[float, ...]
    marks: tuple[RunMark, ...]

    @property
    def length_s(self) -> float:
        """The length of the axis, in seconds; zero without runs."""
        return self.xs[-1] if self.xs else 0.0

    def x_of(self, at: float) -> float:
        """Return the position, in seconds, of a time in seconds since 1970."""
        right = bisect_right(self.times, at)
        if right == 0:
            return 0.0
        if right == len(self.times):
            return self.length_s
        began, ended = self.times[right - 1], self.times[right]
        share = (at - began) / (ended - began)
        return self.xs[right - 1] + share * (self.xs[right] - self.xs[right - 1])


def axis_of(record: ExportRecord) -> TimeAxis:
    """Return the axis of an export."""
    intervals = _intervals(record)
    if not intervals:
        return TimeAxis((), (), ())
    running_s = sum(ended - began for began, ended in intervals)
    gap_s = GAP_SHARE * running_s
    times, xs, cuts = [intervals[0][0]], [0.0], {}
    for number, (began, ended) in enumerate(intervals):
        if number:
            pause_s = began - times[-1]
            is_long = pause_s > LONG_PAUSE_SHARE * running_s and gap_s < pause_s
            cuts[began] = (pause_s, xs[-1] if is_long else None)
            xs.append(xs[-1] + (gap_s if is_long else pause_s))
            times.append(began)
        if ended > began:
            xs.append(xs[-1] + ended - began)
            times.append(ended)
    unmarked = TimeAxis(tuple(times), tuple(xs), ())
    marks = []
    for run, began_at in sorted(_starts(record).items(), key=lambda pair: pair[::-1]):
        pause_s, cut_from = cuts.get(began_at, (0.0, None))
        marks.append(RunMark(run, began_at, unmarked.x_of(began_at), pause_s, cut_from))
    return TimeAxis(unmarked.times, unmarked.xs, tuple(marks))


def _starts(record: ExportRecord) -> dict[int, float]:
    starts = {run.number: run.began_at for run in record.runs}
    for step in record.steps:
        starts[step.run] = min(step.at, starts.get(step.run, step.at))
    return starts


def _intervals(record: ExportRecord) -> list[tuple[float, float]]:
    """Return the intervals in which anything ran, merged where they overlap or touch."""
    ends = ends_of_runs(record)
    merged: list[tuple[float, float]] = []
    for began, ended in sorted((at, ends[run]) for run, at in _starts(record).items()):
        if merged and began <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], ended)
        else:
            merged.append((began, ended))
    return merged


def running_s(record: ExportRecord) -> float:
    """Return the total running time in seconds, without pauses."""
    return sum(ended - began for began, ended in _intervals(record))
