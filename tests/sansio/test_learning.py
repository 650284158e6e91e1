"""What a learner makes of what it has seen."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async import PollPolicy
from pixxel_async.sansio.polling.backoff_curve import BackoffCurve
from pixxel_async.sansio.polling.learner import LEAST_INTERVAL, Learner

POLICY = PollPolicy(initial_s=2, max_s=30, factor=1.5)

ages = st.floats(0, 2000)
seen = st.lists(st.tuples(ages, ages, st.booleans()), max_size=60)


def taught(sights: list[tuple[float, float, bool]], policy: PollPolicy = POLICY) -> Learner:
    learner = Learner(policy)
    for one_s, other_s, is_ready in sights:
        begin_s, end_s = sorted((one_s, other_s))
        learner.join()
        learner.waited(0, begin_s, polls=1, backoff=learner.backoff_polls(begin_s))
        if is_ready:
            learner.ready(begin_s, end_s, backoff=1)
        else:
            learner.waited(begin_s, end_s, polls=1, backoff=1)
            learner.leave(end_s)
    return learner


def after(age_s: float, count: int = 200, policy: PollPolicy = POLICY) -> Learner:
    """Return a learner that has seen packages become ready at this age."""
    learner = Learner(policy)
    for _ in range(count):
        learner.join()
    for number in range(count):
        begin_s = age_s * (0.95 - 0.1 * number / count)
        learner.waited(0, begin_s, polls=1, backoff=learner.backoff_polls(begin_s))
        learner.ready(begin_s, age_s, backoff=1)
    learner.join()
    return learner


@pytest.mark.untraced
@settings(deadline=None)
@given(seen, ages, st.floats(0.5, 1.5))
def test_the_next_poll_is_never_before_now_and_never_beyond_the_longest_interval(
    sights: list[tuple[float, float, bool]], age_s: float, density: float
) -> None:
    due_s = taught(sights).next_age_s(age_s, density)
    interval_s = due_s - age_s
    assert interval_s * (1 + 1e-9) + 1e-9 >= LEAST_INTERVAL * 2
    assert interval_s <= 30 * (1 + 1e-9)


@pytest.mark.untraced
@settings(deadline=None)
@given(seen, ages, st.floats(0.5, 1.5), st.floats(0.5, 1.5))
def test_who_waits_for_more_is_polled_later(
    sights: list[tuple[float, float, bool]], age_s: float, one: float, other: float
) -> None:
    learner = taught(sights)
    less, more = sorted((one, other))
    assert learner.next_age_s(age_s, less) <= learner.next_age_s(age_s, more) + 1e-9


@given(ages)
def test_who_knows_nothing_does_as_backoff(age_s: float) -> None:
    curve = BackoffCurve(POLICY)
    expected = min(curve.age_of(curve.polls_by(age_s) + 1), age_s + 30)
    assert Learner(POLICY).next_age_s(age_s, 1) == pytest.approx(expected, rel=0.01)


@given(st.floats(1, 500))
def test_when_none_became_ready_polls_beyond_what_was_seen_are_those_of_backoff(
    age_s: float,
) -> None:
    learner = Learner(POLICY)
    for _ in range(50):
        learner.join()
        learner.waited(0, age_s, polls=1, backoff=0)
    assert learner.price is None
    beyond_s = age_s * 1.5
    curve = BackoffCurve(POLICY)
    expected = min(curve.age_of(curve.polls_by(beyond_s) + 1), beyond_s + 30)
    assert learner.next_age_s(beyond_s, 1) == pytest.approx(expected)


def test_where_many_were_seen_unready_the_next_ones_skip_polls() -> None:
    learner = Learner(POLICY)
    found = [learner.next_age_s(10, 1)]
    for _ in range(200):
        learner.join()
        learner.waited(0, 60, polls=1, backoff=0)
        found.append(learner.next_age_s(10, 1))
    assert found == sorted(found)
    assert found[0] == pytest.approx(17)
    assert found[-1] == 40


@pytest.mark.parametrize("age_s", [5.0, 20.0, 25.0])
def test_times_that_are_all_the_same_are_hit_closely(age_s: float) -> None:
    learner = after(age_s)
    first_s = learner.next_age_s(0, 1)
    # backoff's first poll is after 2 s
    assert age_s * 0.75 <= first_s <= age_s * 1.05


def test_a_poll_falls_on_each_of_two_times() -> None:
    learner = after(20)
    for _ in range(200):
        learner.join()
        learner.waited(0, 170, polls=1, backoff=0)
        learner.ready(170, 180, backoff=1)
    near = learner.next_age_s(165, 1)
    assert 165 < near <= 180
    assert learner.next_age_s(40, 1) == 70


def test_more_that_become_ready_make_polls_denser() -> None:
    few, many = (
        taught([(20 + n % 10, 21 + n % 10, n % every == 0) for n in range(200)])
        for every in (10, 2)
    )
    for learner in (few, many):
        learner.join()
    assert many.price is not None
    assert many.next_age_s(21, 1) < few.next_age_s(21, 1)


def test_a_larger_budget_makes_polls_denser() -> None:
    times = [(n * 0.6, n * 0.6 + 3, True) for n in range(200)]
    dues = []
    for budget in (0.5, 1, 2, 4):
        learner = taught(times, PollPolicy(budget=budget))
        learner.credit = 0
        learner.join()
        learner._refresh()
        dues.append(learner.next_age_s(40, 1))
    assert dues == sorted(dues, reverse=True)
    assert dues[-1] < dues[0]


def test_what_was_overspent_is_saved_and_what_was_saved_is_spent() -> None:
    dues = []
    for credit in (-200.0, 0.0, 200.0):
        learner = taught([(n * 0.6, n * 0.6 + 3, True) for n in range(200)])
        for _ in range(100):
            learner.join()
        learner.credit = credit
        learner._refresh()
        dues.append(learner.next_age_s(40, 1))
    assert dues == sorted(dues, reverse=True)
    assert dues[2] < dues[1] < dues[0]


def test_first_polls_are_spread_evenly() -> None:
    learner = Learner(POLICY)
    found = sorted(learner.join() for _ in range(100))
    assert found[0] >= 0.75
    assert found[-1] <= 1.25
    assert found[-1] - found[0] > 0.4
    assert max(b - a for a, b in itertools.pairwise(found)) < 0.02
    assert Learner(POLICY).join() == 1


def test_packages_that_leave_are_not_reckoned_with() -> None:
    learner = Learner(POLICY)
    learner.join()
    learner.waited(0, 10, polls=1, backoff=2)
    assert (learner.waiting, learner.credit) == (1, 1)
    learner.ready(10, 12, backoff=1)
    assert (learner.waiting, learner.credit) == (0, 1)
    price = learner.price
    assert price is not None
    learner.join()
    learner.leave(0)
    learner._refresh()
    assert learner.waiting == 0
    assert learner.price == price
