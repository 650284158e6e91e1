"""When to poll a package, from how long those before it took.

Rules:
    * What polls have seen is kept as a life table (`lifetable`), and its hazard (`hazard`) says how
      likely a package is to become ready at an age.
    * A package that the answer to its creation brings teaches nothing: those that wait are those
      that were not ready then.
    * A poll has a price, in seconds of delay. With the hazard h and the price c, polls that stand
      at a density of sqrt(h / 2c) cost least: J. B. Keller, "Optimum checking schedules for systems
      subject to random failure" (Management Science 21, 1974); before him R. E. Barlow and
      F. Proschan, "Mathematical Theory of Reliability" (1965), chapter 4. The next poll is due
      where the density adds up to one since the last.
    * The price is set so that the packages that wait will have cost as many polls as exponential
      backoff would, times `PollPolicy.budget`. What was saved or overspent before is reckoned in.
    * Where little was seen, polls stand as densely as those of backoff: at all ages before the
      first package was ready, and later at ages that no poll has reached. As more packages are seen
      unready at an age, those that come to it later skip polls there.
    * Packages that are created together take their first polls at different ages, spread evenly
      (multiples of the golden ratio), so that a few of them find out for all.
    * No interval is longer than `PollPolicy.max_s`, or shorter than `LEAST_INTERVAL` of
      `PollPolicy.initial_s`.
    * To look up when a package is due costs O(log bins). What is known is brought up to date in
      O(bins), and not for each poll: after `REFRESH_POLLS` polls, or one for each `REFRESH_PENDING`
      packages that wait, or one for each `REFRESH_ALL` polls before, whichever is most; and when
      those that became ready are more by `REFRESH_FOUND`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field

from ...config import PollPolicy
from .life_table import BIN_GROWTH, LifeTable, smooth

LEAST_GROWTH = 1e-9
"""Intervals that grow by less than this share do not grow."""


@dataclass(slots=True)
class BackoffCurve:
    """What exponential backoff does.

    Attributes:
        policy: Its bounds.
    """

    policy: PollPolicy
    _first_s: float = field(init=False)
    _growth: float = field(init=False)
    _capped_s: float = field(init=False)
    _capped: float = field(init=False)

    def __post_init__(self) -> None:
        """Find the age from which on intervals do not grow."""
        policy = self.policy
        self._first_s = min(policy.initial_s, policy.max_s)
        self._growth = policy.factor - 1
        self._capped_s = self._capped = 0.0
        if self._growth >= LEAST_GROWTH and self._first_s < policy.max_s:
            self._capped_s = (policy.max_s - self._first_s) / self._growth
            self._capped = math.log(policy.max_s / self._first_s) / math.log(policy.factor)

    def rungs(self, age_s: float) -> float:
        """Return how many polls backoff makes up to an age."""
        if age_s >= self._capped_s:
            return self._capped + (age_s - self._capped_s) / self._last_s
        return math.log1p(age_s * self._growth / self._first_s) / math.log1p(self._growth)

    def age_s(self, rungs: float) -> float:
        """Return the age at which backoff has made so many polls: the inverse of `rungs`."""
        if rungs >= self._capped:
            return self._capped_s + (rungs - self._capped) * self._last_s
        return self._first_s * math.expm1(rungs * math.log1p(self._growth)) / self._growth

    @property
    def _last_s(self) -> float:
        """The interval that does not grow any more."""
        return self.policy.max_s if self._capped else self._first_s


FIRST_BIN = 0.25
"""The first age bin, as a share of backoff's first interval."""
LEAST_BIN_S = 0.05
"""Finer than an answer is on its way, nothing is known."""
LEAST_INTERVAL = 0.2
"""The shortest interval, as a share of backoff's first one."""

SCOUTS = 4.0
"""Where so many packages were seen unready, polls need be 0.7 times as dense as backoff's."""
SPREAD = 0.5
"""The first polls of packages are spread over this share of an interval."""
GOLDEN = (math.sqrt(5) - 1) / 2

REFRESH_POLLS = 8
REFRESH_PENDING = 64
REFRESH_FOUND = 0.05
REFRESH_ALL = 50

AHEAD = 8
"""Bins beyond all that was seen; the hazard that was found last reaches into them."""
TAIL = 20
"""The hazard beyond the bins is that of the last so many."""
TAIL_GROWTH = 1.3
TAIL_END = 1e-3
LEAST_SHARE = 0.3
MOST_SHARE = 4.0
"""What was over- or underspent is made up for between these multiples of backoff's polls."""
OWN_POLL = 0.5
"""A package costs this much more than the density adds up to, as the last poll comes late."""
LEAST_PER_PACKAGE = 0.25
LEAST_PRICE = 0.005
"""The least price of a poll, as a share of backoff's first interval; polls that were saved are not
spent on next to nothing."""


