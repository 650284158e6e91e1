"""Runs: what was created is queued, runs, and ends after a while.

Rules:
    * A run is a function of time: nothing has to happen for it to advance.
    * It is queued for the first tenth of its time.
    * The parts of a run follow each other; only the last of them fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..faults import RunAction

QUEUED_SHARE = 0.1
RUN_WORDS = ("pending", "running", "completed", "failed")
QUEUED, RUNNING, DONE, FAILED = range(len(RUN_WORDS))


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        began: When it was created, in seconds since 1970.
        queued_s: How long it is queued.
        running_s: How long it runs after that.
        action: The action of its fault, or empty.
    """

    began: float
    queued_s: float
    running_s: float
    action: RunAction | None = None

    @classmethod
    def lasting(cls, seconds: float, began: float, action: RunAction | None) -> Run:
        """Return a run of a duration."""
        return cls(began, seconds * QUEUED_SHARE, seconds * (1 - QUEUED_SHARE), action)

    @property
    def _started(self) -> float:
        return self.began + self.queued_s

    @property
    def end(self) -> float:
        """When it ends, in seconds since 1970."""
        return self._started + self.running_s

    def state(self, now: float) -> int:
        """Return `QUEUED`, `RUNNING`, `DONE` or `FAILED`."""
        if now >= self.end and self.action != "never":
            return FAILED if self.action == "failed" else DONE
        return QUEUED if now < self._started else RUNNING

    def word(self, now: float, words: Sequence[str] = RUN_WORDS) -> str:
        """Return the word for its state."""
        return words[self.state(now)]

    def has_ended(self, now: float) -> bool:
        """Return whether it has ended, be it well or not."""
        return self.state(now) in {DONE, FAILED}

    def is_done(self, now: float) -> bool:
        """Return whether it has ended well."""
        return self.state(now) == DONE

    def progress(self, now: float) -> int:
        """Return how much of it is done, in percent."""
        if self.state(now) == DONE:
            return 100
        return min(99, int(100 * max(0.0, now - self._started) / (self.running_s or 1)))

    def changed_at(self, now: float) -> datetime:
        """Return when its state last changed."""
        moments = (self.began, self._started, self.end, self.end)
        return moment(moments[self.state(now)])

    def ended_at(self, now: float) -> datetime | None:
        """Return when it ended, or None before that."""
        return moment(self.end) if self.has_ended(now) else None

    def part(self, number: int, count: int) -> Run:
        """Return one of its parts, from 0."""
        each_s = self.running_s / count
        waits_s = self.queued_s + number * each_s
        is_last = number == count - 1
        return Run(self.began, waits_s, each_s, self.action if is_last else None)


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)
