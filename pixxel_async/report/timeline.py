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

from ..journal.models import Doing, ExportRecord, Row
from ..sansio.package_state import State
from .spans import Span, spans_of
from .steps import ACTIVITIES
from .throughput import arrivals_of

SAVED_STATES = frozenset({State.SAVED, State.SKIPPED})
SHOWN_SLOWEST = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What became of one package.

    Attributes:
        row: What the journal remembers of it.
        spans: What it did, in all runs.
        received: Bytes that came of it, repeated ones included, as far as its steps tell.
        runs: How many runs dealt with it.
        ended_at: When it was saved or given up last, in seconds since 1970, or None.
    """

    row: Row
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
    def seconds_by_doing(self) -> Mapping[Doing, float]:
        """How long it did what, in seconds; what it never did is zero."""
        sums = dict.fromkeys(ACTIVITIES, 0.0)
        for span in self.spans:
            sums[span.doing] += span.lasts_s
        return sums

    @property
    def took_s(self) -> float:
        """Its time, in seconds."""
        return sum(span.lasts_s for span in self.spans if span.doing is not Doing.QUEUED)

    @property
    def begins_at(self) -> float | None:
        """When it was first asked for, or first queued if it never was, in seconds since 1970."""
        asked = [span.begins_at for span in self.spans if span.doing is not Doing.QUEUED]
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

    doing: Doing
    packages: int
    sum_s: float
    median_s: float
    most_s: float


def stories_of(record: ExportRecord) -> list[Story]:
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
        if step.doing in {Doing.SAVED, Doing.FAILED}:
            ends[step.key] = step.at
    stories = [
        Story(
            row=row,
            spans=tuple(spans.get(row.key, ())),
            received=received.get(row.key, 0),
            runs=len(runs.get(row.key, ())),
            ended_at=ends.get(row.key),
        )
        for row in record.rows
    ]
    return sorted(stories, key=_place)


def _place(story: Story) -> tuple[float, str]:
    return math.inf if story.begins_at is None else story.begins_at, story.row.key


def slowest(stories: Iterable[Story], count: int = SHOWN_SLOWEST) -> list[Story]:
    """Return the packages that took longest, the longest first."""
    timed = [story for story in stories if story.took_s > 0]
    return nlargest(count, timed, key=lambda story: story.took_s)


def failed(stories: Iterable[Story]) -> list[Story]:
    """Return the packages that were given up."""
    return [story for story in stories if story.row.state is State.FAILED]


def shares(stories: Sequence[Story]) -> list[Share]:
    """Return where the time of all packages went."""
    found = []
    by_doing = [story.seconds_by_doing for story in stories]
    for doing in ACTIVITIES:
        times = [seconds[doing] for seconds in by_doing if seconds[doing] > 0]
        if times:
            found.append(Share(doing, len(times), sum(times), median(times), max(times)))
    return found