@dataclass(slots=True)
class Learner:
    """What is known of one kind of package in one export.

    Attributes:
        policy: The bounds, and the budget.
        credit: Polls that may be made because they were saved before; negative if overspent.
        waiting: How many packages of the kind are not ready.
        price: What a poll costs, in seconds of delay; None before a package has become ready.
    """

    policy: PollPolicy
    credit: float = 0.0
    waiting: int = 0
    price: float | None = None
    _joined: int = 0
    _ladder: BackoffCurve = field(init=False)
    _table: LifeTable = field(init=False)
    _waiting_in: list[int] = field(default_factory=lambda: [0])
    _polls: int = 0
    _all_polls: int = 0
    _found: int = 0
    _edges: list[float] = field(init=False)
    _widths: list[float] = field(default_factory=list)
    _rungs: list[float] = field(init=False)
    _backoff: list[float] = field(default_factory=list)
    _hazards: list[float] = field(default_factory=lambda: [0.0])
    _mass: list[float] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no knowledge."""
        self._ladder = BackoffCurve(self.policy)
        self._table = LifeTable(max(self._ladder.age_s(1) * FIRST_BIN, LEAST_BIN_S))
        self._edges = self._table.edges[:1]
        self._rungs = [0.0]
        self._refresh()

    # What is seen.

    def join(self) -> float:
        """Take on a package, and return how much density its first poll waits for."""
        spread = (0.5 + self._joined * GOLDEN) % 1 - 0.5
        self._joined += 1
        self.waiting += 1
        self._waiting_in[0] += 1
        return 1 + SPREAD * spread

    def leave(self, seen_s: float) -> None:
        """Let go of a package that was last seen unready at this age; it may never get ready."""
        self.waiting -= 1
        self._waiting_in[self._table.bin_of(seen_s)] -= 1

    def waited(self, begin_s: float, end_s: float, *, polls: int, backoff: int) -> None:
        """Learn that a package was not ready.

        Args:
            begin_s: The age at which it was last seen unready.
            end_s: Its age now.
            polls: What that cost; none if it is the answer to the creation.
            backoff: How many polls backoff would have made meanwhile.
        """
        self._table.waited(begin_s, end_s)
        at, now_at = self._table.bin_of(begin_s), self._table.bin_of(end_s)
        self._waiting_in.extend([0] * (now_at + 1 - len(self._waiting_in)))
        self._waiting_in[at] -= 1
        self._waiting_in[now_at] += 1
        self.credit += self.policy.budget * backoff - polls
        self._note(found=0)

    def ready(self, begin_s: float, end_s: float, *, backoff: int) -> None:
        """Learn from a poll that a package became ready between two ages; it waits no longer.

        Args:
            begin_s: The age at which it was last seen unready.
            end_s: Its age now.
            backoff: How many polls backoff would have made meanwhile to see it.
        """
        self._table.ready(begin_s, end_s, self._hazards)
        self.leave(begin_s)
        self.credit += self.policy.budget * backoff - 1
        self._note(found=1)

    # What follows.

    def next_age_s(self, age_s: float, density: float) -> float:
        """Return the age at which a package is to be polled.

        Args:
            age_s: Its age at the last poll.
            density: The sum of densities that its next poll waits for, about one.
        """
        target = self._mass_at(age_s) + density
        if target < self._mass[-1]:
            at = bisect_right(self._mass, target) - 1
            share = (target - self._mass[at]) / (self._mass[at + 1] - self._mass[at])
            due_s = self._edges[at] + share * self._widths[at]
        else:
            due_s = self._ladder.age_s(self._rungs[-1] + target - self._mass[-1])
        return age_s + min(max(due_s - age_s, self._least_s), self.policy.max_s)

    def _mass_at(self, age_s: float) -> float:
        if age_s >= self._edges[-1]:
            return self._mass[-1] + self._ladder.rungs(age_s) - self._rungs[-1]
        at = bisect_right(self._edges, age_s) - 1
        density = (self._mass[at + 1] - self._mass[at]) / self._widths[at]
        return self._mass[at] + density * (age_s - self._edges[at])

    def backoff_polls(self, age_s: float) -> int:
        """Return how many polls backoff has made by an age."""
        return math.floor(self._ladder.rungs(max(0.0, age_s)))

    @property
    def _least_s(self) -> float:
        return LEAST_INTERVAL * self._ladder.age_s(1)

    # What is made of it.

    def _note(self, *, found: int) -> None:
        self._polls += 1
        self._found += found
        self._all_polls += 1
        many = max(REFRESH_POLLS, self.waiting / REFRESH_PENDING, self._all_polls / REFRESH_ALL)
        if self._found > REFRESH_FOUND * self._table.found:
            self._table.share_again(self._hazards)
            self._found = 0
        elif self._polls < many:
            return
        self._polls = 0
        self._refresh()

    def _refresh(self) -> None:
        self._extend()
        exposures = self._table.exposures()
        beyond = [0.0] * (len(self._widths) - len(exposures))
        exposures += beyond
        floors = [
            backoff * math.sqrt(SCOUTS * width / (max(0.0, exposure) + SCOUTS * width))
            for backoff, width, exposure in zip(self._backoff, self._widths, exposures, strict=True)
        ]
        densities = floors
        if self._table.found:
            doubled = 2 * (self.price or 0.0)
            events = self._table.events + beyond
            priors = [doubled * backoff**2 for backoff in self._backoff]
            self._hazards = smooth(events, exposures, self._widths, priors)
            self.price = self._priced(
                floors, sum(events[-TAIL - AHEAD :]), sum(exposures[-TAIL - AHEAD :])
            )
            scale = 1 / math.sqrt(2 * self.price)
            most = 1 / self._least_s
            densities = [
                min(most, max(floor, scale * math.sqrt(hazard)))
                for floor, hazard in zip(floors, self._hazards, strict=True)
            ]
        total, self._mass = 0.0, [0.0]
        for density, width in zip(densities, self._widths, strict=True):
            total += density * width
            self._mass.append(total)

    def _extend(self) -> None:
        """Add bins until they reach `AHEAD` beyond what was seen."""
        edges, bins = self._edges, len(self._table.events) + AHEAD
        while len(self._widths) < bins:
            seen = self._table.edges
            edges.append(seen[len(edges)] if len(edges) < len(seen) else edges[-1] * BIN_GROWTH)
            self._widths.append(edges[-1] - edges[-2])
            self._rungs.append(self._ladder.rungs(edges[-1]))
            self._backoff.append((self._rungs[-1] - self._rungs[-2]) / self._widths[-1])

    def _priced(self, floors: list[float], late_events: float, late_exposure: float) -> float:
        """Return the price at which the packages that wait cost what backoff would.

        Per package and from an age on, w is what the roots of the hazards add up to while it is not
        ready, and b what backoff's polls do; both are reckoned backwards from the end.
        """
        root = math.sqrt(2 * (self.price or 0.0))
        w, b = self._tail(late_events, late_exposure)
        wanted = allowed = 0.0
        waiting = self._waiting_in
        for at in range(len(self._widths) - 1, -1, -1):
            width, hazard = self._widths[at], self._hazards[at]
            gone = -math.expm1(-hazard * width)
            mean = gone / hazard if hazard > 0 else width
            w = mean * max(math.sqrt(hazard), root * floors[at]) + (1 - gone) * w
            b = mean * self._backoff[at] + (1 - gone) * b
            if at < len(waiting) and waiting[at]:
                wanted += waiting[at] * w
                allowed += waiting[at] * b
        own = OWN_POLL * self.waiting
        allowed += own
        polls = self.policy.budget * allowed + self.credit
        polls = max(LEAST_SHARE * allowed, min(polls, MOST_SHARE * allowed)) - own
        polls = max(polls, LEAST_PER_PACKAGE * self.waiting)
        least = LEAST_PRICE * self._ladder.age_s(1)
        if not self.waiting:
            return self.price or least
        return max((wanted / polls) ** 2 / 2, least)

    def _tail(self, events: float, exposure: float) -> tuple[float, float]:
        """Return w and b beyond the last bin, for one package that gets there."""
        hazard = events / exposure if exposure > 0 else 0.0
        w = b = 0.0
        if hazard > 0:
            begin_s, left = self._edges[-1], 1.0
            while left > TAIL_END and begin_s < self.policy.wait_timeout_s:
                end_s = begin_s * TAIL_GROWTH
                gone = -math.expm1(-hazard * (end_s - begin_s))
                spent_s = left * gone / hazard
                w += spent_s * math.sqrt(hazard)
                steps = self._ladder.rungs(end_s) - self._ladder.rungs(begin_s)
                b += spent_s * steps / (end_s - begin_s)
                begin_s, left = end_s, left * (1 - gone)
        return w, b
