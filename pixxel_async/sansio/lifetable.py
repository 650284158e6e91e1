"""How long packaging takes: a life table of what polls have seen.

Method:
    * A poll tells of an interval: not ready at its end, or ready somewhere within. The first is a
      wait cut off on the right, the second an interval-censored one.
    * Ages are cut into bins that grow by `BIN_FACTOR`. Each has an exposure (the seconds that
      packages were watched in it and not ready) and events (how many became ready in it). Their
      ratio is the hazard: the actuarial estimate of D. R. Cox and D. Oakes, "Analysis of Survival
      Data" (1984), chapter 4, which needs no shape of the distribution.
    * One that became ready between two polls is shared out among the bins between them in
      proportion to where it is expected, as the self-consistent estimate of B. W. Turnbull ("The
      empirical distribution function with arbitrarily grouped, censored and truncated data", JRSS
      B 38, 1976) does; once, as it comes in, and not in rounds, so that a poll costs a few bins.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field

BIN_FACTOR = 1.05
"""By how much an age bin is longer than the one before."""


@dataclass(slots=True)
class LifeTable:
    """Exposure and events for each age bin.

    Attributes:
        first_s: The end of the first bin, which begins at zero.
        edges: Where bins begin; one more than there are bins.
        events: How many became ready in each bin; shares of them where that is not known closer.
        seen: How many became ready.
    """

    first_s: float
    edges: list[float] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    seen: int = 0
    _partial: list[float] = field(default_factory=list)
    _steps: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with one bin."""
        self.edges = [0.0, self.first_s]
        self.events = [0.0]
        self._partial = [0.0]
        self._steps = [0, 0]

    def __len__(self) -> int:
        """Count the bins, which reach as far as anything was seen."""
        return len(self.events)

    def reach(self, age_s: float) -> None:
        """Add bins until one holds this age."""
        while self.edges[-1] <= age_s:
            self.edges.append(self.edges[-1] * BIN_FACTOR)
            self.events.append(0.0)
            self._partial.append(0.0)
            self._steps.append(0)

    def bin_of(self, age_s: float) -> int:
        """Return which bin an age lies in; the last one for ages beyond."""
        if age_s < self.first_s:
            return 0
        guess = 1 + int(math.log(age_s / self.first_s) / math.log(BIN_FACTOR))
        guess = min(guess, len(self.events) - 1)
        if self.edges[guess] <= age_s:
            return guess
        return bisect_right(self.edges, age_s) - 1

    def waited(self, begin_s: float, end_s: float) -> None:
        """Note that a package was not ready at the end of an interval of its age."""
        if end_s <= begin_s:
            return
        self.reach(end_s)
        first, last = self.bin_of(begin_s), self.bin_of(end_s)
        if first == last:
            self._partial[first] += end_s - begin_s
            return
        self._partial[first] += self.edges[first + 1] - begin_s
        self._partial[last] += end_s - self.edges[last]
        self._steps[first + 1] += 1
        self._steps[last] -= 1

    def ready(self, begin_s: float, end_s: float, hazards: list[float]) -> None:
        """Note that a package became ready within an interval of its age.

        Args:
            begin_s: Where it was last seen not ready.
            end_s: Where it was seen ready.
            hazards: The hazard of each bin, as far as it is known.
        """
        self.seen += 1
        self.reach(end_s)
        first, last = self.bin_of(begin_s), self.bin_of(end_s)
        spans, shares = [], []
        left = 1.0
        for at in range(first, last + 1):
            span = min(end_s, self.edges[at + 1]) - max(begin_s, self.edges[at])
            hazard = hazards[at] if at < len(hazards) else hazards[-1] if hazards else 0.0
            share = left * -math.expm1(-hazard * span)
            left -= share
            spans.append(span)
            shares.append(share)
        total = sum(shares)
        if total <= 0:
            whole = end_s - begin_s
            shares = [span / whole if whole > 0 else 1.0 / len(spans) for span in spans]
            total = sum(shares)
        left = 1.0
        for at, (span, share) in enumerate(zip(spans, shares, strict=True), first):
            part = share / total
            left -= part
            self.events[at] += part
            self._partial[at] += span * (max(left, 0.0) + part / 2)

    def exposures(self) -> list[float]:
        """Return the seconds that packages were watched in each bin."""
        watched, found = 0, []
        for at, partial in enumerate(self._partial):
            watched += self._steps[at]
            found.append(partial + watched * (self.edges[at + 1] - self.edges[at]))
        return found
