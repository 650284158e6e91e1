"""When to poll a package, from the packaging times of others of its kind.

Rules:
    * A life table (`life_table`) collects what polls observed. Its hazard is the rate at which
      packages of an age become ready. What earlier exports observed counts, too, as long as the
      present one agrees with it (`earlier_exports`).
    * A package that is ready in the response to its creation teaches nothing: the times are those
      of packages that were not.
    * A poll has a price, in seconds of delay. With the hazard h and the price c, polls at a density
      of sqrt(h / 2c) cost least: J. B. Keller, "Optimum checking schedules for systems subject to
      random failure" (Management Science 21, 1974); before him R. E. Barlow and F. Proschan,
      "Mathematical Theory of Reliability" (1965), chapter 4. The next poll is due where the density
      since the last adds up to one.
    * The price is such that the pending packages are expected to cost as many polls as exponential
      backoff would make, times `PollPolicy.budget`, plus what was saved or overspent before.
    * Where little was observed, polls are at least as dense as those of backoff: at all ages before
      the first package is ready, and later at ages that no poll has reached. The more packages were
      unready at an age, the fewer polls others spend on it.
    * Packages that are created together get their first polls at different ages, evenly spread
      (multiples of the golden ratio), so that a few of them find out for all.
    * No interval is longer than `PollPolicy.max_s`, or shorter than `LEAST_INTERVAL` of
      `PollPolicy.initial_s`.
    * Finding the due time of a package costs O(log bins). Updating the hazards and the price costs
      O(bins), and happens after `REFRESH_POLLS` polls, or one for each `REFRESH_PENDING` pending
      packages, or one for each `REFRESH_ALL` earlier polls, whichever is most; and when the number
      of ready packages has grown by `REFRESH_FOUND`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...config import PollPolicy
from .backoff_curve import BackoffCurve
from .earlier_exports import EarlierExports, Observation, Sample
from .life_table import BIN_GROWTH, LifeTable, smooth
from .time_left import ReadyCurve

FIRST_BIN = 0.25
"""The first age bin, as a share of backoff's first interval."""
LEAST_BIN_S = 0.05
"""About the time of a response: shorter times cannot be observed."""
LEAST_INTERVAL = 0.2
"""The shortest interval, as a share of backoff's first one."""

SCOUTS = 4.0
"""Where this many packages were unready, polls are at least 0.7 times as dense as backoff's."""
SPREAD = 0.5
"""First polls are spread over this share of an interval."""
GOLDEN = (math.sqrt(5) - 1) / 2

REFRESH_POLLS = 8
REFRESH_PENDING = 64
REFRESH_FOUND = 0.05
REFRESH_ALL = 50

AHEAD = 8
"""Bins beyond the last observation."""
TAIL = 20
"""The hazard beyond the bins is that of this many last ones."""
TAIL_EVENTS = 5.0
"""An estimate of the time left goes further back until that many events are among them."""
LAST_EVENT = 0.5
"""The bins often end at an event, which makes their hazard seem higher than it is."""
TAIL_GROWTH = 1.3
TAIL_END = 1e-3
LEAST_SHARE = 0.3
MOST_SHARE = 4.0
"""Saved or overspent polls change what is spent to between these multiples of backoff's polls."""
OWN_POLL = 0.5
"""A package costs this many polls more than its density adds up to: the last poll comes late."""
LEAST_PER_PACKAGE = 0.25
LEAST_PRICE = 0.005
"""The least price of a poll, as a share of backoff's first interval: saved polls are not spent on
next to no gain."""


