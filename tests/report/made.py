"""Made-up records of exports, as a real one would leave them."""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import dataclass, field, replace

from pixxel_async.journal.models import Activity, Ending, ExportRecord, PackageRow, Run, Step
from pixxel_async.sansio.package_state import State

BEGAN_AT = 1_780_000_000.0
FETCHES = 8
PENDING = 120
RETRIES = 0.08
FAILURES = 0.02


def row(key: str, **changes: object) -> PackageRow:
    target = json.dumps({"kind": "job", "workflow_id": "w", "job_id": key})
    return replace(PackageRow(key=key, target=target, name=f"job-{key}.zip"), **changes)  # type: ignore[arg-type]  # fields of a row


def run(number: int = 1, began_at: float = 0.0, seen_at: float = 0.0, **changes: object) -> Run:
    made = Run(
        number=number,
        pid=1,
        version="1",
        began_at=began_at,
        seen_at=seen_at,
        ending=Ending.COMPLETE,
        total=None,
        counts={},
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of a run


def step(key: str, at: float, doing: Activity, size: int = 0, run: int = 1) -> Step:
    return Step(key=key, run=run, at=at, doing=doing, size=size)


def record(
    rows: tuple[PackageRow, ...] = (),
    runs: tuple[Run, ...] = (),
    steps: tuple[Step, ...] = (),
    running: int | None = None,
) -> ExportRecord:
    return ExportRecord(rows=rows, runs=runs, steps=steps, running=running)


@dataclass
class Made:
    """An export in the making: each run goes on where the one before was cut off."""

    packages: int
    seed: int = 1
    steps: list[Step] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    rows: dict[str, PackageRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - nothing secret
        keys = [
            f"insight-{number:05d}-{number * 7919 % 65536:04x}" for number in range(self.packages)
        ]
        self.rows = {key: row(key) for key in keys}

    def run(self, began_at: float, cut_off_s: float | None = None) -> float:
        """Add a run, killed after some time if one is given; return when it ended."""
        number = len(self.runs) + 1
        steps = self._steps(number, began_at)
        killed_at = None if cut_off_s is None else began_at + cut_off_s
        seen = [one for one in steps if killed_at is None or one.at < killed_at]
        for one in seen:
            self._note(one)
        self.steps += seen
        ended_at = seen[-1].at if killed_at is None else killed_at
        ending = Ending.COMPLETE if killed_at is None else None
        doings = [one.doing for one in seen]
        counts = {"saved": doings.count(Activity.SAVED), "failed": doings.count(Activity.FAILED)}
        self.runs.append(
            run(number, began_at, ended_at, ending=ending, counts=counts, total=self.packages)
        )
        return ended_at

    def record(self) -> ExportRecord:
        rows = tuple(self.rows[key] for key in sorted(self.rows))
        return record(rows, tuple(self.runs), tuple(self.steps))

    def _note(self, one: Step) -> None:
        states = {
            Activity.QUEUED: State.QUEUED,
            Activity.PACKAGING: State.REQUESTED,
            Activity.READY: State.READY,
            Activity.SAVED: State.SAVED,
            Activity.SKIPPED: State.SAVED,
            Activity.FAILED: State.FAILED,
        }
        changes: dict[str, object] = {"state": states.get(one.doing, State.FETCHING)}
        if one.doing is Activity.SAVED:
            changes |= {"bytes": one.size, "sha256": "ab" * 32, "attempts": 1}
        elif one.doing is Activity.FAILED:
            changes |= {"error": "the storage answered with 404", "error_type": "StorageError"}
        elif one.doing is not Activity.SKIPPED:
            changes |= {"written": one.size}
        self.rows[one.key] = self.rows[one.key].changed(**changes)

    def _steps(self, number: int, began_at: float) -> list[Step]:
        draw = self.random
        steps: list[Step] = []
        slots, places = [began_at] * FETCHES, [began_at] * PENDING
        for key, known in self.rows.items():

            def add(at: float, doing: Activity, size: float = 0, key: str = key) -> None:
                steps.append(step(key, at, doing, int(size), number))

            if known.state is State.SAVED:
                add(began_at + 0.1, Activity.SKIPPED, known.bytes or 0)
                continue
            add(began_at, Activity.QUEUED)
            asked = heapq.heappop(places) + draw.uniform(0.1, 0.6)
            add(asked, Activity.PACKAGING)
            ready = asked + draw.uniform(5, 60)
            add(ready, Activity.READY)
            at = max(heapq.heappop(slots), ready)
            heapq.heappush(places, at)
            total = int(draw.lognormvariate(19.5, 0.7))
            had = known.written
            rate = draw.uniform(60e6, 110e6)
            ends_by_retry = draw.random() < RETRIES
            add(at, Activity.TRANSFERRING, had)
            while had < total:
                grown = min(total - had, rate * 2)
                at, had = at + grown / rate, int(had + grown)
                if ends_by_retry:
                    ends_by_retry = False
                    add(at, Activity.RETRYING, had)
                    at += draw.uniform(1, 8)
                if had < total:
                    add(at, Activity.TRANSFERRING, had)
            is_lost = draw.random() < FAILURES
            add(at, Activity.FAILED if is_lost else Activity.SAVED, 0 if is_lost else had)
            heapq.heappush(slots, at)
        return sorted(steps, key=lambda one: one.at)


def made_export(packages: int, seed: int = 1) -> ExportRecord:
    """Return the record of an export in one run."""
    made = Made(packages, seed)
    made.run(BEGAN_AT)
    return made.record()


def made_export_of_runs(packages: int, seed: int = 1) -> ExportRecord:
    """Return the record of an export that was killed twice, and paused overnight."""
    made = Made(packages, seed)
    first = made.run(BEGAN_AT, cut_off_s=packages * 0.35)
    second = made.run(first + 20, cut_off_s=packages * 0.2)
    made.run(second + 9 * 3600)
    return made.record()
