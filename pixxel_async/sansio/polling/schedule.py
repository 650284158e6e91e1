"""Which pending packages are to be polled, and when the next one is.

Rules:
    * All pending packages stand in one heap of due times; there is no task per package. Adding,
      taking and looking cost O(log n).
    * A package is in the heap, or has been taken out to be polled, never both.
    * With `PollMethod.BACKOFF`, and for packages of no kind, intervals grow from `initial_s` by
      `factor` up to `max_s`, each moved by `jitter`.
    * With `PollMethod.LEARNING`, a `Learner` for each kind says when a package is due. Each answer
      may change that for all that wait, and is passed on a few at a time: with each answer
      `LOOKED_AT` of them are looked at in turn, and those that are due earlier now are moved. One
      that is due later now is found when it is taken, and put back. So a poll costs O(log n) at any
      time. Those that are moved are polled and move others in their turn, so news spread fast.
    * The last poll falls on the waiting limit, not beyond it.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ...config import PollMethod, PollPolicy
from ...models import PackageStatus
from .learner import Learner

T = TypeVar("T")

LOOKED_AT = 4
"""So many waiting packages are looked at again with each answer."""
LATER = 0.05
"""A package that is due is put back if it is due later now by this share of its interval."""
SPARE = 64
"""So many entries of the heap may be out of date, beside as many as packages wait."""


@dataclass(slots=True, eq=False)
class Pending(Generic[T]):
    """A package that is not ready yet.

    Attributes:
        item: Whatever the caller needs to poll it.
        since: When waiting began, in seconds on the caller's clock.
        polls: How often it has been taken out of the schedule.
        kind: What it teaches others of and learns from; None for one whose creation was not seen,
            or that has been ready before: it is polled by backoff.
        seen_s: The age at which it was last seen unready.
        asked_s: Its age when its present interval began.
        density: What its next poll waits for, see `Learner.next_age_s`.
        late_s: How long it was due and had to wait for its turn, all polls together. Backoff would
            have had to wait, too, so this time earns no polls.
        backoff: How many polls backoff would have made by the last answer.
        place: Which entry of the heap is its own; 0 if none is.
        due: When it is due by that entry.
        is_in_turn: Whether it is among those that are looked at again.
    """

    item: T
    since: float
    polls: int = 0
    kind: str | None = None
    seen_s: float = 0.0
    asked_s: float = 0.0
    density: float = 1.0
    late_s: float = 0.0
    backoff: int = 0
    place: int = 0
    due: float = 0.0
    is_in_turn: bool = False


def interval(policy: PollPolicy, *, polls: int, jitter: float) -> float:
    """Return the seconds until the next poll by backoff.

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
class Kind(Generic[T]):
    """The packages of one kind.

    Attributes:
        learner: What is known of them.
        turn: Those that wait, in the order in which they are looked at again.
    """

    learner: Learner
    turn: deque[Pending[T]] = field(default_factory=deque)


