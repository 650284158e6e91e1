"""How long an export still takes: a median, and a bound that holds in nine of ten cases.

Method:
    * A package that was unready at an age becomes ready by a later one with a probability that its
      kind's hazards give (`ReadyCurve`). Beyond the observed ages, the hazard is that of the oldest
      observed ones, known only as well as their number allows: a Gamma posterior, which makes the
      waiting time there a Lomax (Pareto II) variable.
    * The last package is ready by a time with the product of these probabilities. The quantiles of
      that time follow by bisection. A poll sees it within an interval, and its transfer follows.
    * At any time until then, the transfers still need the bytes of the packages that are not ready,
      divided by the throughput. The longest of these sums is the time left.
    * Sizes and throughput are as uncertain as they have varied.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

MEDIAN = 0.5
BOUND = 0.9
_NORMAL = {MEDIAN: 0.0, BOUND: 1.2816}
"""The quantiles of a standard normal distribution."""
_POLL_SHARE = {MEDIAN: 0.5, BOUND: 0.9}
"""When a poll sees the last package, as a share of the interval."""

PRIOR_EVENTS = 0.5
"""The Jeffreys prior of a rate; with a single observation, its bound is far away."""
LEAST_CHANCE = 1e-12
SAME_SIZE = 0.3
"""How much sizes are taken to vary, as a share of their mean, until there are two."""
STEPS = 8
"""At how many times the transfers' share is computed."""
CREATED_GROUPS = 8
LONGEST_S = 30 * 86400.0
BISECTIONS = 40
PRECISION = 1.01


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft:
    """How long an export still takes, in seconds.

    Attributes:
        median_s: It takes longer as often as not.
        p90_s: It takes no longer in nine of ten cases.
    """

    median_s: float
    p90_s: float


@dataclass(slots=True, kw_only=True)
class ReadyCurve:
    """When packages of one kind become ready.

    Attributes:
        edges: The beginnings of the age bins, and the end of the last, in seconds.
        hazards: The hazard of each bin, in 1/s.
        late_events: How many packages became ready in the last bins.
        late_s: The seconds that packages spent in them unready.
        next_age_s: Returns the age at which a package is polled next after an age.
    """

    edges: Sequence[float]
    hazards: Sequence[float]
    late_events: float
    late_s: float
    next_age_s: Callable[[float], float]
    _mass: list[float] = field(init=False)

    def __post_init__(self) -> None:
        """Sum up the hazards."""
        self._mass = [0.0]
        for at, hazard in enumerate(self.hazards):
            width = self.edges[at + 1] - self.edges[at]
            self._mass.append(self._mass[-1] + hazard * width)

    def chance(self, unready_s: float, age_s: float) -> float:
        """Return the probability that a package unready at one age is ready by a later one."""
        if age_s <= unready_s:
            return 0.0
        return -math.expm1(self._hazard(unready_s) - self._hazard(age_s))

    def _hazard(self, age_s: float) -> float:
        """Return the cumulative hazard."""
        last = self.edges[-1]
        if age_s >= last:
            exposure_s = max(self.late_s, self.edges[1])
            events = self.late_events + PRIOR_EVENTS
            return self._mass[-1] + events * math.log1p((age_s - last) / exposure_s)
        at = bisect_right(self.edges, age_s) - 1
        return self._mass[at] + self.hazards[at] * (age_s - self.edges[at])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One or more packages that are not ready.

    Attributes:
        count: How many.
        unready_s: The age at which they were last seen unready, in seconds.
        age_s: Their age now; negative before they are created.
        curve: When packages of their kind become ready; None if that is unknown.
    """

    count: float
    unready_s: float
    age_s: float
    curve: ReadyCurve | None

    def chance(self, within_s: float) -> float:
        """Return the probability that one of them is ready within some seconds."""
        if self.curve is None:
            return 0.0
        return self.curve.chance(self.unready_s, self.age_s + within_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is left to transfer, and how fast.

    Attributes:
        ready: Packages that are ready or in transfer, and whose size is unknown.
        bytes: Bytes that packages in transfer still need, if their size is known.
        sizes: How many package sizes are known.
        mean_bytes: Their mean.
        deviation_bytes: Their standard deviation.
        bytes_per_s: The throughput while anything is transferred; zero if unknown.
        spread: The uncertainty of the coming throughput, as a share of it.
    """

    ready: int
    bytes: int
    sizes: int
    mean_bytes: float
    deviation_bytes: float
    bytes_per_s: float
    spread: float

    def seconds(self, packages: float, variance: float, normal: float) -> float:
        """Return how long that many packages take, and what is in transfer.

        Args:
            packages: The expected number of packages of unknown size.
            variance: Its variance.
            normal: The quantile, in standard deviations.
        """
        deviation = self.deviation_bytes
        if self.sizes < 2:  # noqa: PLR2004 - a deviation needs two
            deviation = SAME_SIZE * self.mean_bytes
        mean = self.bytes + packages * self.mean_bytes
        spread = math.sqrt(
            variance * self.mean_bytes**2
            + packages * deviation**2
            + (packages * deviation) ** 2 / self.sizes
            + (self.spread * mean) ** 2
        )
        return (mean + normal * spread) / self.bytes_per_s


