"""Writes into the journal what a run does, from its events.

Rules:
    * A package has a step for each change of what it does, and now and then one for its growth, so
      that a report can tell where the time went.
    * Nothing here is waited for: the journal takes it with the next commit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio

from .. import events
from .._version import __version__
from ..errors import SinkError
from ..journal.journal import Journal
from ..journal.models import Activity, Ending, Run, Step
from ..sansio.package_state import State
from .summary import Report

GROWTH_S = 1.0
"""A transfer has a step at most this often, in seconds."""

GROWTH_SHARE = 0.02
"""And at most this often, as a share of how long it has lasted: few steps for long transfers."""

HEARTBEAT_S = 5.0
"""A run in which nothing happens is noted this often, in seconds."""

_ACTIVITIES: dict[type[events.PackageEvent], Activity] = {
    events.Requested: Activity.PACKAGING,
    events.Polled: Activity.PACKAGING,
    events.Ready: Activity.READY,
    events.FetchStarted: Activity.TRANSFERRING,
    events.FetchProgress: Activity.TRANSFERRING,
    events.FetchInterrupted: Activity.RETRYING,
    events.Saved: Activity.SAVED,
    events.Failed: Activity.FAILED,
}


@dataclass(slots=True)
class _Current:
    """What a package does.

    Attributes:
        doing: The word, or None before there is one.
        since_s: Since when, in seconds since the run began.
        recorded_s: When it had its last step.
        size: Bytes of its file.
    """

    doing: Activity | None
    since_s: float
    recorded_s: float
    size: int = 0

    def has_grown_for(self, at_s: float) -> bool:
        """Tell whether it is time for a step about its growth; rarer, the longer it lasts."""
        return at_s - self.recorded_s >= max(GROWTH_S, GROWTH_SHARE * (at_s - self.since_s))


class EventRecorder:
    """The story of one run."""

    def __init__(self, journal: Journal, *, total: int | None) -> None:
        """Begin a run.

        Args:
            journal: Takes the story; it stays open until the run has ended.
            total: How many distinct downloads there are, or None while a stream is read.
        """
        self._journal = journal
        self._number = journal.new_run()
        self._total = total
        self._began_at = time.time()
        self._current: dict[str, _Current] = {}
        self._counted_at_s = float("-inf")
        self._counted: dict[str, int] | None = None

    def queued(self, key: str, at_s: float) -> None:
        """Note that a package waits for its turn; what is known of it stays.

        The step is written when it has its turn: a package that is skipped has none, or each rerun
        would make the journal grow by all that is saved.
        """
        self._current[key] = _Current(doing=Activity.QUEUED, since_s=at_s, recorded_s=at_s)

    def note(self, event: events.PackageEvent, state: State | None) -> None:
        """Note what an event says of a package, and where it stands by that."""
        doing = _ACTIVITIES.get(type(event))
        if doing is not None:
            current = self._current.setdefault(
                event.key, _Current(doing=None, since_s=event.at_s, recorded_s=event.at_s)
            )
            if current.doing is Activity.QUEUED:
                self._step(event.key, current, state=None)
            if isinstance(event, events.Failed):
                state = None  # its row says so, together with whether the next run takes it up
            if (size := _size(event)) is not None:
                current.size = size
            if current.doing is not doing:
                current.doing, current.since_s = doing, event.at_s
                self._step(event.key, current, state, at_s=event.at_s)
            elif isinstance(event, events.FetchProgress) and current.has_grown_for(event.at_s):
                self._step(event.key, current, state, at_s=event.at_s)
            if isinstance(event, events.FetchInterrupted):
                current.doing, current.since_s = Activity.TRANSFERRING, event.at_s + event.delay_s
                self._step(event.key, current, state, at_s=current.since_s)
        if isinstance(event, events.Settled):
            self._current.pop(event.key, None)

    async def run(self, report: Report, clock: Callable[[], float]) -> None:
        """Write from time to time, until cancelled; a disk that refuses is told by who puts.

        Args:
            report: The totals of this run, kept up to date by somebody else.
            clock: Seconds since the run began.
        """
        while True:
            self._count(report, clock(), None)
            with anyio.move_on_after(GROWTH_S):
                await self._journal.flush_regularly()

    async def end(self, report: Report, at_s: float, ending: Ending) -> None:
        """Note how the run ended, and return when that is on the disk, if it takes it."""
        self._counted = None
        self._count(report, at_s, ending)
        with suppress(SinkError):
            await self._journal.flush()

    def _step(
        self, key: str, current: _Current, state: State | None, *, at_s: float | None = None
    ) -> None:
        current.recorded_s = current.since_s if at_s is None else at_s
        if current.doing is not None:
            at = self._began_at + current.recorded_s
            step = Step(key=key, run=self._number, at=at, doing=current.doing, size=current.size)
            self._journal.step(step, state)

    def _count(self, report: Report, at_s: float, ending: Ending | None) -> None:
        counts = report.counts()
        if counts == self._counted and at_s - self._counted_at_s < HEARTBEAT_S:
            return
        self._counted, self._counted_at_s = counts, at_s
        self._journal.count(
            Run(
                number=self._number,
                pid=os.getpid(),
                version=__version__,
                began_at=self._began_at,
                seen_at=self._began_at + at_s,
                ending=ending,
                total=self._total,
                counts=counts,
            )
        )


def _size(event: events.PackageEvent) -> int | None:
    match event:
        case events.FetchStarted(offset=size) | events.FetchInterrupted(offset=size):
            return size
        case events.FetchProgress(bytes=size):
            return size
        case events.Saved(saved=saved):
            return saved.bytes
    return None
