"""The number of transfers at once, over links that are made of arithmetic."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import pytest

from pixxel_async.sansio.resilience.adaptive_concurrency import (
    AVOID_S,
    FEW,
    FIRST,
    LOWERED,
    MOST,
    WINDOW_S,
    AdaptiveConcurrency,
)

TICK_S = 0.02
NUMBERS = (1, 2, 4, 8, 16, 32, 64)
MB = 1e6


@dataclass
class MeasuredLink:
    """A link with transfers on it, as many as may run.

    Attributes:
        brings: Bytes a second by the number of transfers.
        lag_s: How long the link needs to find its speed.
        noise: The share by which a moment may differ.
        bears: More transfers than these are refused.
        demand: How many packages there are to transfer at once.
        ends_s: How long a transfer runs on that is one too many.
        complains_s: How long who was refused waits, without a place, before it tries again.
    """

    brings: Callable[[int], float]
    lag_s: float = 0.1
    noise: float = 0.15
    bears: float = inf
    demand: int = 1000
    ends_s: float = 0.0
    complains_s: float = 0.0
    complains_at: float = 0.0
    now: float = 0.0
    rate: float = 0.0
    received: float = 0.0
    running: int = 0
    since_end_s: float = 0.0
    numbers: list[int] = field(default_factory=list)

    def run(self, concurrency: AdaptiveConcurrency, seconds: float, seed: int = 1) -> None:
        """Transfer for so long."""
        chance = random.Random(seed)  # noqa: S311 - the noise of a link is no secret
        end = self.now + seconds
        while self.now < end:
            self._occupy(concurrency)
            self.rate += (self.brings(self.running) - self.rate) * min(1, TICK_S / self.lag_s)
            came = self.rate * TICK_S * max(0.0, chance.gauss(1, self.noise))
            self.now += TICK_S
            self.received += came
            for _ in range(max(1, self.running // 4)):
                concurrency.received(self.now, int(came / max(1, self.running // 4)))
            self.numbers.append(concurrency.number)

    def _occupy(self, concurrency: AdaptiveConcurrency) -> None:
        self.since_end_s += TICK_S
        while self.running > concurrency.number and self.since_end_s >= self.ends_s:
            concurrency.ended(self.now)
            self.running -= 1
            self.since_end_s = 0.0 if self.ends_s else inf
        if concurrency.number > self.bears and self.now >= self.complains_at:
            self.complains_at = self.now + self.complains_s
            concurrency.refused(self.now)
        while self.running < min(concurrency.number, self.bears, self.demand):
            concurrency.began(self.now)
            self.running += 1

    @property
    def share(self) -> float:
        """What came, against what the best number would have brought."""
        most = max(self.brings(min(number, int(min(self.bears, 64)))) for number in NUMBERS)
        return self.received / (most * self.now)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("link", "answer_s"),
    [
        (MeasuredLink(lambda number: 2 * MB * number), 0.05),
        (MeasuredLink(lambda _: 400 * MB), 0.0),
        (MeasuredLink(lambda number: 400 * MB / (1 + 0.004 * number)), 0.01),
        (MeasuredLink(lambda number: min(20 * number, 50) * MB), 0.03),
        (MeasuredLink(lambda number: min(1.25 * number, 20) * MB, lag_s=0.8), 0.25),
        (MeasuredLink(lambda number: 5 * MB * number, bears=12), 0.05),
        (MeasuredLink(lambda number: 5 * MB * number, bears=40), 0.05),
    ],
    ids=["each the same", "one is enough", "more is less", "20 ms", "200 ms", "12", "40"],
)
def test_it_brings_nearly_what_the_best_number_brings(
    link: MeasuredLink, answer_s: float, seed: int
) -> None:
    link = MeasuredLink(link.brings, lag_s=link.lag_s, bears=link.bears)
    concurrency = AdaptiveConcurrency()
    if answer_s:
        concurrency.answered(answer_s)
    link.run(concurrency, 30, seed)
    assert link.share >= 0.9


def test_it_begins_with_few_and_doubles_at_once() -> None:
    link, concurrency = MeasuredLink(lambda number: MB * number, noise=0), AdaptiveConcurrency()
    assert concurrency.number == FIRST
    link.run(concurrency, 6 * WINDOW_S)
    assert list(dict.fromkeys(link.numbers)) == [FIRST, 2 * FIRST, 4 * FIRST, MOST]


def test_where_one_is_enough_few_are_left() -> None:
    link, concurrency = MeasuredLink(lambda _: 100 * MB, noise=0), AdaptiveConcurrency()
    link.run(concurrency, 30)
    assert concurrency.number == FEW


def test_a_link_that_bears_more_later_gets_more() -> None:
    link, concurrency = (
        MeasuredLink(lambda number: min(number, 8) * MB, noise=0),
        AdaptiveConcurrency(),
    )
    link.run(concurrency, 20)
    assert concurrency.number <= 8
    link.brings = lambda number: min(number, 60) * MB
    link.run(concurrency, 120)
    assert concurrency.number >= 32


def test_packages_that_are_lacking_change_nothing() -> None:
    link, concurrency = (
        MeasuredLink(lambda number: MB * number, demand=FIRST - 1),
        AdaptiveConcurrency(),
    )
    link.run(concurrency, 20)
    assert set(link.numbers) == {FIRST}


def test_never_more_than_allowed() -> None:
    link, concurrency = MeasuredLink(lambda number: MB * number), AdaptiveConcurrency(most=20)
    link.run(concurrency, 30)
    assert max(link.numbers) == 20


def test_complaints_lower_the_number_once_for_those_under_way_together() -> None:
    concurrency = AdaptiveConcurrency()
    assert concurrency.refused(1.0)
    lowered = concurrency.number
    assert lowered == int(LOWERED * FIRST)
    assert not concurrency.refused(1.0 + WINDOW_S / 2)
    assert concurrency.number == lowered
    assert concurrency.refused(1.0 + 2 * WINDOW_S)
    assert concurrency.number < lowered


def test_one_transfer_is_always_left() -> None:
    concurrency = AdaptiveConcurrency()
    for second in range(20):
        concurrency.refused(float(second))
    assert concurrency.number == 1
    assert not concurrency.refused(100.0)


def test_what_was_refused_is_avoided_for_a_while_and_for_longer_each_time() -> None:
    link, concurrency = (
        MeasuredLink(lambda number: MB * number, bears=12, noise=0),
        AdaptiveConcurrency(),
    )
    link.run(concurrency, AVOID_S)
    settled = link.numbers[int(10 / TICK_S) :]
    assert max(settled) <= 12
    link.run(concurrency, 400)
    above = [number for number in link.numbers[int(AVOID_S / TICK_S) :] if number > 12]
    assert above  # it was tried again
    assert len(above) < 0.05 * len(link.numbers)


@pytest.mark.parametrize("complains_s", [0.0, 0.3, 0.6, 1.0])
def test_what_is_refused_late_was_not_borne_in_the_meantime(complains_s: float) -> None:
    link = MeasuredLink(lambda number: MB * number, bears=12, noise=0, complains_s=complains_s)
    link.run(AdaptiveConcurrency(), AVOID_S)
    tried = dict.fromkeys(link.numbers)  # in their order
    assert list(tried) == [8, 16, 12, 14, 13, 6]  # and never back to 9, which is 0.7 of 13


def test_a_storage_that_bears_more_again_is_believed() -> None:
    link, concurrency = MeasuredLink(lambda number: MB * number, bears=10), AdaptiveConcurrency()
    link.run(concurrency, 20)
    link.bears = inf
    link.run(concurrency, 300)
    assert concurrency.number >= 32


def test_a_trial_of_fewer_ends_when_it_brings_less_although_long_transfers_run_on() -> None:
    link, concurrency = (
        MeasuredLink(lambda number: MB * number, noise=0, ends_s=2.0),
        AdaptiveConcurrency(),
    )
    link.run(concurrency, 120)
    assert min(link.numbers[200:]) == MOST // 2  # it was tried
    assert link.share > 0.9


def test_a_slow_storage_gets_longer_windows() -> None:
    quick, slow = AdaptiveConcurrency(), AdaptiveConcurrency()
    slow.answered(1.0)
    slow.answered(1.2)
    for concurrency in (quick, slow):
        link = MeasuredLink(lambda number: MB * number, noise=0)
        link.run(concurrency, 4 * WINDOW_S)
    assert quick.number > FIRST
    assert slow.number == FIRST


def test_a_bound_holds_from_then_on() -> None:
    concurrency = AdaptiveConcurrency()
    concurrency.bound(2)
    assert concurrency.number == 2
