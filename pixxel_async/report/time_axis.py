"""One axis of time for all runs, with long pauses between them cut short.

Rules:
    * The axis counts seconds from the beginning of the first run. Runs that overlap, as two
      exports of one process may, share their stretch of it.
    * A pause between runs that is longer than `LONG_PAUSE_SHARE` of all running time is cut: it
      takes `GAP_SHARE` of the running time, however long it was. Shorter ones are to scale.
    * What lies before the axis is at its beginning, and what lies after it at its end.
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
    """Where a run begins on the axis.

    Attributes:
        run: Its number.
        began_at: In seconds since 1970.
        x: On the axis, in seconds.
        pause_s: How long nothing had run before it, in seconds.
        cut_from: Where the pause before it begins on the axis, if it was cut, or None.
    """

    run: int
    began_at: float
    x: float
    pause_s: float
    cut_from: float | None


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """An axis; `x_of` leads to it.

    Attributes:
        times: Corners of the axis, in seconds since 1970, rising.
        xs: Where each corner is, in seconds on the axis, rising.
        marks: The runs, by their beginning.
    """

    times: tuple[float, ...]
    xs: tuple[float, ...]
    marks: tuple[RunMark, ...]

    @property
    def length_s(self) -> float:
        """Where the axis ends, in seconds; zero if nothing has run."""
        return self.xs[-1] if self.xs else 0.0

    def x_of(self, at: float) -> float:
        """Return where a time is on the axis, in seconds.

        Args:
            at: In seconds since 1970.
        """
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
    stretches = _stretches(record)
    if not stretches:
        return TimeAxis((), (), ())
    running_s = sum(ended - began for began, ended in stretches)
    gap_s = GAP_SHARE * running_s
    times, xs, cuts = [stretches[0][0]], [0.0], {}
    for number, (began, ended) in enumerate(stretches):
        if number:
            pause_s = began - times[-1]
            is_long = pause_s > LONG_PAUSE_SHARE * running_s and gap_s < pause_s
            cuts[began] = (pause_s, xs[-1] if is_long else None)
            xs.append(xs[-1] + (gap_s if is_long else pause_s))
            times.append(began)
        if ended > began:
            xs.append(xs[-1] + ended - began)
            times.append(ended)
    bare = TimeAxis(tuple(times), tuple(xs), ())
    marks = []
    for run, began_at in sorted(_beginnings(record).items(), key=lambda pair: pair[::-1]):
        pause_s, cut_from = cuts.get(began_at, (0.0, None))
        marks.append(RunMark(run, began_at, bare.x_of(began_at), pause_s, cut_from))
    return TimeAxis(bare.times, bare.xs, tuple(marks))


def _beginnings(record: ExportRecord) -> dict[int, float]:
    beginnings = {run.number: run.began_at for run in record.runs}
    for step in record.steps:
        beginnings[step.run] = min(step.at, beginnings.get(step.run, step.at))
    return beginnings


def _stretches(record: ExportRecord) -> list[tuple[float, float]]:
    """Return when something ran, as times that neither overlap nor touch."""
    ends = ends_of_runs(record)
    merged: list[tuple[float, float]] = []
    for began, ended in sorted((at, ends[run]) for run, at in _beginnings(record).items()):
        if merged and began <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], ended)
        else:
            merged.append((began, ended))
    return merged


def running_s(record: ExportRecord) -> float:
    """Return for how long anything ran, in seconds, pauses left out."""
    return sum(ended - began for began, ended in _stretches(record))
