"""The states of a run, what to do first with it, and what its folder may spend.

Rules:
    * The intent is recorded before anything is sent: SENDING. A run that is found SENDING may
      have been created, so it is looked for before it is sent.
    * What was sent counts as spent, until the service says that it created nothing.
    * A limit holds for the folder: what earlier runs committed counts.
    * A run that failed for a reason of its own stays failed without `--retry-failed`;
      with it, it is created again, and the cost of the failed one counts, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from ..config import PreviousFailures


class RunState(StrEnum):
    """Where a run stands."""

    SENDING = "sending"
    CREATED = "created"
    FINISHED = "finished"
    FAILED = "failed"


class RunAction(Enum):
    """What is done first with a run."""

    CREATE = "create it"
    LOOK = "look for it, since it may have been created"
    POLL = "ask whether it has finished"
    EXPORT = "export its package"
    LEAVE_FAILED = "leave it failed"


_FIRST = {
    None: RunAction.CREATE,
    RunState.SENDING: RunAction.LOOK,
    RunState.CREATED: RunAction.POLL,
    RunState.FINISHED: RunAction.EXPORT,
}


def first_action(
    state: RunState | None,
    *,
    has_id: bool,
    is_unanswered: bool,
    takes_up_itself: bool,
    failures: PreviousFailures,
) -> RunAction:
    """Decide.

    Args:
        state: Where it stands; None if the journal does not know it.
        has_id: Whether the id of what was created is known.
        is_unanswered: Whether a creation was sent, and no response was recorded.
        takes_up_itself: Whether a failed run failed for a reason outside it.
        failures: What the caller wants done with failed runs: LEAVE or RETRY.
    """
    if state is not RunState.FAILED:
        return _FIRST[state]
    if not takes_up_itself and failures is not PreviousFailures.RETRY:
        return RunAction.LEAVE_FAILED
    if is_unanswered:
        return RunAction.LOOK
    return RunAction.POLL if has_id and takes_up_itself else RunAction.CREATE


@dataclass(slots=True)
class CostLedger:
    """What the runs of a folder have committed to, by key."""

    _committed: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """What all runs together have committed to."""
        return sum(self._committed.values())

    def set(self, key: str, amount: float) -> None:
        """Record what one run has committed to, all its creations together."""
        self._committed[key] = amount

    def reserve(self, key: str, amount: float, limit: float) -> bool:
        """Commit one run to more, unless that exceeds the limit; return whether it fits."""
        before = self._committed.get(key, 0.0)
        self._committed[key] = before + amount
        if self.total > limit:
            self._committed[key] = before
            return False
        return True
