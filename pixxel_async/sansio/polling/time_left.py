"""How long an export still takes: a median, and a bound that holds in nine of ten cases.

Method:
    * The hazards of its kind (`ReadyCurve`) say how likely a package that was unready at one age is
      ready by a later one. Beyond the observed ages, the hazard of the oldest of them applies.
    * Hazards are as uncertain as the number of events behind them allows: their posterior is a
      Gamma distribution, which all packages of a kind share. `_NODES` represent it.
    * The last package is ready by a time with the product of the packages' probabilities, averaged
      over the nodes. The quantiles of that time follow by bisection. A poll sees the package within
      an interval, and its transfer follows.
    * At any time until then, the transfers still need the bytes of the packages that are not ready,
      divided by the throughput. The longest of these sums is the time left.
    * Sizes and throughput are as uncertain as they have varied.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

MEDIAN = 0.5
BOUND = 0.9
_NORMAL = {MEDIAN: 0.0, BOUND: 1.2816}
"""The quantiles of a standard normal distribution."""
_POLL_SHARE = {MEDIAN: 0.5, BOUND: 0.9}
"""When a poll sees the last package, as a share of the interval."""

_NODES = (-1.645, -1.036, -0.674, -0.385, -0.126, 0.126, 0.385, 0.674, 1.036, 1.645)
"""The middles of ten equally likely parts of a standard normal distribution."""
LEAST_EVENTS = 1.0
LEAST_CHANCE = 1e-12
USUAL_VARIATION = 0.5
"""How much sizes vary, as a share of their mean, before much is known."""
USUAL_WEIGHT = 2.0
"""This counts as much as that many sizes."""
STEPS = 8
"""At how many times the transfers' share is computed."""
CREATED_GROUPS = 8
LONGEST_S = 30 * 86400.0
BISECTIONS = 40
PRECISION = 1.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long an export still takes, in seconds.

    Attributes:
        median_s: It takes longer as often as not.
        p90_s: It takes no longer in nine of ten cases.
    """

    median_s: float
    p90_s: float

    def after(self, passed_s: float) -> Estimate:
        """Return what is left of it some seconds later; nothing if it was too short."""
        return Estimate(
            median_s=max(0.0, self.median_s - passed_s), p90_s=max(0.0, self.p90_s - passed_s)
        )


@dataclass(slots=True, kw_only=True)
class ReadyCurve:
    """When packages of one kind become ready.

    Attributes:
        edges: The beginnings of the age bins, and the end of the last, in seconds.
        masses: The cumulative hazard at each edge.
        events: How many packages became ready in each bin.
        late_events: How many of them did in the last bins, whose hazard applies to later ages.
        late_s: The seconds that packages spent in these unready.
        next_age_s: Returns the age at which a package is polled next after an age.
    """

    edges: Sequence[float]
    masses: Sequence[float]
    events: Sequence[float]
    late_events: float
    late_s: float
    next_age_s: Callable[[float], float]
    _events: list[float] = field(init=False)

    def __post_init__(self) -> None:
        """Sum up the events."""
        self._events = list(accumulate(self.events, initial=0.0))

    def between(self, unready_s: float, age_s: float) -> tuple[float, float]:
        """Return the hazard that a package collects between two ages, and the events behind it."""
        if age_s <= unready_s:
            return 0.0, LEAST_EVENTS
        mass, events = self._until(unready_s)
        later_mass, later_events = self._until(age_s)
        return later_mass - mass, max(later_events - events, LEAST_EVENTS)

    def _until(self, age_s: float) -> tuple[float, float]:
        last = self.edges[-1]
        if age_s >= last:
            rate = self.late_events / self.late_s if self.late_s > 0 else math.inf
            return self.masses[-1] + rate * (age_s - last), self._events[-1] + self.late_events
        at = bisect_right(self.edges, age_s) - 1
        share = (age_s - self.edges[at]) / (self.edges[at + 1] - self.edges[at])
        return (
            self.masses[at] + share * (self.masses[at + 1] - self.masses[at]),
            self._events[at] + share * self.events[at],
        )


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

    def hazard(self, within_s: float) -> tuple[float, float]:
        """Return the hazard that they collect within some seconds, and the events behind it."""
        if self.curve is None:
            return 0.0, LEAST_EVENTS
        return self.curve.between(self.unready_s, self.age_s + within_s)


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
        usual = USUAL_WEIGHT * (USUAL_VARIATION * self.mean_bytes) ** 2
        seen = self.sizes * self.deviation_bytes**2
        deviation = math.sqrt((seen + usual) / max(self.sizes - 1 + USUAL_WEIGHT, 1))
        mean = self.bytes + packages * self.mean_bytes
        spread = math.sqrt(
            variance * self.mean_bytes**2
            + packages * deviation**2
            + (packages * deviation) ** 2 / max(self.sizes, 1)
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


def time_left(waits: Sequence[Wait], link: Link) -> Estimate | None:
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
        return Estimate(median_s=0.0, p90_s=0.0)
    is_sized = link.sizes > 0 or not (waits or link.ready)
    if not is_sized or link.bytes_per_s <= 0:
        return None
    median_s = _quantile(waits, link, MEDIAN)
    return Estimate(median_s=median_s, p90_s=max(median_s, _quantile(waits, link, BOUND)))


def _quantile(waits: Sequence[Wait], link: Link, quantile: float) -> float:
    normal = _NORMAL[quantile]
    left_s = 0.0
    last_s = _last_ready_s(waits, quantile)
    for step in range(STEPS):
        after_s = last_s * step / STEPS
        ready = [(wait.count, -math.expm1(-wait.hazard(after_s)[0])) for wait in waits]
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
    low_s, high_s = 0.0, LONGEST_S
    for _ in range(BISECTIONS if waits else 0):
        middle_s = math.sqrt(max(low_s, 1e-3) * high_s)
        if _all_ready(waits, middle_s) >= quantile:
            high_s = middle_s
        else:
            low_s = middle_s
        if high_s <= low_s * PRECISION:
            break
    return high_s if waits else 0.0


def _all_ready(waits: Sequence[Wait], within_s: float) -> float:
    """Return the probability that all are ready within some seconds."""
    logs = [0.0] * len(_NODES)
    for wait in waits:
        hazard, events = wait.hazard(within_s)
        for at, factor in enumerate(_factors(round(events))):
            logs[at] += wait.count * math.log(max(-math.expm1(-factor * hazard), LEAST_CHANCE))
    return sum(map(math.exp, logs)) / len(logs)


@lru_cache(maxsize=1024)
def _factors(events: int) -> tuple[float, ...]:
    """Return the nodes of a Gamma distribution of mean 1, after E. B. Wilson and M. M. Hilferty."""
    ninth = 1 / (9 * events)
    return tuple(max(0.0, 1 - ninth + node * math.sqrt(ninth)) ** 3 for node in _NODES)


def _interval_s(waits: Sequence[Wait], after_s: float) -> float:
    """Return the longest interval between polls at that time, in seconds."""
    ages = {id(wait.curve): (wait.curve, wait.age_s + after_s) for wait in waits}
    return max(
        curve.next_age_s(age_s) - age_s for curve, age_s in ages.values() if curve is not None
    )
