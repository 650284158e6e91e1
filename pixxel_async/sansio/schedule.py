"""Which pending packages are to be polled, and when the next one is.

Rules:
    * All pending packages stand in one heap of due times; there is no task per package. Adding,
      taking and looking cost O(log n).
    * A package is in the heap, or has been taken out to be polled, never both.
    * Intervals grow from `initial_s` by `factor` up to `max_s`, each moved by `jitter`.
    * The last poll falls on the waiting limit, not beyond it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..config import PollPolicy

T = TypeVar("T")


@dataclass(slots=True)
class Pending(Generic[T]):
    """A package that is not ready yet.

    Attributes:
        item: Whatever the caller needs to poll it.
        since: When waiting began, in seconds on the caller's clock.
        polls: How often it has been taken out of the schedule.
    """

    item: T
    since: float
    polls: int = 0


def interval(policy: PollPolicy, *, polls: int, jitter: float) -> float:
    """Return the seconds until the next poll.

    Args:
        policy: The bounds.
        polls: How many polls there have been.
        jitter: A number drawn evenly from 0 to 1.
    """
    try:
        plain = policy.initial_s * policy.factor**polls
    except OverflowError:
        plain = policy.max_s
    return min(plain, policy.max_s) * (1 + policy.jitter * (2 * jitter - 1))


@dataclass(slots=True)
class PollSchedule(Generic[T]):
    """The heap of due times.

    Attributes:
        policy: Intervals and the waiting limit.
    """

    policy: PollPolicy
    _heap: list[tuple[float, int, Pending[T]]] = field(default_factory=list)
    _added: int = 0

    def __len__(self) -> int:
        """Count the packages that wait in the heap."""
        return len(self._heap)

    def wait(self, pending: Pending[T], *, now: float, jitter: float) -> float:
        """Return the seconds until the next poll of a package, new or polled.

        Args:
            pending: The package.
            now: The time, in seconds on the caller's clock.
            jitter: A number drawn evenly from 0 to 1.
        """
        wait = interval(self.policy, polls=pending.polls, jitter=jitter)
        limit = pending.since + self.policy.wait_timeout_s
        return max(0.0, min(wait, limit - now))

    def put(self, pending: Pending[T], due: float) -> None:
        """Place a package; it is polled at `due` or soon after."""
        self._added += 1
        heapq.heappush(self._heap, (due, self._added, pending))

    def take(self, now: float) -> Pending[T] | None:
        """Take out the package that has been due longest, or return None if none is due."""
        if not self._heap or self._heap[0][0] > now:
            return None
        pending = heapq.heappop(self._heap)[2]
        pending.polls += 1
        return pending

    def drain(self) -> list[Pending[T]]:
        """Take out everything, in no particular order."""
        drained = [pending for _, _, pending in self._heap]
        self._heap.clear()
        return drained

    def next_due(self) -> float | None:
        """Return when the next package is due, or None if none waits."""
        return self._heap[0][0] if self._heap else None
