"""The number of packages in each state, over time.

Rules:
    * Between two steps a package has one state. Saved and failed packages keep theirs, also
      between runs and when a later run only queues them, because it then finds them saved.
    * A package that a run left unfinished is not counted after the end of that run, until a later
      run resumes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from ..journal.models import Activity, ExportRecord, Step
from .timeline import ENDS, ends_of_runs

_SLACK = 1e-6
"""In bins: keeps rounding from ending something in the last bin before the axis ends."""


class StateGroup(StrEnum):
    """The states that the plot distinguishes."""

    SAVED = "saved"
    FAILED = "failed"
    RETRYING = "retrying"
    TRANSFERRING = "transferring"
    READY = "ready"
    PACKAGING = "packaging"
    QUEUED = "queued"


def state_group_of(doing: Activity) -> StateGroup:
    """Return the state that an activity counts as."""
    return StateGroup.SAVED if doing is Activity.SKIPPED else StateGroup(doing.value)


def state_counts_of(
    record: ExportRecord, x_of: Callable[[float], float], *, points: int, width: float
) -> Mapping[StateGroup, list[int]]:
    """Count the packages in each state at the end of each bin of an axis.

    Args:
        record: The journal's record.
        x_of: Maps seconds since 1970 to the axis; non-decreasing.
        points: The number of bins, starting at zero.
        width: The width of a bin.
    """
    changes = {group: [0] * (points + 1) for group in StateGroup}

    def change(group: StateGroup, at: float, by: int) -> None:
        changes[group][min(max(int(x_of(at) / width + _SLACK), 0), points)] += by

    ends = ends_of_runs(record)
    current: dict[str, Step] = {}
    for step in record.steps:
        before = current.get(step.key)
        if before is not None and before.doing in ENDS and step.doing is Activity.QUEUED:
            continue
        if before is not None:
            is_over = before.run != step.run and before.doing not in ENDS
            ended_at = min(ends[before.run], step.at) if is_over else step.at
            change(state_group_of(before.doing), ended_at, -1)
        change(state_group_of(step.doing), step.at, 1)
        current[step.key] = step
    for step in current.values():
        if step.doing not in ENDS:
            change(state_group_of(step.doing), ends[step.run], -1)
    return {group: _summed(of_one)[:points] for group, of_one in changes.items()}


def _summed(changes: list[int]) -> list[int]:
    total, sums = 0, []
    for change in changes:
        total += change
        sums.append(total)
    return sums
