"""The steps of an export as they really happened.

Rules:
    * SAVED, SKIPPED and FAILED last until the end of the run: what a run noted of a package after
      one of them was a plan that came to nothing.
    * The TRANSFERRING after a RETRYING is noted ahead, when it is only planned: it does not show
      that the run was still there by then.
    * A run that ended was over at `seen_at`. A run that was killed, or that runs still, was heard
      of last at `seen_at` or with its last step, whichever is later. What was planned for later
      than that did not happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..journal.models import Activity, ExportRecord, Step

ENDS = frozenset({Activity.SAVED, Activity.SKIPPED, Activity.FAILED})
ACTIVITIES = tuple(doing for doing in Activity if doing not in ENDS)
"""What a package may be doing, in the order in which it does it."""


def tidy(record: ExportRecord) -> ExportRecord:
    """Return a record without the steps that were only planned."""
    ends = ends_of_runs(record)
    over: set[tuple[int, str]] = set()
    kept = []
    for step in record.steps:
        who = step.run, step.key
        if who not in over and step.at <= ends[step.run]:
            kept.append(step)
            if step.doing in ENDS:
                over.add(who)
    return replace(record, steps=tuple(kept))


def ends_of_runs(record: ExportRecord) -> Mapping[int, float]:
    """Return when each run ended or was last heard of, in seconds since 1970, by its number."""
    ends = {run.number: max(run.began_at, run.seen_at) for run in record.runs}
    is_exact = {run.number for run in record.runs if run.ending is not None}
    last: dict[tuple[int, str], Step] = {}
    for step in record.steps:
        before = last.get((step.run, step.key))
        if before is not None and before.doing in ENDS:
            continue
        last[step.run, step.key] = step
        is_planned = (
            step.doing is Activity.TRANSFERRING
            and before is not None
            and before.doing is Activity.RETRYING
        )
        if step.run not in is_exact and not is_planned:
            ends[step.run] = max(step.at, ends.get(step.run, step.at))
    return ends
