"""Exponential backoff as a curve: polls by age, and age by polls."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ...config import PollPolicy

LEAST_GROWTH = 1e-9
"""Growth below this counts as none."""


@dataclass(slots=True)
class BackoffCurve:
    """How many polls exponential backoff makes by an age, without jitter.

    Attributes:
        policy: Its bounds.
    """

    policy: PollPolicy
    _first_s: float = field(init=False)
    _growth: float = field(init=False)
    _capped_s: float = field(init=False)
    _capped: float = field(init=False)

    def __post_init__(self) -> None:
        """Compute the age from which intervals stop growing."""
        policy = self.policy
        self._first_s = min(policy.initial_s, policy.max_s)
        self._growth = policy.factor - 1
        self._capped_s = self._capped = 0.0
        if self._growth >= LEAST_GROWTH and self._first_s < policy.max_s:
            self._capped_s = (policy.max_s - self._first_s) / self._growth
            self._capped = math.log(policy.max_s / self._first_s) / math.log(policy.factor)

    def polls_by(self, age_s: float) -> float:
        """Return the number of polls up to an age; fractions lie between two polls."""
        if age_s >= self._capped_s:
            return self._capped + (age_s - self._capped_s) / self._last_s
        return math.log1p(age_s * self._growth / self._first_s) / math.log1p(self._growth)

    def age_of(self, polls: float) -> float:
        """Return the age in seconds at that number of polls: the inverse of `polls_by`."""
        if polls >= self._capped:
            return self._capped_s + (polls - self._capped) * self._last_s
        return self._first_s * math.expm1(polls * math.log1p(self._growth)) / self._growth

    @property
    def _last_s(self) -> float:
        """The interval once it has stopped growing."""
        return self.policy.max_s if self._capped else self._first_s
