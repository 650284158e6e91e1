"""What earlier exports observed of packaging times, and how far the present one agrees.

Rules:
    * A package of an earlier export is one `Observation`. At most `MOST` are kept; those of a new
      export replace an even selection of the old ones, so old knowledge fades.
    * Earlier observations count with a weight from 0 to 1: the probability that they still describe
      the service. Each poll updates it by its likelihood under the earlier hazards, compared with a
      vague model: a hazard of `VAGUE` divided by the age, which favors no time scale. So a few
      packages that are much too early or too late are enough to discard what was known.
    * An observation is an interval, so the comparison gives the benefit of the doubt: packages that
      are unready are compared with the ends of the intervals, and those that are ready with the
      beginnings, the ends or what lies between, whichever agrees best.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, TypeVar

from .life_table import LifeTable, smooth

T = TypeVar("T")

MOST = 200
HALF_LIFE_DAYS = 30.0
"""Observations that are this old keep half their number."""

VAGUE = 0.5
LOG_ODDS = 5.0
"""At the start: 150 to 1 that the service behaves as before."""
LEAST_LOG_ODDS = -8.0
MOST_LOG_ODDS = 6.0
"""Evidence is bounded, so that a change late in a long export is noticed as quickly."""
LEAST_WEIGHT = 0.01
"""Below this, earlier observations are ignored."""
STRANGE = 0.05
"""The share of packages that take any time at all, though the service behaves as before."""
RARE = 1e-6
LATE = 1.2
"""The ratio of the prior hazards of neighboring bins, which places events near the ends of their
intervals: a poll there is certain to find the package ready, one that is earlier may be wasted."""


class Observation(NamedTuple):
    """The packaging time of one package, as far as polls have narrowed it down.

    Attributes:
        unready_s: The age at which it was last seen unready, in seconds.
        ready_s: The age at which it was seen ready; None if it never was.
    """

    unready_s: float
    ready_s: float | None


def thinned(items: Sequence[T], most: int) -> list[T]:
    """Return an even selection of at most this many items, in order."""
    count = len(items)
    if count <= most:
        return list(items)
    return [items[(2 * at + 1) * count // (2 * most)] for at in range(most)]


def faded(observations: Sequence[Observation], days: float) -> list[Observation]:
    """Return what is left of observations after some days."""
    share = 0.5 ** (max(0.0, days) / HALF_LIFE_DAYS)
    return thinned(observations, round(share * len(observations)))


def merged(
    earlier: Sequence[Observation], weight: float, new: Sequence[Observation]
) -> list[Observation]:
    """Return the observations to keep after an export.

    Args:
        earlier: The observations before it.
        weight: How far they still describe the service, from 0 to 1.
        new: Those of the export.
    """
    kept = thinned(new, MOST)
    room = min(MOST - len(kept), round(weight * len(earlier)))
    return [*thinned(earlier, room), *kept]


@dataclass(slots=True)
class Sample:
    """An even sample of a stream of observations, of at most twice `MOST`.

    Attributes:
        items: The sample.
        stride: Each stands for this many observations.
    """

    items: list[Observation] = field(default_factory=list)
    stride: int = 1
    _count: int = 0

    def add(self, observation: Observation) -> None:
        """Add an observation, or skip it."""
        if self._count % self.stride == 0:
            self.items.append(observation)
            if len(self.items) > 2 * MOST:
                self.items = self.items[::2]
                self.stride *= 2
        self._count += 1


@dataclass(slots=True)
class EarlierExports:
    """The life table of earlier exports, and its weight.

    Attributes:
        observations: What they observed.
        initial_s: Backoff's first interval, the time scale below which nothing is known.
        table: Events and exposures; its bins are those of the present export.
    """

    observations: Sequence[Observation]
    initial_s: float
    table: LifeTable
    _log_odds: float = LOG_ODDS
    _early: Masses = field(init=False)
    _middle: Masses = field(init=False)
    _late: Masses = field(init=False)

    def __post_init__(self) -> None:
        """Fill the table, and sum up its hazards for the comparison."""
        table, early, late = (
            self.table,
            LifeTable(self.table.first_s),
            LifeTable(self.table.first_s),
        )
        table.recent = len(self.observations)
        for unready_s, ready_s in self.observations:
            table.waited(0.0, unready_s)
            early.waited(0.0, unready_s)
            late.waited(0.0, unready_s if ready_s is None else ready_s)
            if ready_s is not None:
                last = table.bin_of(ready_s)
                rising = [RARE * LATE ** (at - last) for at in range(last + 1)]
                table.ready(unready_s, ready_s, rising)
                early.ready(unready_s, unready_s, [0.0])
                late.ready(ready_s, ready_s, [0.0])
        table.share_again(hazards_of(table, self.initial_s))
        self._early = Masses(early, self.initial_s)
        self._middle = Masses(table, self.initial_s)
        self._late = Masses(late, self.initial_s)

    @property
    def weight(self) -> float:
        """How much an earlier observation counts, compared with one of this export."""
        if not self.observations:
            return 0.0
        weight = 1 / (1 + math.exp(-self._log_odds))
        return weight if weight >= LEAST_WEIGHT else 0.0

    def compare(self, begin_s: float, end_s: float, *, is_ready: bool) -> None:
        """Update the weight by a poll of the present export.

        Args:
            begin_s: The age at which the package was last seen unready.
            end_s: Its age at the poll.
            is_ready: What the poll said.
        """
        if not self.observations:
            return
        vague = math.exp(_vague(begin_s, self.initial_s) - _vague(end_s, self.initial_s))
        if is_ready:
            vague = 1 - vague
            masses = (self._early, self._middle, self._late)
            known = -math.expm1(-max(one.between(begin_s, end_s) for one in masses))
        else:
            known = math.exp(-self._late.between(begin_s, end_s))
        if vague > 0:
            self._log_odds += math.log(STRANGE + (1 - STRANGE) * known / vague)
            self._log_odds = max(LEAST_LOG_ODDS, min(self._log_odds, MOST_LOG_ODDS))


@dataclass(slots=True)
class Masses:
    """The cumulative hazard of a life table; beyond its bins, that of the vague model.

    Attributes:
        table: The table; its later changes have no effect.
        initial_s: The time scale of the vague model.
    """

    table: LifeTable
    initial_s: float
    _masses: list[float] = field(default_factory=lambda: [0.0])

    def __post_init__(self) -> None:
        """Sum up the hazards."""
        hazards = hazards_of(self.table, self.initial_s)
        for hazard, (begin_s, end_s) in zip(hazards, pairwise(self.table.edges), strict=True):
            self._masses.append(self._masses[-1] + hazard * (end_s - begin_s))

    def between(self, begin_s: float, end_s: float) -> float:
        """Return the cumulative hazard between two ages."""
        return self._until(end_s) - self._until(begin_s)

    def _until(self, age_s: float) -> float:
        edges, masses = self.table.edges, self._masses
        if age_s >= edges[-1]:
            beyond = _vague(age_s, self.initial_s) - _vague(edges[-1], self.initial_s)
            return masses[-1] + beyond
        at = bisect_right(edges, age_s) - 1
        share = (age_s - edges[at]) / (edges[at + 1] - edges[at])
        return masses[at] + share * (masses[at + 1] - masses[at])


def hazards_of(table: LifeTable, initial_s: float) -> list[float]:
    """Return the hazard of each bin; where little was observed, that of the vague model."""
    bins = list(pairwise(table.edges))
    widths = [end_s - begin_s for begin_s, end_s in bins]
    priors = [
        (_vague(end_s, initial_s) - _vague(begin_s, initial_s)) / (end_s - begin_s)
        for begin_s, end_s in bins
    ]
    return smooth(table.events, table.exposures(), widths, priors)


def _vague(age_s: float, initial_s: float) -> float:
    """Return the cumulative hazard of the vague model."""
    return VAGUE * math.log1p(age_s / initial_s)
