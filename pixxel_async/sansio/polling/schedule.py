"""Which pending package to poll next, and when.

Rules:
    * All pending packages share one heap of due times; no package has a task. Adding and taking
      one costs O(log n).
    * A package is either in the heap or taken out to be polled, never both.
    * With `PollMethod.BACKOFF`, and for packages without a kind, intervals grow from `initial_s` by
      `factor` up to `max_s`, each varied by `jitter`.
    * With `PollMethod.LEARNING`, a `Learner` for each kind computes the due times. Each response
      may change those of all pending packages. Every response updates `UPDATED` of them in turn:
      those that are now due earlier move forward. One that is now due later is put back when it is
      taken. So a poll costs O(log n). Packages that move forward are polled soon and update others,
      so news spreads fast.
    * A poll that was late by `QUEUED_S` or more stood in a queue: the rate limit is the bottleneck.
      Backoff would stand in the same queue, so such a poll earns one poll of backoff at most. Else
      polls would be spent that backoff cannot make.
    * The last poll is at the waiting limit, not beyond it.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from ...config import PollMethod, PollPolicy
from ...models import PackageStatus
from .earlier_exports import Observation, thinned
from .learner import Learner
from .time_left import ReadyCurve, Wait

T = TypeVar("T")

UPDATED = 4
"""How many pending packages each response updates."""
LATER = 0.05
"""A due package is put back if it is now due later by more than this share of its interval."""
QUEUED_S = 0.04
"""The least lateness of a poll that stood in a queue, in seconds."""
SPARE = 64
"""How many entries of the heap may be outdated, in addition to one per pending package."""
MOST_WAITS = 32
"""`waits` describes at most about this many packages one by one."""


@dataclass(slots=True, eq=False)
class Pending(Generic[T]):
    """A package that is not ready yet.

    Attributes:
        item: Whatever the caller needs to poll it.
        since: When it was created, in seconds on the caller's clock.
        polls: How often it has been taken out of the schedule.
        kind: Packages of the same kind predict its time. None if its creation was not observed, or
            if it has been ready before; backoff applies then.
        seen_s: The age at which it was last seen unready.
        polled_s: Its age when its present interval began.
        density: The density its next poll waits for, see `Learner.next_age_s`.
        late_s: How far backoff would be behind, by its time in the queue. It earns no polls.
        is_queued: Whether its last poll was late enough to have stood in a queue.
        backoff: How many polls backoff would have made by the last response.
        place: Its entry in the heap; 0 if it has none.
        due: When it is due by that entry.
        is_in_turn: Whether it is in the line of packages to update.
    """

    item: T
    since: float
    polls: int = 0
    kind: str | None = None
    seen_s: float = 0.0
    polled_s: float = 0.0
    density: float = 1.0
    late_s: float = 0.0
    is_queued: bool = False
    backoff: int = 0
    place: int = 0
    due: float = 0.0
    is_in_turn: bool = False


def interval(policy: PollPolicy, *, polls: int, jitter: float) -> float:
    """Return the seconds until the next poll by backoff.

    Args:
        policy: The bounds.
        polls: The number of polls so far.
        jitter: A uniformly random number from 0 to 1.
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
        learner: What is known about them.
        pending: The pending ones, as keys, in order of creation.
        turn: Those in the heap, in the order of their updates.
    """

    learner: Learner
    pending: dict[Pending[T], None] = field(default_factory=dict)
    turn: deque[Pending[T]] = field(default_factory=deque)


class Findings(NamedTuple):
    """What an export observed of one kind of package.

    Attributes:
        earlier_weight: How far the observations of earlier exports still hold, from 0 to 1.
        new: The new observations.
    """

    earlier_weight: float
    new: list[Observation]


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
    _recalled: Mapping[str, Sequence[Observation]] = field(default_factory=dict)
    _is_drained: bool = False

    def __len__(self) -> int:
        """Return the number of packages in the heap."""
        return self._waiting

    def begin(self, item: T, *, since: float, now: float, kind: str) -> Pending[T]:
        """Return a package that was unready in the response to its creation.

        Args:
            item: Whatever the caller needs to poll it.
            since: When it was created, in seconds on the caller's clock.
            now: The present time on that clock.
            kind: Packages of the same kind predict its time.
        """
        pending = Pending(item=item, since=since)
        if self.policy.method is PollMethod.LEARNING:
            self._kind(kind).pending[pending] = None
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
            now: The present time, in seconds on the caller's clock.
            jitter: A uniformly random number from 0 to 1.
        """
        if pending.kind is None:
            due = now + interval(self.policy, polls=pending.polls, jitter=jitter)
        else:
            pending.polled_s = max(0.0, now - pending.since)
            if pending.polls:
                pending.density = 1 + self.policy.jitter * (2 * jitter - 1)
            due = self._planned(pending, pending.kind)
        return max(0.0, min(due, self._limit(pending)) - now)

    def put(self, pending: Pending[T], due: float) -> None:
        """Add a package that is to be polled at `due`."""
        self._waiting += 1
        self._push(pending, due)
        if pending.kind is not None and not pending.is_in_turn:
            pending.is_in_turn = True
            self._kind(pending.kind).turn.append(pending)

    def take(self, now: float) -> Pending[T] | None:
        """Take out the package that has been due for longest, or return None if none is due."""
        while (due := self.next_due()) is not None and due <= now:
            pending = heapq.heappop(self._heap)[2]
            if pending.kind is not None and not self._is_drained:
                later = min(self._planned(pending, pending.kind), self._limit(pending))
                begun = pending.since + pending.polled_s
                if later - now > LATER * (later - begun):
                    self._push(pending, later)
                    continue
            pending.place = 0
            pending.polls += 1
            late_s = now - pending.due
            pending.late_s += late_s
            pending.is_queued = late_s >= QUEUED_S
            self._waiting -= 1
            return pending
        return None

    def saw(self, pending: Pending[T], status: PackageStatus, *, now: float) -> None:
        """Learn from a response about a package that has been taken out.

        Args:
            pending: The package.
            status: Its status; unless that is pending, the package has left.
            now: The time of the response.
        """
        if pending.kind is None:
            return
        kind = self._kinds[pending.kind]
        learner, seen_s = kind.learner, pending.seen_s
        age_s = max(seen_s, now - pending.since)
        if pending.is_queued:
            most_s = learner.age_of_backoff(pending.backoff + 1)
            pending.late_s = max(pending.late_s, age_s - most_s)
        if status is PackageStatus.PENDING:
            backoff = max(pending.backoff, learner.backoff_polls(age_s - pending.late_s))
            learner.waited(seen_s, age_s, polls=1, backoff=backoff - pending.backoff)
            pending.seen_s, pending.backoff = age_s, backoff
        else:
            pending.kind = None
            kind.pending.pop(pending, None)
            if status is PackageStatus.READY:
                # It became ready in between, say half-way; one more poll sees it.
                half_s = (seen_s + age_s) / 2 - pending.late_s
                backoff = max(pending.backoff, learner.backoff_polls(half_s))
                learner.ready(seen_s, age_s, backoff=backoff + 1 - pending.backoff)
            else:
                learner.leave(seen_s)
        self._update_some(kind, now)

    def drain(self) -> list[Pending[T]]:
        """Take out everything, in no particular order.

        Packages that are put later are due exactly as given.
        """
        drained = [pending for _, place, pending in self._heap if place == pending.place]
        for pending in drained:
            pending.place = 0
        self._heap.clear()
        self._waiting = 0
        self._is_drained = True
        return drained

    def next_due(self) -> float | None:
        """Return when the next package is due, or None if there is none."""
        heap = self._heap
        while heap and heap[0][1] != heap[0][2].place:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    # Other exports.

    def recall(self, observations: Mapping[str, Sequence[Observation]]) -> None:
        """Use what earlier exports observed, by kind."""
        self._recalled = observations
        for name, kind in self._kinds.items():
            kind.learner.recall(observations.get(name, ()))

    def findings(self) -> dict[str, Findings]:
        """Return what this export observed, by kind."""
        return {
            name: Findings(kind.learner.earlier_weight, kind.learner.observed())
            for name, kind in self._kinds.items()
        }

    # The time left.

    def waits(self, now: float) -> list[Wait]:
        """Return how long the pending packages have waited, and what is known of their kinds.

        Many packages are represented by an even selection of them.
        """
        usual = self.usual_curve()
        found: list[Wait] = []
        for kind in self._kinds.values():
            chosen = thinned(list(kind.pending), MOST_WAITS)
            curve = kind.learner.ready_curve() or usual
            found += [
                Wait(
                    count=len(kind.pending) / len(chosen),
                    unready_s=one.seen_s,
                    age_s=max(one.seen_s, now - one.since),
                    curve=curve,
                )
                for one in chosen
            ]
        return found

    def usual_curve(self) -> ReadyCurve | None:
        """Return what is known of the kind with the most ready packages; None if there is none."""
        learners = (kind.learner for kind in self._kinds.values())
        best = max(learners, key=lambda learner: learner.known, default=None)
        return None if best is None else best.ready_curve()

    def _kind(self, kind: str) -> Kind[T]:
        if kind not in self._kinds:
            learner = Learner(self.policy, self._recalled.get(kind, ()))
            self._kinds[kind] = Kind(learner)
        return self._kinds[kind]

    def _planned(self, pending: Pending[T], kind: str) -> float:
        learner = self._kinds[kind].learner
        return pending.since + learner.next_age_s(pending.polled_s, pending.density)

    def _limit(self, pending: Pending[T]) -> float:
        return pending.since + self.policy.wait_timeout_s

    def _push(self, pending: Pending[T], due: float) -> None:
        self._added += 1
        pending.place, pending.due = self._added, due
        heapq.heappush(self._heap, (due, self._added, pending))

    def _update_some(self, kind: Kind[T], now: float) -> None:
        for _ in range(min(UPDATED, len(kind.turn))):
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
