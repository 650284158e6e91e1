from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field

from ..config import PollPolicy
from .ladder import Ladder
from .lifetable import BIN_FACTOR, LifeTable

FIRST_BIN = 0.25
PRIOR_PACKAGES = 2.0
NEIGHBOURS = 3
NEIGHBOUR_EVENTS = 4.0
REFRESH = 16
REFRESH_EVENTS = 0.05
LEAST_GAP = 0.1
SPREAD = 1.0
GOLDEN = (math.sqrt(5) - 1) / 2
SHARE = 1.0
TAIL = 8
TAIL_FACTOR = 1.3
CREDIT_CLAMP = 4.0


@dataclass(slots=True)
class Learning:
    """What is known of one kind, and what follows for its polls."""

    policy: PollPolicy
    share: float = SHARE
    ladder: Ladder = field(init=False)
    table: LifeTable = field(init=False)
    pending: int = 0
    began: int = 0
    credit: float = 0.0
    _hazards: list[float] = field(default_factory=list)
    _mass: list[float] = field(default_factory=list)
    _edges: list[float] = field(default_factory=list)
    _news: int = 0
    _events: int = 0
    price: float = 0.0
    at_risk: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ladder = Ladder(self.policy)
        self.table = LifeTable(self.ladder.age_s(1) * FIRST_BIN)
        self._edges = self.table.edges[:]
        self._refresh()

    def spread(self) -> float:
        """first threshold"""
        u = (0.5 + self.began * GOLDEN) % 1.0
        self.began += 1
        self._risk(0.0, 1)
        return 1 + SPREAD * (u - 0.5)

    def waited(self, begin_s: float, end_s: float) -> None:
        self.table.waited(begin_s, end_s)
        self.credit += self.share * (math.floor(self.ladder.rungs(end_s)) - math.floor(self.ladder.rungs(begin_s))) - 1
        self._risk(begin_s, -1); self._risk(end_s, 1)
        self._note(0)

    def ready(self, begin_s: float, end_s: float, polls: int = 1) -> None:
        self.table.ready(begin_s, end_s, self._hazards)
        mid = (begin_s + end_s) / 2
        if polls:
            self.credit += self.share * (math.floor(self.ladder.rungs(mid)) + 1 - math.floor(self.ladder.rungs(begin_s))) - 1
        self._risk(begin_s, -1)
        self._note(1)

    def _risk(self, age, by):
        at = self.table.bin_of(age)
        while len(self.at_risk) <= at: self.at_risk.append(0)
        self.at_risk[at] += by

    def _note(self, events: int) -> None:
        self._news += 1
        self._events += events
        if self._news >= REFRESH or self._events > REFRESH_EVENTS * self.table.seen:
            self._refresh()

    def _refresh(self) -> None:
        self._news = self._events = 0
        table, ladder = self.table, self.ladder
        if table.seen: 
            ahead = table.edges[-1]
        seen = len(table)
        reach = table.edges[-1] * BIN_FACTOR ** (2 * NEIGHBOURS)
        edges = table.edges[:]
        while edges[-1] < reach:
            edges.append(edges[-1] * BIN_FACTOR)
        n = len(edges) - 1
        ev = table.events + [0.0] * (n - seen)
        ex = table.exposures() + [0.0] * (n - seen)
        rungs = [ladder.rungs(e) for e in edges]
        widths = [edges[i + 1] - edges[i] for i in range(n)]
        cev, cex = [0.0], [0.0]
        for i in range(n):
            cev.append(cev[-1] + ev[i])
            cex.append(cex[-1] + ex[i])
        two_price = 2 * self.price
        hazards = []
        for i in range(n):
            w = widths[i]
            lo, hi = max(0, i - NEIGHBOURS), min(n, i + NEIGHBOURS + 1)
            base = two_price * ((rungs[i + 1] - rungs[i]) / w) ** 2
            k = PRIOR_PACKAGES * w
            near = (cev[hi] - cev[lo] + base * k) / (cex[hi] - cex[lo] + k)
            if near > 0:
                # the neighbourhood counts as so many events
                weight = NEIGHBOUR_EVENTS / near
                weight = min(weight, cex[hi] - cex[lo] + k)
                hazards.append((ev[i] + near * weight) / (ex[i] + weight))
            else:
                hazards.append(0.0)
        self._hazards = hazards
        # price
        if table.seen:
            lo = max(0, seen - TAIL)
            w = edges[seen] - edges[lo]
            base = two_price * ((rungs[seen] - rungs[lo]) / w) ** 2
            k = PRIOR_PACKAGES * w
            tail = (cev[seen] - cev[lo] + base * k) / (cex[seen] - cex[lo] + k)
            W = B = 0.0
            if tail > 0:
                e0, s, root = edges[n], 1.0, math.sqrt(tail)
                while s > 1e-3 and e0 < self.policy.wait_timeout_s:
                    e1 = e0 * TAIL_FACTOR
                    h = tail * (e1 - e0)
                    nxt = s * math.exp(-h)
                    mean = (s - nxt) / h if h > 1e-9 else s
                    W += mean * (e1 - e0) * root
                    B += mean * (ladder.rungs(e1) - ladder.rungs(e0))
                    s, e0 = nxt, e1
            need = budget = 0.0
            count = 0
            at_risk = self.at_risk + [0] * (n - len(self.at_risk))
            for i in range(n - 1, -1, -1):
                w = widths[i]
                h = hazards[i] * w
                keep = math.exp(-h)
                mean = (1 - keep) / h if h > 1e-9 else 1.0
                W = mean * w * math.sqrt(hazards[i]) + keep * W
                B = mean * (rungs[i + 1] - rungs[i]) + keep * B
                if at_risk[i]:
                    need += at_risk[i] * W
                    budget += at_risk[i] * B
                    count += at_risk[i]
            if count:
                budget += 0.5 * count
                target = self.share * budget + self.credit
                target = max(0.3 * budget, min(target, CREDIT_CLAMP * budget)) - 0.5 * count
                target = max(target, 0.25 * count)
                self.price = (need / target) ** 2 / 2
        mass = [0.0]
        if self.price > 0:
            two_price = 2 * self.price
            for i in range(n):
                mass.append(mass[-1] + math.sqrt(hazards[i] / two_price) * widths[i])
        else:
            # scouts
            for i in range(n):
                w = widths[i]
                k = PRIOR_PACKAGES * w
                lo, hi = max(0, i - NEIGHBOURS), min(n, i + NEIGHBOURS + 1)
                mass.append(mass[-1] + (rungs[i + 1] - rungs[i]) * math.sqrt(k / (ex[i] + k)))
        self._edges, self._mass = edges, mass

    def next_age(self, age_s: float, threshold: float) -> float:
        """Return the age of next poll."""
        edges, mass = self._edges, self._mass
        target = threshold + self.mass(age_s)
        if target <= mass[-1]:
            at = bisect_right(mass, target) - 1
            if at >= len(mass) - 1:
                found = edges[-1]
            else:
                span = mass[at + 1] - mass[at]
                found = edges[at] + (edges[at + 1] - edges[at]) * ((target - mass[at]) / span if span > 0 else 1.0)
        else:
            found = self.ladder.age_s(self.ladder.rungs(edges[-1]) + target - mass[-1])
        least = LEAST_GAP * self.ladder.age_s(1)
        return age_s + min(max(found - age_s, least), self.policy.max_s)

    def mass(self, age_s: float) -> float:
        edges, mass = self._edges, self._mass
        if age_s >= edges[-1]:
            return mass[-1] + self.ladder.rungs(age_s) - self.ladder.rungs(edges[-1])
        at = bisect_right(edges, age_s) - 1
        return mass[at] + (mass[at + 1] - mass[at]) * (age_s - edges[at]) / (edges[at + 1] - edges[at])
