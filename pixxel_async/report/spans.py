"""What each package did, and for how long: steps made into spans.

Rules:
    * A step lasts until the next step of its package in the same run. Steps that say the same
      again, as those of a transfer do while it grows, are one span.
    * SAVED, SKIPPED and FAILED are ends and no spans.
    * What a run left unfinished ends with the run. A run that was killed, or that runs still, was
      heard of last at `seen_at` or with its last step, whichever is later: that is its end.
    * No span ends before it begins, whatever the times say; spans without length are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..engine.record import Doing, ExportRecord, Step

ENDS = frozenset({Doing.SAVED, Doing.SKIPPED, Doing.FAILED})
ACTIVITIES = tuple(doing for doing in Doing if doing not in ENDS)
"""What a package may be doing, in the order in which it does it."""


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
    doing: Doing
    begins_at: float
    ends_at: float

    @property
    def lasts_s(self) -> float:
        """How long, in seconds."""
        return self.ends_at - self.begins_at


def ends_of_runs(record: ExportRecord) -> Mapping[int, float]:
    """Return when each run ended or was last heard of, in seconds since 1970, by its number."""
    ends = {run.number: max(run.began_at, run.seen_at) for run in record.runs}
    for step in record.steps:
        ends[step.run] = max(step.at, ends.get(step.run, step.at))
    return ends


def spans_of(record: ExportRecord) -> list[Span]:
    """Return the spans of all packages, by their beginning."""
    ends = ends_of_runs(record)
    lasting: dict[tuple[int, str], Step] = {}
    spans: list[Span] = []
    for step in record.steps:
        before = lasting.get((step.run, step.key))
        if before is not None:
            if before.doing is step.doing or step.at < before.at:
                continue
            _add(spans, before, step.at)
        lasting[step.run, step.key] = step
    for step in lasting.values():
        _add(spans, step, ends[step.run])
    return sorted(spans, key=lambda span: span.begins_at)


def _add(spans: list[Span], step: Step, ends_at: float) -> None:
    if step.doing not in ENDS and ends_at > step.at:
        spans.append(Span(step.key, step.run, step.doing, step.at, ends_at))