@dataclass(slots=True)
class PollSchedule(Generic[T]):
    """The heap of due times.

    Attributes:
        policy: Method, intervals and the waiting limit.
    """

    policy: PollPolicy
    _heap: list[tuple[float, int, Pending[T]]] = field(default_factory=list)
    _added: int = 0
    _waiting: int = 0
    _kinds: dict[str, Kind[T]] = field(default_factory=dict)
    _is_drained: bool = False

    def __len__(self) -> int:
        """Count the packages that wait in the heap."""
        return self._waiting

    def begin(self, item: T, *, since: float, now: float, kind: str) -> Pending[T]:
        """Return a package that was asked for at `since`, and is not ready by the answer to that.

        Args:
            item: Whatever the caller needs to poll it.
            since: When waiting began, in seconds on the caller's clock.
            now: The time.
            kind: It is expected to take as long as others of its kind that were not ready then.
        """
        pending = Pending(item=item, since=since)
        if self.policy.method is PollMethod.LEARNING:
            learner = self._kind(kind).learner
            pending.kind = kind
            pending.density = learner.join()
            pending.seen_s = max(0.0, now - since)
            pending.backoff = learner.backoff_polls(pending.seen_s)
            learner.waited(0.0, pending.seen_s, polls=0, backoff=pending.backoff)
        return pending

    def wait(self, pending: Pending[T], *, now: float, jitter: float) -> float:
        """Return the seconds until the next poll of a package, new or polled.

        Args:
            pending: The package.
            now: The time, in seconds on the caller's clock.
            jitter: A number drawn evenly from 0 to 1.
        """
        if pending.kind is None:
            due = now + interval(self.policy, polls=pending.polls, jitter=jitter)
        else:
            pending.asked_s = max(0.0, now - pending.since)
            if pending.polls:
                pending.density = 1 + self.policy.jitter * (2 * jitter - 1)
            due = self._planned(pending, pending.kind)
        return max(0.0, min(due, self._limit(pending)) - now)

    def put(self, pending: Pending[T], due: float) -> None:
        """Place a package; it is polled at `due` or soon after."""
        self._waiting += 1
        self._push(pending, due)
        if pending.kind is not None and not pending.is_in_turn:
            pending.is_in_turn = True
            self._kind(pending.kind).turn.append(pending)

    def take(self, now: float) -> Pending[T] | None:
        """Take out the package that has been due longest, or return None if none is due."""
        while (due := self.next_due()) is not None and due <= now:
            pending = heapq.heappop(self._heap)[2]
            if pending.kind is not None and not self._is_drained:
                later = min(self._planned(pending, pending.kind), self._limit(pending))
                begun = pending.since + pending.asked_s
                if later - now > LATER * (later - begun):
                    self._push(pending, later)
                    continue
            pending.place = 0
            pending.polls += 1
            pending.late_s += now - pending.due
            self._waiting -= 1
            return pending
        return None

    def saw(self, pending: Pending[T], status: PackageStatus, *, now: float) -> None:
        """Learn from an answer about a package that has been taken out.

        Args:
            pending: The package.
            status: What the service said; one that is not pending teaches and learns no more.
            now: The time of the answer.
        """
        if pending.kind is None:
            return
        kind = self._kinds[pending.kind]
        learner, seen_s = kind.learner, pending.seen_s
        age_s = max(seen_s, now - pending.since)
        if status is PackageStatus.PENDING:
            backoff = max(pending.backoff, learner.backoff_polls(age_s - pending.late_s))
            learner.waited(seen_s, age_s, polls=1, backoff=backoff - pending.backoff)
            pending.seen_s, pending.backoff = age_s, backoff
        else:
            pending.kind = None
            if status is PackageStatus.READY:
                # It is not known when in between, so half-way is taken; one more poll sees it.
                half_s = (seen_s + age_s) / 2 - pending.late_s
                backoff = max(pending.backoff, learner.backoff_polls(half_s))
                learner.ready(seen_s, age_s, backoff=backoff + 1 - pending.backoff)
            else:
                learner.leave(seen_s)
        self._look_again(kind, now)

    def drain(self) -> list[Pending[T]]:
        """Take out everything, in no particular order.

        What is put from now on is due when it was said to be, whatever is learned.
        """
        drained = [pending for _, place, pending in self._heap if place == pending.place]
        for pending in drained:
            pending.place = 0
        self._heap.clear()
        self._waiting = 0
        self._is_drained = True
        return drained

    def next_due(self) -> float | None:
        """Return when the next package is due, or None if none waits."""
        heap = self._heap
        while heap and heap[0][1] != heap[0][2].place:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def _kind(self, kind: str) -> Kind[T]:
        if kind not in self._kinds:
            self._kinds[kind] = Kind(Learner(self.policy))
        return self._kinds[kind]

    def _planned(self, pending: Pending[T], kind: str) -> float:
        learner = self._kinds[kind].learner
        return pending.since + learner.next_age_s(pending.asked_s, pending.density)

    def _limit(self, pending: Pending[T]) -> float:
        return pending.since + self.policy.wait_timeout_s

    def _push(self, pending: Pending[T], due: float) -> None:
        self._added += 1
        pending.place, pending.due = self._added, due
        heapq.heappush(self._heap, (due, self._added, pending))

    def _look_again(self, kind: Kind[T], now: float) -> None:
        for _ in range(min(LOOKED_AT, len(kind.turn))):
            pending = kind.turn.popleft()
            if pending.kind is None or not pending.place:
                pending.is_in_turn = False
                continue
            kind.turn.append(pending)
            due = max(now, self._planned(pending, pending.kind))
            if due < pending.due:
                self._push(pending, due)
        if len(self._heap) > 2 * self._waiting + SPARE:
            self._heap = [entry for entry in self._heap if entry[1] == entry[2].place]
            heapq.heapify(self._heap)
