"""The least possible delay of polls for a known distribution.

Dynamic programming over the ages at which a package may be polled: from the last age back to
zero, the next poll is placed to minimise its price plus the delay until it plus the cost of the
rest. A bisection then finds the price that gives the requested number of polls for each package.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

AGES = 300
EVEN_AGES = 60
STEPS = 12


def least_delay_s(took: Sequence[float], polls: float, max_s: float) -> float:
    """Return the mean delay.

    Args:
        took: The packaging times of many packages: the distribution.
        polls: The polls allowed for each package.
        max_s: The longest interval.
    """
    ordered = sorted(took)
    last = ordered[-1] * 1.001
    quantiles = (ordered[at * (len(ordered) - 1) // (AGES - 1)] for at in range(AGES))
    even = (last * at / EVEN_AGES for at in range(EVEN_AGES + 1))
    ages = sorted({0.0, *quantiles, *even})
    ready = [bisect_right(ordered, age) for age in ages]
    sums = list(accumulate(ordered, initial=0.0))
    cheap, dear = 1e-4, 100.0
    for _ in range(STEPS):
        price = math.sqrt(cheap * dear)
        made, delay_s = _placed(ages, ready, sums, price, max_s)
        if made > polls:
            cheap = price
        else:
            dear = price
    return delay_s


def _placed(
    ages: Sequence[float], ready: Sequence[int], sums: Sequence[float], price: float, max_s: float
) -> tuple[float, float]:
    """Return the polls and the delay of a package for a price of a poll."""
    count, end = ready[-1], len(ages)
    cost, polls, delays = [0.0] * end, [0.0] * end, [0.0] * end
    for at in range(end - 2, -1, -1):
        left = count - ready[at]
        best = math.inf
        for to in range(at + 1, end):
            if ages[to] - ages[at] > max_s and to > at + 1:
                break
            new = ready[to] - ready[at]
            delay = ages[to] * new - (sums[ready[to]] - sums[ready[at]])
            if (total := price * left + delay + cost[to]) < best:
                best = cost[at] = total
                polls[at], delays[at] = left + polls[to], delay + delays[to]
    return polls[0] / count, delays[0] / count
