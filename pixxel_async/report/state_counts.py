"""How many packages do what, over time.

Rules:
    * Between its steps a package does one thing. Saved and failed ones stay what they are, also in
      the pauses and in later runs, until they do more than be queued: a later run queues them too,
      only to find that they are there.
    * What a run left unfinished is counted no more from its end on, until a later run takes it up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from ..journal.models import Activity, ExportRecord, Step
from .timeline import ENDS, ends_of_runs

_SLACK = 1e-6
"""Of a stretch: what ends with the axis has not ended before, however the division is rounded."""


class StateGroup(StrEnum):
    """What a package may be counted as."""

    SAVED = "saved"
    FAILED = "failed"
    RETRYING = "retrying"
    TRANSFERRING = "transferring"
    READY = "ready"
    PACKAGING = "packaging"
    QUEUED = "queued"


def state_group_of(doing: Activity) -> StateGroup:
    """Return what a package is counted as while it does something."""
    return StateGroup.SAVED if doing is Activity.SKIPPED else StateGroup(doing.value)


def state_counts_of(
    record: ExportRecord, x_of: Callable[[float], float], *, points: int, width: float
) -> Mapping[StateGroup, list[int]]:
    """Count the packages at the ends of some equally long stretches of an axis.

    Args:
        record: What is remembered.
        x_of: Leads from seconds since 1970 to the axis; never falls.
        points: How many stretches, from zero on.
        width: The length of a stretch.
    """
    changes = {standing: [0] * (points + 1) for standing in StateGroup}

    def change(standing: StateGroup, at: float, by: int) -> None:
        changes[standing][min(max(int(x_of(at) / width + _SLACK), 0), points)] += by

    ends = ends_of_runs(record)
    lasting: dict[str, Step] = {}
    for step in record.steps:
        before = lasting.get(step.key)
        if before is not None and before.doing in ENDS and step.doing is Activity.QUEUED:
            continue
        if before is not None:
            is_over = before.run != step.run and before.doing not in ENDS
            ended_at = min(ends[before.run], step.at) if is_over else step.at
            change(state_group_of(before.doing), ended_at, -1)
        change(state_group_of(step.doing), step.at, 1)
        lasting[step.key] = step
    for step in lasting.values():
        if step.doing not in ENDS:
            change(state_group_of(step.doing), ends[step.run], -1)
    return {standing: _summed(of_one)[:points] for standing, of_one in changes.items()}


def _summed(changes: list[int]) -> list[int]:
    total, sums = 0, []
    for change in changes:
        total += change
        sums.append(total)
    return sums
