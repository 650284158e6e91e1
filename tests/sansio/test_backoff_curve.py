"""Exponential backoff as a function of age."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import PollPolicy
from pixxel_async.sansio.polling.backoff_curve import BackoffCurve

policies = st.builds(
    PollPolicy,
    initial_s=st.floats(0.01, 60),
    max_s=st.floats(0.01, 600),
    factor=st.one_of(st.just(1.0), st.floats(1, 4)),
)


def test_polls_stand_where_growing_intervals_add_up_to() -> None:
    curve = BackoffCurve(PollPolicy(initial_s=2, max_s=30, factor=1.5))
    assert [curve.age_of(n) for n in range(6)] == pytest.approx([0, 2, 5, 9.5, 16.25, 26.375])


def test_beyond_the_longest_interval_they_stand_evenly() -> None:
    curve = BackoffCurve(PollPolicy(initial_s=2, max_s=30, factor=1.5))
    assert curve.age_of(21) - curve.age_of(20) == pytest.approx(30)
    assert curve.polls_by(630) - curve.polls_by(600) == pytest.approx(1)


@pytest.mark.parametrize("policy", [PollPolicy(factor=1), PollPolicy(initial_s=40, max_s=2)])
def test_intervals_that_do_not_grow(policy: PollPolicy) -> None:
    curve = BackoffCurve(policy)
    assert [curve.age_of(n) for n in range(4)] == [0, 2, 4, 6]
    assert curve.polls_by(5) == 2.5


@given(policies, st.floats(0, 1e5))
def test_the_age_of_a_rung_is_where_it_stands(policy: PollPolicy, age_s: float) -> None:
    curve = BackoffCurve(policy)
    assert curve.age_of(curve.polls_by(age_s)) == pytest.approx(age_s, rel=1e-5, abs=1e-6)


@given(policies, st.floats(0, 1e4), st.floats(0, 1e4))
def test_older_packages_stand_higher(policy: PollPolicy, one_s: float, other_s: float) -> None:
    curve = BackoffCurve(policy)
    younger_s, older_s = sorted((one_s, other_s))
    assert curve.polls_by(younger_s) <= curve.polls_by(older_s) * (1 + 1e-12)