@dataclass(slots=True)
class Learner:
    """What is known about one kind of package in one export.

    Attributes:
        policy: The bounds, and the budget.
        observations: What earlier exports observed.
        credit: The number of polls saved so far; negative if overspent.
        waiting: How many packages of the kind are not ready.
        price: What a poll costs, in seconds of delay; None before a package has become ready.
    """

    policy: PollPolicy
    observations: Sequence[Observation] = ()
    credit: float = 0.0
    waiting: int = 0
    price: float | None = None
    _joined: int = 0
    _curve: BackoffCurve = field(init=False)
    _table: LifeTable = field(init=False)
    _earlier: EarlierExports = field(init=False)
    _sample: Sample = field(default_factory=Sample)
    _waiting_in: list[int] = field(default_factory=lambda: [0])
    _polls: int = 0
    _all_polls: int = 0
    _found: int = 0
    _edges: list[float] = field(init=False)
    _widths: list[float] = field(default_factory=list)
    _backoff_polls: list[float] = field(init=False)
    _backoff: list[float] = field(default_factory=list)
    _hazards: list[float] = field(default_factory=lambda: [0.0])
    _mass: list[float] = field(init=False)

    def __post_init__(self) -> None:
        """Start with what earlier exports observed."""
        self._curve = BackoffCurve(self.policy)
        self._table = LifeTable(max(self._curve.age_of(1) * FIRST_BIN, LEAST_BIN_S))
        self._edges = self._table.edges[:1]
        self._backoff_polls = [0.0]
        self.recall(self.observations)

    def recall(self, observations: Sequence[Observation]) -> None:
        """Use what earlier exports observed from now on."""
        self.observations = observations
        self._earlier = EarlierExports(
            observations, self.policy.initial_s, LifeTable(self._table.first_s)
        )
        self._table.reach(len(self._earlier.table.events))
        self._refresh()

    # Observations.

    def join(self) -> float:
        """Add a package, and return the density that its first poll waits for."""
        spread = (0.5 + self._joined * GOLDEN) % 1 - 0.5
        self._joined += 1
        self.waiting += 1
        self._waiting_in[0] += 1
        if self._earlier.weight and self.waiting.bit_count() == 1:
            self._refresh()  # the price depends on how many packages wait
        return 1 + SPREAD * spread

    def leave(self, seen_s: float) -> None:
        """Remove a package that was last seen unready at this age, and may never become ready."""
        self._remove(seen_s)
        if seen_s > 0:
            self._sample.add(Observation(seen_s, None))

    def waited(self, begin_s: float, end_s: float, *, polls: int, backoff: int) -> None:
        """Learn that a package was unready.

        Args:
            begin_s: The age at which it was last seen unready.
            end_s: Its age now.
            polls: The number of polls it took to learn this; zero for the response to the creation.
            backoff: The number of polls backoff would have made in the meantime.
        """
        self._earlier.compare(begin_s, end_s, is_ready=False)
        self._table.waited(begin_s, end_s)
        at, now_at = self._table.bin_of(begin_s), self._table.bin_of(end_s)
        self._waiting_in.extend([0] * (now_at + 1 - len(self._waiting_in)))
        self._waiting_in[at] -= 1
        self._waiting_in[now_at] += 1
        self.credit += self.policy.budget * backoff - polls
        self._note(found=0)

    def ready(self, begin_s: float, end_s: float, *, backoff: int) -> None:
        """Learn from a poll that a package became ready between two ages, and remove it.

        Args:
            begin_s: The age at which it was last seen unready.
            end_s: Its age now.
            backoff: The number of polls backoff would have made in the meantime to see it.
        """
        self._earlier.compare(begin_s, end_s, is_ready=True)
        self._table.ready(begin_s, end_s, self._hazards)
        self._remove(begin_s)
        self._sample.add(Observation(begin_s, end_s))
        self.credit += self.policy.budget * backoff - 1
        self._note(found=1)

    def _remove(self, seen_s: float) -> None:
        self.waiting -= 1
        self._waiting_in[self._table.bin_of(seen_s)] -= 1

    @property
    def known(self) -> float:
        """How many packages became ready; those of earlier exports count by their weight."""
        return self._table.found + self._earlier.weight * self._earlier.table.found

    @property
    def earlier_weight(self) -> float:
        """How far the observations of earlier exports still hold, from 0 to 1."""
        return self._earlier.weight

    def observed(self) -> list[Observation]:
        """Return an even sample of this export's observations, the pending packages included."""
        waiting = [
            Observation(self._table.edges[at], None)
            for at, count in enumerate(self._waiting_in)
            for _ in range(count)
            if at
        ]
        return [*self._sample.items, *waiting[:: self._sample.stride]]

    # Decisions.

    def next_age_s(self, age_s: float, density: float) -> float:
        """Return the age at which to poll a package.

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
            due_s = self._curve.age_of(self._backoff_polls[-1] + target - self._mass[-1])
        return age_s + min(max(due_s - age_s, self._least_s), self.policy.max_s)

    def _mass_at(self, age_s: float) -> float:
        if age_s >= self._edges[-1]:
            return self._mass[-1] + self._curve.polls_by(age_s) - self._backoff_polls[-1]
        at = bisect_right(self._edges, age_s) - 1
        density = (self._mass[at + 1] - self._mass[at]) / self._widths[at]
        return self._mass[at] + density * (age_s - self._edges[at])

    def backoff_polls(self, age_s: float) -> int:
        """Return how many polls backoff has made by an age."""
        return math.floor(self._curve.polls_by(max(0.0, age_s)))

    def age_of_backoff(self, polls: int) -> float:
        """Return the age at which backoff has made that many polls."""
        return self._curve.age_of(polls)

    @property
    def _least_s(self) -> float:
        return LEAST_INTERVAL * self._curve.age_of(1)

    def ready_curve(self) -> ReadyCurve | None:
        """Return when packages become ready, for an estimate; None before the first did."""
        if not self.known:
            return None
        events, exposures, _ = self._counts()
        late = max(0, len(events) - TAIL)
        late_events = sum(events[late:])
        while late and late_events < TAIL_EVENTS:
            late -= 1
            late_events += events[late]
        edges = self._table.edges[:]
        masses = [0.0]
        for at in range(len(events)):
            event = max(0.0, events[at])
            at_risk = exposures[at] / (edges[at + 1] - edges[at]) + event / 2
            # One more than was observed: the next package may take longer than all of them.
            masses.append(masses[-1] - math.log1p(-event / (max(at_risk, event) + 1)))
        return ReadyCurve(
            edges=edges,
            masses=masses,
            events=events,
            late_events=max(late_events - LAST_EVENT, late_events / 2),
            late_s=sum(exposures[late:]),
            next_age_s=lambda age_s: self.next_age_s(age_s, 1.0),
        )

    # Updates.

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
        events, exposures, found = self._counts()
        beyond = [0.0] * (len(self._widths) - len(exposures))
        events += beyond
        exposures += beyond
        floors = [
            backoff * math.sqrt(SCOUTS * width / (max(0.0, exposure) + SCOUTS * width))
            for backoff, width, exposure in zip(self._backoff, self._widths, exposures, strict=True)
        ]
        densities = floors
        if found:
            doubled = 2 * (self.price or 0.0)
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

    def _counts(self) -> tuple[list[float], list[float], float]:
        """Return events and exposures of each bin, and the number of ready packages."""
        table, earlier, weight = self._table, self._earlier.table, self._earlier.weight
        events, exposures = table.events[:], table.exposures()
        if weight:
            for at, (event, exposure) in enumerate(
                zip(earlier.events, earlier.exposures(), strict=True)
            ):
                events[at] += weight * event
                exposures[at] += weight * exposure
        return events, exposures, table.found + weight * earlier.found

    def _extend(self) -> None:
        """Add bins until they reach `AHEAD` beyond the last observation."""
        edges, bins = self._edges, len(self._table.events) + AHEAD
        while len(self._widths) < bins:
            seen = self._table.edges
            edges.append(seen[len(edges)] if len(edges) < len(seen) else edges[-1] * BIN_GROWTH)
            self._widths.append(edges[-1] - edges[-2])
            polls = self._curve.polls_by(edges[-1])
            self._backoff.append((polls - self._backoff_polls[-1]) / self._widths[-1])
            self._backoff_polls.append(polls)

    def _priced(self, floors: list[float], late_events: float, late_exposure: float) -> float:
        """Return the price at which the pending packages cost what backoff would.

        From an age on, one package is expected to collect w, the integral of the root of the hazard
        until it is ready, and b, the number of backoff's polls. Both are summed from the end.
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
        least = LEAST_PRICE * self._curve.age_of(1)
        if not self.waiting:
            return self.price or least
        return max((wanted / polls) ** 2 / 2, least)

    def _tail(self, events: float, exposure: float) -> tuple[float, float]:
        """Return w and b beyond the last bin, for one package that reaches it."""
        hazard = events / exposure if exposure > 0 else 0.0
        w = b = 0.0
        if hazard > 0:
            begin_s, left = self._edges[-1], 1.0
            while left > TAIL_END and begin_s < self.policy.wait_timeout_s:
                end_s = begin_s * TAIL_GROWTH
                gone = -math.expm1(-hazard * (end_s - begin_s))
                spent_s = left * gone / hazard
                w += spent_s * math.sqrt(hazard)
                polls = self._curve.polls_by(end_s) - self._curve.polls_by(begin_s)
                b += spent_s * polls / (end_s - begin_s)
                begin_s, left = end_s, left * (1 - gone)
        return w, b
