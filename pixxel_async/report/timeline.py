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
from dataclasses import dataclass
from heapq import nlargest
from statistics import median
from typing import Any

from ..journal.models import Activity, ExportRecord, PackageRow
from ..sansio.package_state import State
from .spans import Span, spans_of
from .steps import ACTIVITIES
from .throughput import arrivals_of

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
