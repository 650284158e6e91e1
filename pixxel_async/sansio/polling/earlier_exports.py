"""What earlier exports observed of packaging times, and how far the present one agrees.

Rules:
    * A package of an earlier export is one `Observation`. At most `MOST` are kept; those of a new
      export replace an even selection of the old ones, so old knowledge fades.
    * Earlier observations count with a weight from 0 to 1: the probability that they still describe
      the service. Each poll updates it by its likelihood under the earlier hazards, compared with a
      vague model: a hazard of `VAGUE` divided by the age, which favors no time scale. So a few
      packages that are much too early or too late are enough to discard what was known.
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
LOG_ODDS = 3.0
"""At the start: 20 to 1 that the service behaves as before."""
LEAST_LOG_ODDS = -8.0
MOST_LOG_ODDS = 4.0
"""Evidence is bounded, so that a change late in a long export is noticed as quickly."""
LEAST_WEIGHT = 0.01
"""Below this, earlier observations are ignored."""
LEAST_CHANCE = 1e-9
ROUNDS = 5
"""How often the events of earlier exports are divided again; more changes nothing."""


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
    _mass: list[float] = field(default_factory=lambda: [0.0])

    def __post_init__(self) -> None:
        """Fill the table, and remember its hazards."""
        table = self.table
        table.recent = len(self.observations)
        for unready_s, ready_s in self.observations:
            table.waited(0.0, unready_s)
            if ready_s is not None:
                table.ready(unready_s, ready_s, [0.0])
        for _ in range(ROUNDS):
            table.share_again(self._hazards())
        for hazard, (begin_s, end_s) in zip(self._hazards(), pairwise(table.edges), strict=True):
            self._mass.append(self._mass[-1] + hazard * (end_s - begin_s))

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
        known = self._mass_at(end_s) - self._mass_at(begin_s)
        vague = self._vague(end_s) - self._vague(begin_s)
        self._log_odds += math.log(_chance(known) / _chance(vague)) if is_ready else vague - known
        self._log_odds = max(LEAST_LOG_ODDS, min(self._log_odds, MOST_LOG_ODDS))

    def _hazards(self) -> list[float]:
        edges = self.table.edges
        widths = [end_s - begin_s for begin_s, end_s in pairwise(edges)]
        priors = [
            (self._vague(end_s) - self._vague(begin_s)) / (end_s - begin_s)
            for begin_s, end_s in pairwise(edges)
        ]
        return smooth(self.table.events, self.table.exposures(), widths, priors)

    def _mass_at(self, age_s: float) -> float:
        """Return the cumulative hazard; beyond the observations, that of the vague model."""
        edges, mass = self.table.edges, self._mass
        last = len(mass) - 1
        if age_s >= edges[last]:
            return mass[last] + self._vague(age_s) - self._vague(edges[last])
        at = bisect_right(edges, age_s) - 1
        share = (age_s - edges[at]) / (edges[at + 1] - edges[at])
        return mass[at] + share * (mass[at + 1] - mass[at])

    def _vague(self, age_s: float) -> float:
        return VAGUE * math.log1p(age_s / self.initial_s)


def _chance(hazard: float) -> float:
    return max(-math.expm1(-hazard), LEAST_CHANCE)
