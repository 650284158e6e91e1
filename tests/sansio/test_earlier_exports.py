"""What earlier exports observed, and whether it still holds."""

from __future__ import annotations

from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulation import KIND, SHAPES, learned, simulate, times
from pixxel_async import PollMethod, PollPolicy
from pixxel_async.sansio.polling.earlier_exports import (
    HALF_LIFE_DAYS,
    MOST,
    EarlierExports,
    Observation,
    Sample,
    faded,
    merged,
    thinned,
)
from pixxel_async.sansio.polling.learner import Learner
from pixxel_async.sansio.polling.life_table import LifeTable

LEARNING = PollPolicy()
BACKOFF = PollPolicy(method=PollMethod.BACKOFF)
AROUND_60 = [Observation(55.0 + number / 10, 60.0 + number / 10) for number in range(30)]

ages = st.floats(0, 2000)


def exports(observations: list[Observation]) -> EarlierExports:
    return EarlierExports(observations, 2.0, LifeTable(0.5))


def test_a_package_that_was_never_ready_counts_as_unready_only() -> None:
    found = exports([Observation(40.0, None), Observation(55.0, 60.0)])
    assert found.weight > 0
    assert sum(found.table.events) == pytest.approx(1)


@given(st.lists(st.integers(), max_size=50), st.integers(0, 60))
def test_a_thinned_list_keeps_order_and_ends_nowhere_twice(items: list[int], most: int) -> None:
    chosen = thinned(range(len(items)), most)
    assert len(chosen) == min(len(items), most)
    assert chosen == sorted(set(chosen))


def test_thinning_is_even() -> None:
    assert thinned(range(100), 4) == [12, 37, 62, 87]


def test_new_observations_come_first_and_old_ones_by_their_weight() -> None:
    old, new = Observation(1, 2), Observation(3, 4)
    assert merged([old] * 10, 0.5, [new] * 3) == [old] * 5 + [new] * 3
    assert merged([old] * 10, 1.0, [new] * MOST * 2) == [new] * MOST
    assert len(merged([old] * MOST, 1.0, [new] * 10)) == MOST


def test_half_is_left_after_the_half_life() -> None:
    assert len(faded(AROUND_60, HALF_LIFE_DAYS)) == 15
    assert faded(AROUND_60, -5) == AROUND_60  # a clock that was set back


@given(st.integers(0, 5000))
def test_a_sample_is_bounded_and_even(count: int) -> None:
    sample = Sample()
    for number in range(count):
        sample.add(Observation(number, None))
    assert len(sample.items) <= 2 * MOST
    assert [one.unready_s for one in sample.items] == list(range(0, count, sample.stride))


def test_packages_that_take_as_long_keep_the_weight() -> None:
    earlier = exports(AROUND_60)
    for _ in range(10):
        earlier.compare(0, 58, is_ready=False)
        earlier.compare(58, 62, is_ready=True)
    assert earlier.weight > 0.99


@pytest.mark.parametrize("took_s", [15.0, 25.0, 120.0])
def test_a_few_packages_that_take_another_time_end_it(took_s: float) -> None:
    earlier = exports(AROUND_60)
    for _ in range(5):
        earlier.compare(0, took_s - 1, is_ready=False)
        earlier.compare(took_s - 1, took_s, is_ready=True)
    assert earlier.weight < 0.05


def test_one_stray_package_does_not_end_it() -> None:
    earlier = exports(AROUND_60)
    earlier.compare(14, 15, is_ready=True)
    assert earlier.weight > 0.8


def test_nothing_known_has_no_weight() -> None:
    earlier = exports([])
    earlier.compare(0, 5, is_ready=True)
    assert earlier.weight == 0


@given(
    st.lists(st.tuples(ages, ages).map(sorted), max_size=20),
    st.lists(st.tuples(ages, ages, st.booleans()), max_size=20),
)
def test_the_weight_is_a_probability(
    known: list[list[float]], polls: list[tuple[float, float, bool]]
) -> None:
    earlier = exports([Observation(begin_s, end_s) for begin_s, end_s in known])
    for one_s, other_s, is_ready in polls:
        begin_s, end_s = sorted((one_s, other_s))
        earlier.compare(begin_s, end_s, is_ready=is_ready)
        assert 0 <= earlier.weight <= 1


def test_a_warm_learner_polls_where_packages_became_ready() -> None:
    cold, warm = Learner(LEARNING), Learner(LEARNING, AROUND_60)
    for learner in (cold, warm):
        for _ in range(10):
            learner.join()
    assert warm.next_age_s(0, 1) > 2 * cold.next_age_s(0, 1)
    assert warm.next_age_s(57, 1) < cold.next_age_s(57, 1)


def test_a_learner_returns_what_it_observed_and_what_still_waits() -> None:
    learner = Learner(LEARNING)
    for _ in range(3):
        learner.join()
    learner.waited(0, 10, polls=1, backoff=1)
    learner.ready(10, 12, backoff=1)
    learner.waited(0, 20, polls=1, backoff=1)
    learner.leave(20)
    learner.waited(0, 30, polls=1, backoff=1)
    ready, failed, waiting = learner.observed()
    assert (ready, failed) == (Observation(10, 12), Observation(20, None))
    assert waiting.unready_s == pytest.approx(30, rel=0.02)
    assert waiting.ready_s is None


@pytest.mark.untraced
@pytest.mark.parametrize("shape", SHAPES)
def test_ten_packages_after_other_exports_are_seen_much_sooner(shape: str) -> None:
    known = [learned(shape, 60.0, (10,) * 10, seed=seed) for seed in range(3)]
    warm, plain = [], []
    for seed in range(24):
        took = times(shape, 60.0, 10, seed)
        warm.append(simulate(took, LEARNING, seed=seed, known=known[seed % 3]))
        plain.append(simulate(took, BACKOFF, seed=seed))
    assert mean(one.polls for one in warm) <= 1.03 * mean(one.polls for one in plain)
    assert mean(one.mean_s for one in warm) <= 0.68 * mean(one.mean_s for one in plain)


@pytest.mark.untraced
@pytest.mark.parametrize("scale_s", [20.0, 180.0])
def test_another_packaging_time_is_learned_within_an_export(scale_s: float) -> None:
    before = learned("constant", 60.0, (10,) * 5, seed=1)
    known = learned("constant", scale_s, (10,), seed=2, known=before)
    took = times("constant", scale_s, 10, 3)
    warm, plain = simulate(took, LEARNING, known=known), simulate(took, BACKOFF)
    assert warm.mean_s < 0.8 * plain.mean_s
    kept = merged(known, *warm.findings[KIND])
    assert mean(abs((one.ready_s or 0) - scale_s) < scale_s / 5 for one in kept) > 0.5


@pytest.mark.untraced
@pytest.mark.parametrize("shape", ["lognormal", "exponential"])
def test_where_the_rate_limit_binds_polls_are_no_more_than_those_of_backoff(shape: str) -> None:
    learning, backoff = [], []
    for seed in range(2):
        took = times(shape, 60.0, 300, seed)
        learning.append(simulate(took, LEARNING, seed=seed, rate=12.0))
        backoff.append(simulate(took, BACKOFF, seed=seed, rate=12.0))
    assert sum(one.polls for one in learning) <= 1.05 * sum(one.polls for one in backoff)
    assert sum(one.mean_s for one in learning) <= sum(one.mean_s for one in backoff)
