"""What each package did, and for how long: steps made into spans.

Rules:
    * A step lasts until the next step of its package in the same run. Steps that say the same
      again, as those of a transfer do while it grows, are one span.
    * SAVED, SKIPPED and FAILED are ends and no spans.
    * What a run left unfinished ends with the run.
    * No span ends before it begins, whatever the times say; spans without length are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..journal.models import Activity, ExportRecord, Step
from .steps import ENDS, ends_of_runs


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
    doing: Activity
    begins_at: float
    ends_at: float

    @property
    def lasts_s(self) -> float:
        """How long, in seconds."""
        return self.ends_at - self.begins_at


def spans_of(record: ExportRecord) -> list[Span]:
    """Return the spans of all packages, by their beginning.

    Args:
        record: A tidy one.
    """
    ends = ends_of_runs(record)
    lasting: dict[tuple[int, str], Step] = {}
    spans: list[Span] = []
    for step in record.steps:
        before = lasting.get((step.run, step.key))
        if before is not None:
            if before.doing is step.doing:
                continue
            _add(spans, before, step.at)
        lasting[step.run, step.key] = step
    for step in lasting.values():
        _add(spans, step, ends[step.run])
    return sorted(spans, key=lambda span: span.begins_at)


def _add(spans: list[Span], step: Step, ends_at: float) -> None:
    if step.doing not in ENDS and ends_at > step.at:
        spans.append(Span(step.key, step.run, step.doing, step.at, ends_at))
