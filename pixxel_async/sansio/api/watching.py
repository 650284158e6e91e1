"""Which records are new when a list is read again and again, and when to read which list.

Rules:
    * A record is finished when its status is one of the wanted words, compared as `word` does. The
      service documents none for insights and jobs, so every word of a successful end counts. An
      image in the catalog is always finished.
    * Each finished record is new once. What is remembered are the ids of the last two complete
      lists: a record that one list leaves out is not new again, and memory does not grow.
    * `since` concerns only what is finished when a list is first read to its end: it is new if it
      finished then or later. Jobs have that time; of an insight or an image the service tells only
      when it was created. A record without a time is new.
    * A list that breaks off in the middle counts as far as it came; nothing is forgotten.
    * Each list is read once at the start, and then once an interval, evenly within it. A reader who
      is late by a whole interval or more reads each list once, not once for each that was missed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from ...records import Job, Record
from .package_calls import FAILED_WORDS, GONE_WORDS, WORKING_WORDS
from .record_filter import status_of, word

R = TypeVar("R", bound=Record)

FINISHED = frozenset({"completed", "complete", "success", "succeeded", "finished", "done", "ready"})
"""Words of a successful end."""

MOST_UNKNOWN = 20

_KNOWN = (
    FINISHED
    | FAILED_WORDS
    | GONE_WORDS
    | WORKING_WORDS
    | {"", "inprogress", "started", "starting", "creating", "updating", "submitted", "scheduled"}
    | {"waiting", "paused", "stopped", "aborted", "terminated", "rejected", "timeout", "draft"}
)


@dataclass(slots=True)
class SeenRecords:
    """What was seen of one list.

    Attributes:
        statuses: Words of a finished record, as `word` returns them; empty means any.
        since: Records that finished earlier are not new, or None.
        unknown: Statuses that are neither wanted nor known to mean anything else; the first
            `MOST_UNKNOWN` of them.
    """

    statuses: frozenset[str] = FINISHED
    since: datetime | None = None
    unknown: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)
    _listed: set[str] = field(default_factory=set)
    _is_first: bool = True

    def take(self, records: Iterable[R], *, is_complete: bool = True) -> list[R]:
        """Return the records that are new, in the order of the list.

        Args:
            records: What was listed.
            is_complete: Whether that is all of the list.
        """
        new, listed = [], set()
        for record in records:
            listed.add(record.id)
            if record.id not in self._done and self._is_finished(record):
                self._done.add(record.id)
                if not self._is_old(record):
                    new.append(record)
        if is_complete:
            self._done &= listed | self._listed
            self._listed, self._is_first = listed, False
        return new

    def forget(self, record_id: str) -> None:
        """Make a record new again when it is listed next."""
        self._done.discard(record_id)

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return len(self._done | self._listed)

    def _is_finished(self, record: Record) -> bool:
        status = word(status_of(record))
        if not self.statuses or status in self.statuses:
            return True
        if len(self.unknown) < MOST_UNKNOWN and status not in _KNOWN:
            self.unknown.add(status)
        return False

    def _is_old(self, record: Record) -> bool:
        if not self._is_first or self.since is None:
            return False
        finished_at = _finished_at(record)
        return finished_at is not None and finished_at < self.since


@dataclass(slots=True)
class WatchSchedule:
    """When to read which of `count` lists; times are seconds of one monotonic clock."""

    count: int
    every_s: float
    began: float
    _reads: int = 0

    @property
    def index(self) -> int:
        """The list to read next."""
        return self._reads % self.count

    @property
    def rounds(self) -> int:
        """How often every list has been read."""
        return self._reads // self.count

    @property
    def due(self) -> float:
        """When to read it."""
        later = self._reads - self.count  # the first round is at once
        return self.began if later < 0 else self.began + self.every_s * (later + 1) / self.count

    def was_read(self, now: float) -> None:
        """Go on to the next list."""
        self._reads += 1
        missed = math.floor((now - self.due) / self.every_s)
        if missed > 0 and self.rounds:
            self.began += missed * self.every_s


def aware(moment: datetime) -> datetime:
    """Return a moment with a zone; one without is in UTC, as elsewhere."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _finished_at(record: Record) -> datetime | None:
    if isinstance(record, Job):
        return record.finished_at or record.updated_at or record.created_at
    return record.created_at
