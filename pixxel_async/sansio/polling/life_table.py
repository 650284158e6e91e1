"""How long packaging takes: a life table of what polls observed.

Method:
    * A poll says in which interval of ages a package became ready (interval censoring), or that it
      is not ready yet (right censoring).
    * Ages are divided into bins that grow by `BIN_GROWTH`. A bin has an exposure, the seconds that
      packages spent in it unready, and events, the number of packages that became ready in it.
      Events per exposure are the hazard, for any distribution: the life table of D. R. Cox and
      D. Oakes, "Analysis of Survival Data" (1984), chapter 4.
    * A package that became ready between two polls is one event, divided among the bins in between
      in proportion to their probability under the hazards known so far. The most recent events are
      divided again as the hazards improve. Repeated, this is the self-consistent estimate of
      B. W. Turnbull, "The empirical distribution function with arbitrarily grouped, censored and
      truncated data" (Journal of the Royal Statistical Society B 38, 1976).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

BIN_GROWTH = 1.02
"""The end of a bin divided by its beginning."""
RECENT = 32
"""How many of the latest events are divided again."""


@dataclass(slots=True)
class Found:
    """A package that became ready.

    Attributes:
        begin_s: The age at which it was last seen unready.
        end_s: The age at which it was seen ready.
        shares: The share of each bin in between.
    """

    begin_s: float
    end_s: float
    shares: list[float] = field(default_factory=list)


@dataclass(slots=True)
class LifeTable:
    """Events and exposure of each age bin.

    Attributes:
        first_s: The end of the first bin, which begins at zero.
        recent: How many of the latest events `share_again` divides again.
        edges: The beginning of each bin, and the end of the last, which no observation reaches.
        events: How many packages became ready in each bin; a sum of shares.
        found: How many packages became ready.
    """

    first_s: float
    recent: int = RECENT
    edges: list[float] = field(init=False)
    events: list[float] = field(init=False)
    found: int = 0
    _parts: list[float] = field(init=False)
    _passed: list[int] = field(init=False)
    _recent: deque[Found] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Start with one bin."""
        self.edges = [0.0, self.first_s]
        self.events = [0.0]
        self._parts = [0.0]
        self._passed = [0]

    def bin_of(self, age_s: float) -> int:
        """Return the bin of an age; adds bins until one contains it."""
        while self.edges[-1] <= age_s:
            self.reach(len(self.events) + 1)
        return bisect_right(self.edges, age_s) - 1

    def reach(self, bins: int) -> None:
        """Add bins until there are that many."""
        while len(self.events) < bins:
            self.edges.append(self.edges[-1] * BIN_GROWTH)
            self.events.append(0.0)
            self._parts.append(0.0)
            self._passed.append(0)

    def waited(self, begin_s: float, end_s: float) -> None:
        """Record that a package was unready throughout an interval of its age."""
        last, first = self.bin_of(end_s), self.bin_of(begin_s)
        if first == last:
            self._parts[first] += end_s - begin_s
            return
        self._parts[first] += self.edges[first + 1] - begin_s
        self._parts[last] += end_s - self.edges[last]
        self._passed[first + 1] += 1
        self._passed[last] -= 1

    def ready(self, begin_s: float, end_s: float, hazards: Sequence[float]) -> None:
        """Record that a package became ready within an interval of its age.

        Args:
            begin_s: The age at which it was last seen unready.
            end_s: The age at which it was seen ready.
            hazards: The known hazard of each bin; the last applies to all later bins.
        """
        self.found += 1
        new = Found(begin_s, end_s)
        self._share_out(new, hazards)
        self._recent.append(new)
        if len(self._recent) > self.recent:
            self._recent.popleft()

    def share_again(self, hazards: Sequence[float]) -> None:
        """Divide the latest events again, by better hazards."""
        for found in self._recent:
            self._add(found, -1)
            self._share_out(found, hazards)

    def exposures(self) -> list[float]:
        """Return the seconds that packages spent unready in each bin."""
        edges, passed, found = self.edges, 0, []
        for at, part in enumerate(self._parts):
            passed += self._passed[at]
            found.append(part + passed * (edges[at + 1] - edges[at]))
        return found

    def _share_out(self, found: Found, hazards: Sequence[float]) -> None:
        left, known, shares = 1.0, len(hazards), []
        for at, span_s in self._spans(found):
            hazard = hazards[min(at, known - 1)]
            share = left * -math.expm1(-hazard * span_s)
            left -= share
            shares.append(share)
        total = sum(shares)
        if total > 0:
            found.shares = [share / total for share in shares]
        else:
            found.shares = [1 / len(shares)] * len(shares)
        self._add(found, 1)

    def _add(self, found: Found, sign: int) -> None:
        left = 1.0
        for (at, span_s), share in zip(self._spans(found), found.shares, strict=True):
            left -= share
            self.events[at] += sign * share
            self._parts[at] += sign * span_s * (max(left, 0.0) + share / 2)

    def _spans(self, found: Found) -> list[tuple[int, float]]:
        """Return the bins of an interval, and the seconds it spends in each."""
        edges, begin_s, end_s = self.edges, found.begin_s, found.end_s
        last, first = self.bin_of(end_s), self.bin_of(begin_s)
        return [
            (at, min(end_s, edges[at + 1]) - max(begin_s, edges[at]))
            for at in range(first, last + 1)
        ]


ENOUGH = 5.0
"""The window around a bin grows until it contains this many events, ..."""
REACH = 8
"""... or this many bins on either side."""
WINDOW_EVENTS = 2.0
"""The window weighs as much as this many events of the bin itself."""
PRIOR_PACKAGES = 0.5
"""The prior weighs as much as this many observed packages."""


def smooth(
    events: Sequence[float],
    exposures: Sequence[float],
    widths: Sequence[float],
    priors: Sequence[float],
) -> list[float]:
    """Return the hazard of each bin, in 1/s.

    Args:
        events: How many packages became ready in each bin.
        exposures: The seconds that packages spent in it unready.
        widths: Its length in seconds.
        priors: The hazard where nothing was observed.
    """
    count = len(widths)
    all_events = list(accumulate(events, initial=0.0))
    all_exposures = list(accumulate(exposures, initial=0.0))
    found = []
    for at, (width, prior) in enumerate(zip(widths, priors, strict=True)):
        low, high = at, at + 1
        for _ in range(REACH):
            if all_events[high] - all_events[low] >= ENOUGH:
                break
            low, high = max(0, low - 1), min(count, high + 1)
        weight = PRIOR_PACKAGES * width
        seen = max(0.0, all_exposures[high] - all_exposures[low]) + weight
        near = (max(0.0, all_events[high] - all_events[low]) + prior * weight) / seen
        weight = min(WINDOW_EVENTS / near, seen) if near > 0 else seen
        found.append((max(0.0, events[at]) + near * weight) / (max(0.0, exposures[at]) + weight))
    return found
