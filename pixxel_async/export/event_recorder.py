"""Records the history of a run in the journal, from its events.

Rules:
    * A package gets a step for each change of activity, and occasional steps for the growth of its
      file, so that a report can show where the time went.
    * Nothing here waits for the disk: the next commit of the journal includes it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from .. import events
from .._version import __version__
from ..errors import SinkError
from ..journal.journal import Journal
from ..journal.models import MEDIAN_LEFT, P90_LEFT, Activity, Ending, Run, Step
from ..sansio.package_state import State
from .summary import Report

GROWTH_S = 1.0
"""Least time between two steps of a transfer, in seconds."""

GROWTH_SHARE = 0.02
"""The same as a share of the transfer's duration so far: long transfers get few steps."""

HEARTBEAT_S = 5.0
"""How often an idle run is recorded as alive, in seconds."""

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
    """The current activity of a package; times are in seconds since the run began.

    Attributes:
        doing: The activity, or None before the first.
        since_s: When the activity began.
        recorded_s: When the last step was recorded.
        size: Bytes of its file.
    """

    doing: Activity | None
    since_s: float
    recorded_s: float
    size: int = 0

    def has_grown_for(self, at_s: float) -> bool:
        """Whether a step about its growth is due."""
        return at_s - self.recorded_s >= max(GROWTH_S, GROWTH_SHARE * (at_s - self.since_s))


class EventRecorder:
    """Records the history of one run."""

    def __init__(self, journal: Journal, *, total: int | None) -> None:
        """Start a run of `total` distinct downloads, or None for a stream of unknown length."""
        self._journal = journal
        self._number = journal.new_run()
        self._total = total
        self._began_at = time.time()
        self._current: dict[str, _Current] = {}
        self._counted_at_s = float("-inf")
        self._counted: dict[str, int] | None = None

    def queued(self, key: str, at_s: float) -> None:
        """Note that a package is queued.

        Its step is written when the package starts. A skipped package gets none: otherwise each
        rerun would add a step per saved package to the journal.
        """
        self._current[key] = _Current(doing=Activity.QUEUED, since_s=at_s, recorded_s=at_s)

    def note(self, event: events.PackageEvent, state: State | None) -> None:
        """Record the activity of a package, and its new state."""
        doing = _ACTIVITIES.get(type(event))
        if doing is not None:
            current = self._current.setdefault(
                event.key, _Current(doing=None, since_s=event.at_s, recorded_s=event.at_s)
            )
            if current.doing is Activity.QUEUED:
                self._step(event.key, current, state=None)
            if isinstance(event, events.Failed):
                state = None  # its row records that, and whether the next run retries it
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
        """Write periodically until cancelled; `clock` counts the seconds since the run began.

        It ignores errors of the disk: `Journal.put` raises them.
        """
        while True:
            if clock() - self._counted_at_s >= GROWTH_S:
                self._count(report, clock(), None)
            await self._journal.flush_queued(within_s=GROWTH_S)

    async def end(self, report: Report, at_s: float, ending: Ending) -> None:
        """Record how the run ended, and flush that to disk unless the disk refuses."""
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
        if report.time_left is not None and ending is None:
            left = report.time_left
            ends_s = left.at_s - at_s
            counts |= {
                MEDIAN_LEFT: max(0, round(ends_s + left.median_s)),
                P90_LEFT: max(0, round(ends_s + left.p90_s)),
            }
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
