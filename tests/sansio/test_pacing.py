"""How fast calls may go out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.pacing import BURST_S, LEAST_SHARE, pace


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 5), max_size=200))
def test_no_window_holds_more_than_the_rate_and_the_burst(rate: float, gaps: list[float]) -> None:
    limit, now, sent = pace(rate), 0.0, []
    for gap in gaps:
        now += gap
        now += limit.wait(now)
        assert limit.wait(now) == 0
        limit.take(now)
        sent.append(now)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            window = sent[last] - sent[first]
            assert last - first <= rate * (window + BURST_S) + 1 + 1e-3


def test_calls_are_spaced_by_the_rate() -> None:
    limit, now = pace(10), 0.0
    for _ in range(100):
        now += limit.wait(now)
        limit.take(now)
    assert 9.4 < now < 10


def test_a_wait_finer_than_clocks_is_none() -> None:
    limit = pace(10)
    limit.take(0.0)
    limit.take(0.0)
    limit.take(0.0)
    limit.take(0.0)
    due = limit.wait(0.0)
    assert due > 0
    assert limit.wait(due - 1e-9) == 0


def test_a_complaint_pauses_everything_and_halves_the_rate() -> None:
    limit = pace(100)
    assert limit.give_way(10.0, 3.0)
    assert limit.rate == 50
    assert limit.wait(10.0) == 3
    assert limit.wait(12.5) == 0.5
    assert limit.wait(13.0) == 0


def test_complaints_of_calls_in_flight_together_are_one() -> None:
    limit = pace(100)
    assert limit.give_way(10.0, 0.1)
    assert not limit.give_way(10.2, 2.0)
    assert limit.rate == 50
    assert limit.wait(10.2) == 2
    assert limit.give_way(13.0, 0.1)
    assert limit.rate == 25


@given(st.integers(1, 100))
def test_the_rate_never_sinks_to_nothing_and_recovers(complaints: int) -> None:
    limit, now = pace(100), 0.0
    for _ in range(complaints):
        now += 100
        limit.give_way(now, 1.0)
    assert limit.rate >= 100 * LEAST_SHARE
    for _ in range(60):
        limit.content()
    assert limit.rate == 100
