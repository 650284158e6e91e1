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

import anyio

from .. import events
from .._version import __version__
from ..errors import SinkError
from ..sansio.lifecycle import State
from .journal import Journal
from .record import Doing, Ending, Run, Step
from .report import Report

GROWTH_S = 1.0
"""A transfer has a step at most this often, in seconds."""

HEARTBEAT_S = 5.0
"""A run in which nothing happens is noted this often, in seconds."""

_DOING: dict[type[events.PackageEvent], Doing] = {
    events.Requested: Doing.PACKAGING,
    events.Polled: Doing.PACKAGING,
    events.Ready: Doing.READY,
    events.FetchStarted: Doing.TRANSFERRING,
    events.FetchProgress: Doing.TRANSFERRING,
    events.FetchInterrupted: Doing.RETRYING,
    events.Saved: Doing.SAVED,
    events.Skipped: Doing.SKIPPED,
    events.Failed: Doing.FAILED,
}


class Recorder:
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
        self._doing: dict[str, Doing] = {}
        self._size: dict[str, int] = {}
        self._grew_at: dict[str, float] = {}
        self._heard_at = float("-inf")
        self._counted: dict[str, int] | None = None

    def queued(self, key: str, at_s: float) -> None:
        """Note that a package waits for its turn; what is known of it stays."""
        self._step(key, at_s, Doing.QUEUED, state=None)

    def note(self, event: events.PackageEvent, state: State) -> None:
        """Note what an event says of a package, and where it stands by that."""
        doing = _DOING.get(type(event))
        if doing is None:
            return
        if (size := _size(event)) is not None:
            self._size[event.key] = size
        if self._is_news(event, doing):
            kept = State.SAVED if doing is Doing.SKIPPED else state
            self._step(event.key, event.at_s, doing, kept)
        if isinstance(event, events.FetchInterrupted):
            self._step(event.key, event.at_s + event.delay_s, Doing.TRANSFERRING, state)
        if isinstance(event, events.Settled):
            for held in (self._doing, self._size, self._grew_at):
                held.pop(event.key, None)

    def _is_news(self, event: events.PackageEvent, doing: Doing) -> bool:
        if self._doing.get(event.key) is not doing:
            return True
        grew = isinstance(event, events.FetchProgress)
        return grew and event.at_s - self._grew_at.get(event.key, 0.0) >= GROWTH_S

    async def run(self, report: Report, clock: Callable[[], float]) -> None:
        """Write from time to time, until cancelled; a disk that refuses is told by who puts.

        Args:
            report: The totals of this run, kept up to date by somebody else.
            clock: Seconds since the run began.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._journal.flush_regularly)
            while True:
                self._count(report, clock(), None)
                await anyio.sleep(GROWTH_S)

    async def end(self, report: Report, at_s: float, ending: Ending) -> None:
        """Note how the run ended, and return when that is on the disk, if it takes it."""
        self._counted = None
        self._count(report, at_s, ending)
        with suppress(SinkError):
            await self._journal.flush()

    def _step(self, key: str, at_s: float, doing: Doing, state: State | None) -> None:
        self._doing[key] = doing
        self._grew_at[key] = at_s
        step = Step(
            key=key,
            run=self._number,
            at=self._began_at + at_s,
            doing=doing,
            size=self._size.get(key, 0),
        )
        self._journal.step(step, state)

    def _count(self, report: Report, at_s: float, ending: Ending | None) -> None:
        counts = report.counts()
        if counts == self._counted and at_s - self._heard_at < HEARTBEAT_S:
            return
        self._counted, self._heard_at = counts, at_s
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
