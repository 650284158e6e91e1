"""The totals of an export, counted from its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .. import events
from ..errors import ExportFailedError, PixxelError, UsageError
from ..models import SavedPackage
from ..sansio.package_state import State, advance

NOT_ENDED = "the export has not ended: call this after `finish`, or after the events have ended"
INTERRUPTED = "the export was interrupted: run it again to save the packages that are left"
SHOWN = 3
"""How many failed packages a message names."""


@dataclass(slots=True, kw_only=True)
class Report:
    """The totals of an export, correct at any moment.

        async with client.export(downloads, "packages") as export:
            report = await export.finish()
        if not report.is_complete:
            print(len(report.failed), "failed,", report.left, "left")

    Attributes:
        total: How many distinct downloads there are; None while a stream of them is read.
        states: The number of packages in each state.
        saved: The files that this run saved, in that order.
        skipped: The files that an earlier run saved.
        failed: The failed downloads, as events with `download` and `error`.
        failed_runs: The runs that were not created or failed, as events with `run` and `error`.
        created: The jobs and insights of runs, as events with `run` and `created_id`.
        bytes: Bytes of the saved files.
        received: Bytes received from the storage, including repeated ones.
        polls: Status calls that returned a status.
        retries: Retried calls of the service.
        recreated: Creations that were repeated because their response was lost or their id stale.
        interrupted: Transfers that were interrupted and resumed.
        refreshed: Signed URLs that were replaced.
        held: How often requests waited for an unreachable host, or retries were throttled.
        held_s: Seconds for which requests waited for an unreachable host.
        waited_s: Seconds from creation to readiness, summed over the packages.
        transferred_s: Seconds of transfers, summed over the packages.
        elapsed_s: Seconds since the export began.
        stopped: Why it stopped early, or None.
        running: The keys of the runs that the service works on.
        left: How many packages are not settled: neither saved, skipped nor failed. None while that
            is unknown: before the export begins, and for a stream that was not read to its end.
        time_left: The last estimate of the time left; None while too little is known.
        has_ended: Whether the export has ended, complete or early; nothing changes after that.
    """

    total: int | None = None
    states: Counter[State] = field(default_factory=Counter)
    saved: list[SavedPackage] = field(default_factory=list)
    skipped: list[SavedPackage] = field(default_factory=list)
    failed: list[events.Failed] = field(default_factory=list)
    failed_runs: list[events.RunFailed] = field(default_factory=list)
    created: list[events.RunCreated] = field(default_factory=list)
    bytes: int = 0
    received: int = 0
    polls: int = 0
    retries: int = 0
    recreated: int = 0
    interrupted: int = 0
    refreshed: int = 0
    held: int = 0
    held_s: float = 0.0
    waited_s: float = 0.0
    transferred_s: float = 0.0
    elapsed_s: float = 0.0
    stopped: PixxelError | None = None
    running: set[str] = field(default_factory=set)
    left: int | None = None
    time_left: events.TimeLeft | None = None
    has_ended: bool = False
    _state_by_key: dict[str, State] = field(default_factory=dict, repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether it has ended with every package saved, by this run or an earlier one."""
        has_failed = self.failed or self.failed_runs or self.stopped is not None
        return self.has_ended and not has_failed and self.left == 0

    @property
    def settled(self) -> int:
        """How many packages are saved, skipped or failed, and how many runs have failed."""
        ended = (self.saved, self.skipped, self.failed, self.failed_runs)
        return sum(len(one) for one in ended)

    def raise_for_failures(self) -> None:
        """Raise an error unless every package is saved; for scripts that must stop otherwise.

            report = export_sync(downloads, "packages")
            report.raise_for_failures()

        Raises:
            ExportFailedError: Packages failed; `error.failed` has them. The message names the first
                ones, and the first one's error is the cause.
            PixxelError: The export stopped early: the error in `stopped`, such as
                AuthenticationError.
            UsageError: The export has not ended, or was interrupted before every package was saved.
        """
        if self.stopped is not None:
            raise self.stopped
        if not self.has_ended:
            raise UsageError(NOT_ENDED)
        if failed := self.failures:
            error = ExportFailedError(
                _described(failed, self.total), failed=tuple(self.failed), total=self.total
            )
            raise error from failed[0].error
        if self.left != 0:
            raise UsageError(INTERRUPTED)

    @property
    def failures(self) -> list[events.Failed | events.RunFailed]:
        """The failed runs, and then the failed downloads."""
        return [*self.failed_runs, *self.failed]

    def counts(self) -> dict[str, int]:
        """Return the totals that are counts, by name."""
        return {
            "saved": len(self.saved),
            "skipped": len(self.skipped),
            "failed": len(self.failed),
            "bytes": self.bytes,
            "received": self.received,
            "polls": self.polls,
            "retries": self.retries,
            "recreated": self.recreated,
            "interrupted": self.interrupted,
            "refreshed": self.refreshed,
            "held": self.held,
        }

    def end(self, left: int | None) -> None:
        """Mark the export as ended, with `left` unsettled packages."""
        self.left, self.has_ended, self.time_left = left, True, None

    def state_of(self, key: str) -> State:
        """Return the state of a package; QUEUED if it has had no event yet."""
        return self._state_by_key.get(key, State.QUEUED)

    def add(self, event: events.Event) -> None:  # noqa: C901, PLR0912 - one case an event
        """Count one event.

        Raises:
            ImpossibleTransitionError: The engine has a bug.
        """
        self.elapsed_s = max(self.elapsed_s, event.at_s)
        if isinstance(event, events.PackageEvent):
            self._advance(event)
        match event:
            case events.TimeLeft():
                self.time_left = event
            case events.Started(total=total):
                self.total = self.left = total
            case events.Polled():
                self.polls += 1
            case events.Ready(waited_s=waited_s, polls=polls):
                self.waited_s += waited_s
                self.polls += min(polls, 1)
            case events.Retried():
                self.retries += 1
            case events.Recreated():
                self.recreated += 1
            case events.FetchInterrupted():
                self.interrupted += 1
            case events.UrlRefreshed():
                self.refreshed += 1
            case events.HostFailed() | events.RetryThrottled():
                self.held += 1
            case events.HostRecovered(held_s=held_s):
                self.held_s += held_s
            case events.Saved(saved=saved):
                self.saved.append(saved)
                self.bytes += saved.bytes
                self.received += event.received
                self.transferred_s += event.transferred_s
            case events.Skipped(saved=saved):
                self.skipped.append(saved)
            case events.Failed():
                self.failed.append(event)
            case events.RunFailed(key=key):
                self.failed_runs.append(event)
                self.running.discard(key)
            case events.RunCreated(key=key):
                self.created.append(event)
                self.running.add(key)
            case events.RunFinished(key=key):
                self.running.discard(key)
            case events.Stopped(error=error):
                self.stopped = error
            case events.Interrupted(left=left):
                self.left = left
        if isinstance(event, events.Settled) and self.total is not None:
            self.left = self.total - self.settled

    def _advance(self, event: events.PackageEvent) -> None:
        before = self.state_of(event.key)
        after = advance(before, type(event))
        if event.key not in self._state_by_key:
            self.states[before] += 1
        self.states[before] -= 1
        self.states[after] += 1
        self._state_by_key[event.key] = after


def _described(failed: Sequence[events.Failed | events.RunFailed], total: int | None) -> str:
    of_all = "" if total is None else f" of {total}"
    shown = "; ".join(f"{one.key}: {one.error}" for one in failed[:SHOWN])
    more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
    return f"{len(failed)}{of_all} packages failed: {shown}{more}"
