"""Percentiles by nearest rank: each is one of the values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

RANKS = (50, 90, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """The spread of some values; the percentiles are None if there are none.

    Attributes:
        count: How many values there are.
        p50: Half of the values are at most this.
        p90: 90 % of them are.
        p99: 99 % of them are.
    """

    count: int
    p50: float | None
    p90: float | None
    p99: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the percentiles of values in any order."""
        ordered = sorted(values)
        last = len(ordered)
        found = [ordered[math.ceil(rank * last / 100) - 1] if last else None for rank in RANKS]
        return cls(count=last, p50=found[0], p90=found[1], p99=found[2])
