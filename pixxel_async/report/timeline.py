"""The timeline of each package: its spans, its result and where its time went.

Rules:
    * The time of a package is the sum of packaging, waiting for a slot, transferring and retrying,
      over all runs. Time in the queue and pauses between runs do not count.
    * The slowest packages are those with the most of this time.
    * SAVED, SKIPPED and FAILED are final for their run: later steps of the package in that run
      were planned and never happened. `tidy` removes them.
    * The TRANSFERRING after a RETRYING is recorded in advance, so it does not show that the run
      was still alive then.
    * A run that ended, ended at `seen_at`. A run that was killed or still runs was last active at
      `seen_at` or at its last step, whichever is later; steps planned for later never happened.
    * A step lasts until the package's next step in the same run, or until the end of the run.
      Consecutive steps of the same activity, as during a transfer, form one span; spans without
      length are dropped.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from statistics import median
from typing import Any

from ..journal.models import Activity, ExportRecord, PackageRow, Step
from ..sansio.package_state import State
from .throughput import arrivals_of

ENDS = frozenset({Activity.SAVED, Activity.SKIPPED, Activity.FAILED})
ACTIVITIES = tuple(doing for doing in Activity if doing not in ENDS)
"""The activities that take time, in their usual order."""


def tidy(record: ExportRecord) -> ExportRecord:
    """Return a record without steps that never happened."""
    ends = ends_of_runs(record)
    ended: set[tuple[int, str]] = set()
    kept = []
    for step in record.steps:
        run_key = step.run, step.key
        if run_key not in ended and step.at <= ends[step.run]:
            kept.append(step)
            if step.doing in ENDS:
                ended.add(run_key)
    return replace(record, steps=tuple(kept))


def ends_of_runs(record: ExportRecord) -> Mapping[int, float]:
    """Return the end or last activity of each run by its number, in seconds since 1970."""
    ends = {run.number: max(run.began_at, run.seen_at) for run in record.runs}
    is_exact = {run.number for run in record.runs if run.ending is not None}
    last: dict[tuple[int, str], Step] = {}
    for step in record.steps:
        before = last.get((step.run, step.key))
        if before is not None and before.doing in ENDS:
            continue
        last[step.run, step.key] = step
        is_planned = (
            step.doing is Activity.TRANSFERRING
            and before is not None
            and before.doing is Activity.RETRYING
        )
        if step.run not in is_exact and not is_planned:
            ends[step.run] = max(step.at, ends.get(step.run, step.at))
    return ends


@dataclass(frozen=True, slots=True)
class Span:
    """One activity of a package over an interval.

    Attributes:
        key: The key of the download.
        run: The number of the run.
        doing: The activity; never a final one.
        begins_at: Seconds since 1970.
        ends_at: Seconds since 1970; later than `begins_at`.
    """

    key: str
    run: int
    doing: Activity
    begins_at: float
    ends_at: float

    @property
    def lasts_s(self) -> float:
        """The duration in seconds."""
        return self.ends_at - self.begins_at


def spans_of(record: ExportRecord) -> list[Span]:
    """Return the spans of all packages in the order of their starts, from a tidy record."""
    ends = ends_of_runs(record)
    current: dict[tuple[int, str], Step] = {}
    spans: list[Span] = []
    for step in record.steps:
        before = current.get((step.run, step.key))
        if before is not None:
            if before.doing is step.doing:
                continue
            _add(spans, before, step.at)
        current[step.run, step.key] = step
    for step in current.values():
        _add(spans, step, ends[step.run])
    return sorted(spans, key=lambda span: span.begins_at)


def _add(spans: list[Span], step: Step, ends_at: float) -> None:
    if step.doing not in ENDS and ends_at > step.at:
        spans.append(Span(step.key, step.run, step.doing, step.at, ends_at))


SAVED_STATES = frozenset({State.SAVED, State.SKIPPED})
SHOWN_SLOWEST = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The history of one package.

    Attributes:
        row: Its row in the journal.
        spans: Its activities, in all runs.
        received: Bytes received, including repeated ones, as far as its steps record.
        runs: The number of runs that handled it.
        ended_at: When it was last saved or failed, in seconds since 1970, or None.
    """

    row: PackageRow
    spans: tuple[Span, ...]
    received: int
    runs: int
    ended_at: float | None

    @property
    def download(self) -> Mapping[str, Any]:
        """The manifest row."""
        loaded: dict[str, Any] = json.loads(self.row.target)
        return loaded

    @property
    def seconds_by_doing(self) -> Mapping[Activity, float]:
        """The seconds spent on each activity; zero for those that never happened."""
        sums = dict.fromkeys(ACTIVITIES, 0.0)
        for span in self.spans:
            sums[span.doing] += span.lasts_s
        return sums

    @property
    def took_s(self) -> float:
        """The time of the package, in seconds."""
        return sum(span.lasts_s for span in self.spans if span.doing is not Activity.QUEUED)

    @property
    def begins_at(self) -> float | None:
        """When it was first requested, or else first queued, in seconds since 1970."""
        requested = [span.begins_at for span in self.spans if span.doing is not Activity.QUEUED]
        return min(requested or [span.begins_at for span in self.spans], default=None)


@dataclass(frozen=True, slots=True)
class Share:
    """The time that all packages spent on one activity.

    Attributes:
        doing: The activity.
        packages: The number of packages with this activity.
        sum_s: The sum over these packages, in seconds.
        median_s: The median, in seconds.
        most_s: The maximum, in seconds.
    """

    doing: Activity
    packages: int
    sum_s: float
    median_s: float
    most_s: float


def timelines_of(record: ExportRecord) -> list[Timeline]:
    """Return the timeline of each package in the order of requests, from a tidy record."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for span in spans_of(record):
        spans[span.key].append(span)
    received: dict[str, int] = defaultdict(int)
    for arrival in arrivals_of(record):
        received[arrival.key] += arrival.bytes
    runs: dict[str, set[int]] = defaultdict(set)
    ends: dict[str, float] = {}
    for step in record.steps:
        runs[step.key].add(step.run)
        if step.doing in {Activity.SAVED, Activity.FAILED}:
            ends[step.key] = step.at
    timelines = [
        Timeline(
            row=row,
            spans=tuple(spans.get(row.key, ())),
            received=received.get(row.key, 0),
            runs=len(runs.get(row.key, ())),
            ended_at=ends.get(row.key),
        )
        for row in record.rows
    ]
    return sorted(timelines, key=_request_order)


def _request_order(timeline: Timeline) -> tuple[float, str]:
    return math.inf if timeline.begins_at is None else timeline.begins_at, timeline.row.key


def slowest(timelines: Iterable[Timeline], count: int = SHOWN_SLOWEST) -> list[Timeline]:
    """Return the packages that took longest, slowest first."""
    timed = [timeline for timeline in timelines if timeline.took_s > 0]
    return nlargest(count, timed, key=lambda timeline: timeline.took_s)


def failed(timelines: Iterable[Timeline]) -> list[Timeline]:
    """Return the failed packages."""
    return [timeline for timeline in timelines if timeline.row.state is State.FAILED]


def shares(timelines: Sequence[Timeline]) -> list[Share]:
    """Return the time that all packages spent on each activity."""
    found = []
    by_doing = [timeline.seconds_by_doing for timeline in timelines]
    for doing in ACTIVITIES:
        times = [seconds[doing] for seconds in by_doing if seconds[doing] > 0]
        if times:
            found.append(Share(doing, len(times), sum(times), median(times), max(times)))
    return found
