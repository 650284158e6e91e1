"""The retry budget and the circuit breaker, on a clock of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.resilience.circuit_breaker import (
    FAILURES,
    FIRST_S,
    HELD_S,
    MOST_S,
    Breaker,
)
from pixxel_async.sansio.resilience.retry_budget import LEAST_PER_S, RESERVE, SHARE, RetryBudget


def test_a_reserve_may_be_spent_at_once() -> None:
    budget = RetryBudget()
    assert [budget.spend(0.0) for _ in range(int(RESERVE) + 1)] == [True] * int(RESERVE) + [False]
    assert budget.wait(0.0) == pytest.approx(1 / LEAST_PER_S)


def test_calls_pay_for_retries_and_time_does_too() -> None:
    budget = RetryBudget()
    while budget.spend(0.0):
        pass
    for _ in range(round(1 / SHARE) + 1):
        budget.earn()
    assert budget.wait(0.0) == 0
    assert budget.spend(0.0)
    assert not budget.spend(0.0)
    assert budget.spend(2 / LEAST_PER_S)


def test_no_more_than_the_reserve_is_saved_up() -> None:
    budget = RetryBudget()
    budget.spend(0.0)
    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend(1e6) for _ in range(100)) == RESERVE


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), max_size=300))
def test_whatever_fails_retries_stay_a_share(steps: list[tuple[float, int]]) -> None:
    budget, now, calls, retries = RetryBudget(), 0.0, 0, 0
    for pause_s, wanted in steps:
        now += pause_s
        budget.earn()
        calls += 1
        retries += sum(budget.spend(now) for _ in range(wanted))
    assert retries <= RESERVE + SHARE * calls + LEAST_PER_S * now + 1e-6


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    opens = [breaker.failed(now, is_try=False) for _ in range(FAILURES)]
    assert opens == [False] * (FAILURES - 1) + [True]
    return breaker


def test_failures_in_a_row_open_it_and_others_do_not() -> None:
    breaker = Breaker()
    for _ in range(3 * FAILURES):
        for _ in range(FAILURES - 1):
            assert not breaker.failed(0.0, is_try=False)
        assert not breaker.went_well()
    assert breaker.enter(0.0)


def test_an_open_one_lets_one_request_try() -> None:
    breaker = opened()
    assert not breaker.enter(0.0)
    assert breaker.wait(0.0) == FIRST_S
    assert breaker.enter(FIRST_S)
    assert not breaker.enter(FIRST_S)  # one at a time
    assert breaker.wait(FIRST_S) > 0


def test_tries_that_fail_grow_rarer_up_to_a_bound() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(8):
        waits.append(breaker.wait(now))
        now += waits[-1]
        assert breaker.enter(now)
        assert not breaker.failed(now, is_try=True)
    assert waits[0] == FIRST_S
    assert waits == sorted(waits)
    assert waits[-1] == MOST_S


def test_a_try_that_goes_well_closes_it() -> None:
    breaker = opened()
    assert breaker.enter(FIRST_S)
    assert breaker.went_well()
    assert all(breaker.enter(FIRST_S) for _ in range(10))
    assert not breaker.failed(1.0, is_try=False)


def test_one_that_was_under_way_before_closes_it_too() -> None:
    breaker = opened()
    assert breaker.went_well()
    assert breaker.enter(0.0)


def test_a_cancelled_try_leaves_room_for_another() -> None:
    breaker = opened()
    assert breaker.enter(1.0)
    breaker.dropped()
    assert breaker.enter(1.0)


def test_late_failures_of_those_under_way_change_nothing() -> None:
    breaker = opened()
    before = breaker.wait(0.0)
    breaker.failed(0.0, is_try=False)
    assert breaker.wait(0.0) == before


def test_a_host_that_fails_for_long_is_down() -> None:
    breaker = opened()
    assert not breaker.is_down(HELD_S - 1)
    assert breaker.is_down(HELD_S)
    assert breaker.enter(HELD_S)  # it is tried all the same
    breaker.went_well()
    assert not breaker.is_down(2 * HELD_S)


@pytest.mark.fault(67)
def test_a_late_failure_does_not_end_the_try_of_another_request() -> None:
    breaker = opened()
    assert breaker.enter(FIRST_S)
    assert not breaker.failed(FIRST_S, is_try=False)
    assert not breaker.enter(FIRST_S)  # still one at a time
    assert not breaker.failed(FIRST_S, is_try=True)
    assert breaker.wait(FIRST_S) > FIRST_S
