"""How fast calls may go out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.resilience.gcra import BURST_S, LEAST_SHARE, pace


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
            # Waits of a microsecond are none, so as much is let through too early.
            assert last - first <= rate * (window + BURST_S + 2e-6) + 1e-6


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
    assert limit.wait(12.99) > 0
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


def test_after_a_silence_a_burst_goes_at_once_and_no_more() -> None:
    limit = pace(40)
    for now in (100.0, 1000.0):
        at_once = 0
        while limit.wait(now) == 0:
            limit.take(now)
            at_once += 1
        assert at_once == 40 * BURST_S + 1


def test_a_lower_rate_spaces_calls_wider() -> None:
    limit = pace(100)
    limit.give_way(10.0, 0.0)
    now = 10.0
    for _ in range(101):
        now += limit.wait(now)
        limit.take(now)
    assert 1.7 < now - 10 < 2.01


def test_what_was_sent_before_a_complaint_does_not_lengthen_its_pause() -> None:
    limit = pace(1)
    for _ in range(10):
        limit.take(0.0)
    assert limit.wait(0.0) > 9
    limit.give_way(0.0, 2.0)
    assert limit.wait(0.0) == 2


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    limit = pace(100)
    limit.give_way(10.0, 5.0)
    limit.give_way(10.5, 0.1)
    assert limit.wait(10.5) == 4.5


def test_a_complaint_counts_anew_when_the_one_before_has_settled() -> None:
    limit = pace(100)
    assert limit.give_way(0.0, 0.1)
    assert not limit.give_way(0.9, 0.1)
    assert limit.give_way(1.0, 0.1)
    assert limit.rate == 25


def test_a_complaint_within_the_pause_that_it_asks_for_is_not_another_one() -> None:
    limit = pace(100)
    assert limit.give_way(0.0, 5.0)
    assert not limit.give_way(4.9, 5.0)
    assert limit.give_way(5.0, 5.0)


def test_each_content_answer_adds_the_same() -> None:
    limit = pace(100)
    limit.give_way(0.0, 0.0)
    rates = []
    for _ in range(3):
        limit.content()
        rates.append(limit.rate)
    assert rates == [52, 54, 56]
