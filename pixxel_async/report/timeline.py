"""What became of each package, and where its time went.

Rules:
    * The time of a package is what it took from being asked for to its end: packaging, waiting
      for a slot, transferring and retrying, over all runs. Being queued and pauses between runs
      are not its own doing, and do not count.
    * The slowest are those with the most of that time.
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
"""What a package may be doing, in the order in which it does it."""


def tidy(record: ExportRecord) -> ExportRecord:
    """Return a record without the steps that were only planned."""
    ends = ends_of_runs(record)
    over: set[tuple[int, str]] = set()
    kept = []
    for step in record.steps:
        who = step.run, step.key
        if who not in over and step.at <= ends[step.run]:
            kept.append(step)
            if step.doing in ENDS:
                over.add(who)
    return replace(record, steps=tuple(kept))


def ends_of_runs(record: ExportRecord) -> Mapping[int, float]:
    """Return when each run ended or was last heard of, in seconds since 1970, by its number."""
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
    """A package did one thing for a while.

    Attributes:
        key: The key of the download.
        run: The number of the run.
        doing: What it did; never an end.
        begins_at: In seconds since 1970.
        ends_at: Likewise; later than `begins_at`.
    """

    key: str
    run: int
    doing: Activity
    begins_at: float
    ends_at: float

    @property
    def lasts_s(self) -> float:
        """How long, in seconds."""
        return self.ends_at - self.begins_at


def spans_of(record: ExportRecord) -> list[Span]:
    """Return the spans of all packages, by their beginning.

    Args:
        record: A tidy one.
    """
    ends = ends_of_runs(record)
    lasting: dict[tuple[int, str], Step] = {}
    spans: list[Span] = []
    for step in record.steps:
        before = lasting.get((step.run, step.key))
        if before is not None:
            if before.doing is step.doing:
                continue
            _add(spans, before, step.at)
        lasting[step.run, step.key] = step
    for step in lasting.values():
        _add(spans, step, ends[step.run])
    return sorted(spans, key=lambda span: span.begins_at)


def _add(spans: list[Span], step: Step, ends_at: float) -> None:
    if step.doing not in ENDS and ends_at > step.at:
        spans.append(Span(step.key, step.run, step.doing, step.at, ends_at))


SAVED_STATES = frozenset({State.SAVED, State.SKIPPED})
SHOWN_SLOWEST = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What became of one package.

    Attributes:
        row: What the journal remembers of it.
        spans: What it did, in all runs.
        received: Bytes that came of it, repeated ones included, as far as its steps tell.
        runs: How many runs dealt with it.
        ended_at: When it was saved or given up last, in seconds since 1970, or None.
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
        """How long it did what, in seconds; what it never did is zero."""
        sums = dict.fromkeys(ACTIVITIES, 0.0)
        for span in self.spans:
            sums[span.doing] += span.lasts_s
        return sums

    @property
    def took_s(self) -> float:
        """Its time, in seconds."""
        return sum(span.lasts_s for span in self.spans if span.doing is not Activity.QUEUED)

    @property
    def begins_at(self) -> float | None:
        """When it was first asked for, or first queued if it never was, in seconds since 1970."""
        asked = [span.begins_at for span in self.spans if span.doing is not Activity.QUEUED]
        return min(asked or [span.begins_at for span in self.spans], default=None)


@dataclass(frozen=True, slots=True)
class Share:
    """How the packages spent their time on one thing.

    Attributes:
        doing: The thing.
        packages: How many did it.
        sum_s: Seconds, summed over these.
        median_s: The median over these.
        most_s: The longest.
    """

    doing: Activity
    packages: int
    sum_s: float
    median_s: float
    most_s: float


def timelines_of(record: ExportRecord) -> list[Timeline]:
    """Return the story of each package, in the order in which they were asked for.

    Args:
        record: A tidy one.
    """
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
    return sorted(timelines, key=_place)


def _place(timeline: Timeline) -> tuple[float, str]:
    return math.inf if timeline.begins_at is None else timeline.begins_at, timeline.row.key


def slowest(timelines: Iterable[Timeline], count: int = SHOWN_SLOWEST) -> list[Timeline]:
    """Return the packages that took longest, the longest first."""
    timed = [timeline for timeline in timelines if timeline.took_s > 0]
    return nlargest(count, timed, key=lambda timeline: timeline.took_s)


def failed(timelines: Iterable[Timeline]) -> list[Timeline]:
    """Return the packages that were given up."""
    return [timeline for timeline in timelines if timeline.row.state is State.FAILED]


def shares(timelines: Sequence[Timeline]) -> list[Share]:
    """Return where the time of all packages went."""
    found = []
    by_doing = [timeline.seconds_by_doing for timeline in timelines]
    for doing in ACTIVITIES:
        times = [seconds[doing] for seconds in by_doing if seconds[doing] > 0]
        if times:
            found.append(Share(doing, len(times), sum(times), median(times), max(times)))
    return found
