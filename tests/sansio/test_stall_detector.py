"""When a transfer has stalled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.resilience.stall_detector import Throughput


def watched() -> Throughput:
    return Throughput(window_s=30, least_bytes=1000, since=0)


def test_a_window_is_judged_when_it_is_full() -> None:
    throughput = watched()
    assert not throughput.is_stalled(29.9)
    assert throughput.is_stalled(30)


def test_each_window_is_judged_by_its_own_bytes() -> None:
    throughput = watched()
    throughput.received(10_000)
    assert not throughput.is_stalled(30)
    throughput.received(999)
    assert not throughput.is_stalled(59)
    assert throughput.is_stalled(60)


def test_exactly_enough_is_enough() -> None:
    throughput = watched()
    throughput.received(400)
    throughput.received(600)
    assert not throughput.is_stalled(31)


def test_an_excuse_begins_a_new_window() -> None:
    throughput = watched()
    throughput.received(5)
    throughput.excuse(25)
    assert not throughput.is_stalled(54)
    assert throughput.is_stalled(55)


@given(st.lists(st.tuples(st.floats(0.1, 29), st.integers(1000, 5000)), max_size=50))
def test_enough_in_every_window_is_never_a_stall(steps: list[tuple[float, int]]) -> None:
    throughput, now = watched(), 0.0
    for gap, count in steps:
        now += gap
        throughput.received(count)
        assert not throughput.is_stalled(now)


@pytest.mark.fault(61)
def test_a_while_that_is_left_out_ends_the_window_later() -> None:
    throughput = Throughput(window_s=10, least_bytes=100, since=0)
    throughput.received(50)
    throughput.postpone(65)
    assert not throughput.is_stalled(74)
    throughput.received(50)
    assert not throughput.is_stalled(75)
    assert throughput.is_stalled(85)
