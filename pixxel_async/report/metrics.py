"""The totals of an export, counted from its journal.

Rules:
    * Packages of the last run that the journal does not have yet count as queued.
    * A package is saved if any run saved it. It is left if it is neither saved nor failed.
    * An export is complete if every package is saved. A run that read its downloads from a stream
      must have reached the end of the stream, otherwise there may be more.
    * A run without an ending that is not running was killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..journal.models import (
    MEDIAN_LEFT,
    P90_LEFT,
    Corruption,
    Ending,
    ExportRecord,
    PackageRow,
    Run,
)
from ..sansio.package_state import State
from ..sansio.polling.time_left import Estimate
from .timeline import SAVED_STATES, ends_of_runs

KILLED = "killed"
RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The state of an export at one moment.

    Attributes:
        packages: The number of packages.
        states: The number of packages in each state; SKIPPED counts as SAVED.
        bytes_saved: Bytes of the saved files.
        bytes_partial: Bytes of partial files on disk.
        failed: The failed packages.
        runs: The number of runs, including a running one.
        running: The id of the process that exports into the folder now, or None.
        time_left: The running process's estimate of the time left, from `seen_at` on; None if it
            has none.
        seen_at: The time of the last activity, in seconds since 1970, or None.
        damaged: The impossible values found in the journal.
        is_complete: Whether every package is saved, and no row is damaged.
    """

    packages: int
    states: Mapping[State, int]
    bytes_saved: int
    bytes_partial: int
    failed: tuple[PackageRow, ...]
    runs: int
    running: int | None
    time_left: Estimate | None
    seen_at: float | None
    damaged: tuple[Corruption, ...]
    is_complete: bool

    @property
    def saved(self) -> int:
        """The number of saved packages."""
        return self.states[State.SAVED]

    @property
    def left(self) -> int:
        """The number of packages that are neither saved nor failed."""
        return self.packages - self.saved - len(self.failed)


def _time_left(record: ExportRecord) -> Estimate | None:
    if record.running is None or not record.runs:
        return None
    counts = record.runs[-1].counts
    if MEDIAN_LEFT not in counts or P90_LEFT not in counts:
        return None
    return Estimate(median_s=counts[MEDIAN_LEFT], p90_s=counts[P90_LEFT])


def totals_of(record: ExportRecord) -> Totals:
    """Count the packages of an export."""
    last = record.runs[-1] if record.runs else None
    announced = 0 if last is None or last.total is None else last.total
    packages = max(len(record.rows), announced)
    states: dict[State, int] = {state: 0 for state in State if state is not State.SKIPPED}
    for row in record.rows:
        states[State.SAVED if row.state in SAVED_STATES else row.state] += 1
    states[State.QUEUED] += packages - len(record.rows)
    saved = [row for row in record.rows if row.state in SAVED_STATES]
    knows_all = last is None or last.total is not None or last.ending is Ending.COMPLETE
    return Totals(
        packages=packages,
        states=states,
        bytes_saved=sum(row.bytes or 0 for row in saved),
        bytes_partial=sum(
            max(row.written, row.mark) for row in record.rows if row.state not in SAVED_STATES
        ),
        failed=tuple(row for row in record.rows if row.state is State.FAILED),
        runs=len(record.runs),
        running=record.running,
        time_left=_time_left(record),
        seen_at=max(ends_of_runs(record).values(), default=None),
        damaged=record.damaged,
        is_complete=(
            bool(packages) and len(saved) == packages and knows_all and not record.damaged
        ),
    )


def ending_word(run: Run, record: ExportRecord) -> str:
    """Return how a run ended: the value of `Ending`, or KILLED or RUNNING."""
    if run.ending is not None:
        return str(run.ending)
    is_running = record.running is not None and run.pid == record.running
    return RUNNING if is_running else KILLED