def creations(count: int, per_s: float, curve: ReadyCurve | None) -> list[Wait]:
    """Return packages that are created from now on, at a rate, as a few groups."""
    groups = min(count, CREATED_GROUPS)
    return [
        Wait(
            count=count / groups,
            unready_s=0.0,
            age_s=-(group + 1) * count / groups / per_s,
            curve=curve,
        )
        for group in range(groups)
    ]


def time_left(waits: Sequence[Wait], link: Link) -> TimeLeft | None:
    """Estimate how long an export still takes.

    Args:
        waits: The packages that are not ready, those that are not created included.
        link: What is left to transfer.

    Returns:
        The estimate; None while nothing is known of packaging times, sizes or throughput.
    """
    if any(wait.curve is None for wait in waits):
        return None
    if not waits and not link.ready and not link.bytes:
        return TimeLeft(median_s=0.0, p90_s=0.0)
    is_sized = link.sizes > 0 or not (waits or link.ready)
    if not is_sized or link.bytes_per_s <= 0:
        return None
    median_s = _quantile(waits, link, MEDIAN)
    return TimeLeft(median_s=median_s, p90_s=max(median_s, _quantile(waits, link, BOUND)))


def _quantile(waits: Sequence[Wait], link: Link, quantile: float) -> float:
    normal = _NORMAL[quantile]
    left_s = 0.0
    last_s = _last_ready_s(waits, quantile)
    for step in range(STEPS):
        after_s = last_s * step / STEPS
        ready = [(wait.count, wait.chance(after_s)) for wait in waits]
        packages = sum(count * (1 - chance) for count, chance in ready)
        variance = sum(count * chance * (1 - chance) for count, chance in ready)
        if not step:
            packages, variance = sum(wait.count for wait in waits) + link.ready, 0.0
        needs_s = link.seconds(packages, variance, normal)
        left_s = max(left_s, after_s + needs_s)
        if not waits:
            return left_s
    seen_s = last_s + _POLL_SHARE[quantile] * _interval_s(waits, last_s)
    return max(left_s, seen_s + link.mean_bytes / link.bytes_per_s)


def _last_ready_s(waits: Sequence[Wait], quantile: float) -> float:
    """Return the seconds in which all are ready, with a probability of `quantile`."""
    target = math.log(quantile)
    low_s, high_s = 0.0, LONGEST_S
    for _ in range(BISECTIONS if waits else 0):
        middle_s = math.sqrt(max(low_s, 1e-3) * high_s)
        if _log_chance(waits, middle_s) >= target:
            high_s = middle_s
        else:
            low_s = middle_s
        if high_s <= low_s * PRECISION:
            break
    return high_s if waits else 0.0


def _log_chance(waits: Sequence[Wait], within_s: float) -> float:
    return sum(wait.count * math.log(max(wait.chance(within_s), LEAST_CHANCE)) for wait in waits)


def _interval_s(waits: Sequence[Wait], after_s: float) -> float:
    """Return the longest interval between polls at that time, in seconds."""
    ages = {id(wait.curve): (wait.curve, wait.age_s + after_s) for wait in waits}
    return max(
        curve.next_age_s(age_s) - age_s for curve, age_s in ages.values() if curve is not None
    )
