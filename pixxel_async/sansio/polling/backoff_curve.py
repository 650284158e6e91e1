"""Exponential backoff as a function of age: the rungs that polls stand on.

Rules:
    * The interval after n polls, `initial_s` * `factor` ** n, is `initial_s` + (`factor` - 1) times
      the age, since that is the sum of the intervals before; it is `max_s` at most.
    * So the number of polls that backoff makes up to an age needs no count, and may be a fraction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ...polls import PollPolicy

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
