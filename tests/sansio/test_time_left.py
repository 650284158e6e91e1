"""The estimate of the time left."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import time_left as calibration
from benchmarks.simulation import learned, times
from pixxel_async import PollPolicy
from pixxel_async.sansio.polling.earlier_exports import Observation
from pixxel_async.sansio.polling.learner import Learner
from pixxel_async.sansio.polling.time_left import (
    LEAST_EVENTS,
    Estimate,
    Link,
    ReadyCurve,
    Wait,
    creations,
    time_left,
)

IDLE = Link(ready=0, bytes=0, sizes=0, mean_bytes=0, deviation_bytes=0, bytes_per_s=0, spread=0.15)
FAST = Link(
    ready=0, bytes=0, sizes=20, mean_bytes=1e6, deviation_bytes=1e5, bytes_per_s=1e9, spread=0.15
)


def curve_of(*ready_s: float) -> ReadyCurve:
    observations = [Observation(age_s - 1, age_s) for age_s in ready_s]
    curve = Learner(PollPolicy(), observations).ready_curve()
    assert curve is not None
    return curve


AROUND_60 = curve_of(*(55 + number / 4 for number in range(40)))


def waiting(count: float, age_s: float, curve: ReadyCurve | None = AROUND_60) -> Wait:
    return Wait(count=count, unready_s=max(0, age_s), age_s=age_s, curve=curve)


def left(*waits: Wait, link: Link = FAST) -> Estimate:
    found = time_left(waits, link)
    assert found is not None
    return found


def test_nothing_left_takes_no_time() -> None:
    assert left(link=IDLE) == Estimate(median_s=0, p90_s=0)


def test_while_nothing_is_known_there_is_no_estimate() -> None:
    assert time_left([waiting(1, 0, None)], FAST) is None
    assert time_left([waiting(1, 0)], IDLE) is None
    assert time_left([], replace(FAST, ready=1, sizes=0)) is None
    assert Learner(PollPolicy()).ready_curve() is None


def test_a_package_of_unknown_time_adds_no_hazard() -> None:
    assert waiting(1, 0, None).hazard(60) == (0.0, LEAST_EVENTS)
    assert waiting(1, 0).hazard(60)[0] > 0


def test_packages_are_ready_when_others_were() -> None:
    found = left(waiting(5, 20))
    assert 36 < found.median_s < 60
    assert found.median_s <= found.p90_s


def test_a_running_transfer_takes_its_bytes() -> None:
    link = replace(FAST, bytes=10**9, bytes_per_s=1e7)
    found = left(link=link)
    assert found.median_s == pytest.approx(100)
    assert 110 < found.p90_s < 130


def test_sizes_of_the_others_follow_those_that_are_known() -> None:
    link = replace(FAST, ready=100, bytes_per_s=1e6)
    assert left(link=link).median_s == pytest.approx(100)


def test_a_slow_link_decides_though_all_are_ready_soon() -> None:
    link = replace(FAST, bytes_per_s=1e4)
    assert left(waiting(50, 58), link=link).median_s == pytest.approx(5000, rel=0.02)


def test_packages_that_are_not_created_wait_for_their_creation() -> None:
    found = left(*creations(2000, 20.0, AROUND_60))
    assert 160 < found.median_s < 300
    assert sum(wait.count for wait in creations(2000, 20.0, AROUND_60)) == 2000
    assert creations(0, 20.0, AROUND_60) == []


def test_beyond_all_that_was_seen_an_estimate_is_wide() -> None:
    within, beyond = left(waiting(3, 50)), left(waiting(3, 500))
    assert beyond.p90_s > 1.5 * within.p90_s
    assert beyond.p90_s > 1.5 * beyond.median_s


@pytest.mark.untraced
@given(
    st.lists(st.floats(1, 3000), min_size=1, max_size=30),
    st.lists(st.floats(-100, 5000), max_size=10),
    st.floats(1, 1e10),
)
def test_the_bound_is_never_below_the_median_and_both_are_finite(
    ready_s: list[float], ages: list[float], bytes_per_s: float
) -> None:
    link = replace(FAST, ready=1, bytes_per_s=bytes_per_s)
    found = left(*(waiting(1, age_s, curve_of(*ready_s)) for age_s in ages), link=link)
    assert 0 < found.median_s <= found.p90_s < 1e9


@pytest.mark.untraced
@given(st.integers(1, 50), st.floats(0, 100))
def test_more_packages_take_longer(count: int, age_s: float) -> None:
    one, more = left(waiting(count, age_s)), left(waiting(count + 20, age_s))
    assert one.median_s <= more.median_s * 1.02
    assert one.p90_s <= more.p90_s * 1.02


@pytest.mark.untraced
def test_estimates_hold_as_often_as_they_say() -> None:
    """About nine of ten, and about half; the benchmark has the figures of more exports."""
    under_median, under_bound = [], []
    for shape in ("lognormal", "exponential"):
        known = [learned(shape, 60.0, (10,) * 20, seed=seed) for seed in range(4)]
        for bytes_per_s in calibration.LINKS.values():
            found = calibration.Coverage()
            for seed in range(12):
                took = times(shape, 60.0, 10, seed)
                found.add(
                    *calibration.export(
                        took, seed=seed, bytes_per_s=bytes_per_s, known=known[seed % 4]
                    )
                )
            row = found.row()
            under_median.append(row[0])
            under_bound.append(row[1])
    assert 0.35 < fmean(under_median) < 0.65
    assert 0.82 < fmean(under_bound) < 0.97
