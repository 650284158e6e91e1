"""What polls have seen, by age."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.polling.life_table import RECENT, LifeTable, smooth

ages = st.floats(0, 1e4)
intervals = st.tuples(ages, ages).map(sorted)


@given(st.lists(intervals, max_size=30))
def test_time_that_was_waited_is_kept_whole(waits: list[list[float]]) -> None:
    table = LifeTable(0.5)
    for begin_s, end_s in waits:
        table.waited(begin_s, end_s)
    expected = math.fsum(end_s - begin_s for begin_s, end_s in waits)
    assert math.fsum(table.exposures()) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert sum(table.events) == 0
    assert all(exposure >= -1e-6 for exposure in table.exposures())


@pytest.mark.untraced
@given(st.lists(intervals, max_size=80), st.lists(st.floats(0, 5), min_size=1, max_size=300))
def test_each_that_became_ready_is_one_event(
    found: list[list[float]], hazards: list[float]
) -> None:
    table = LifeTable(0.5)
    for begin_s, end_s in found:
        table.ready(begin_s, end_s, hazards)
    table.share_again(hazards[::-1])
    assert table.found == len(found)
    assert sum(table.events) == pytest.approx(len(found), abs=1e-6)
    most = math.fsum(end_s - begin_s for begin_s, end_s in found)
    assert -1e-6 <= math.fsum(table.exposures()) <= most * (1 + 1e-9) + 1e-6


@given(intervals)
def test_an_event_lies_within_its_interval(interval: list[float]) -> None:
    begin_s, end_s = interval
    table = LifeTable(0.5)
    table.ready(begin_s, end_s, [0.1])
    for at, share in enumerate(table.events):
        if share > 1e-12:
            assert table.edges[at] <= end_s
            assert table.edges[at + 1] >= begin_s


def test_an_event_goes_where_it_is_likely() -> None:
    table = LifeTable(1)
    likely = table.bin_of(9)
    hazards = [0.001] * likely + [5.0]
    table.ready(2, table.edges[likely + 1], hazards)
    assert table.events[likely] > 0.8


def test_what_came_in_early_is_shared_out_by_what_is_known_later() -> None:
    table = LifeTable(1)
    at = table.bin_of(9.9)
    table.ready(2, table.edges[at + 1], [0.1])
    assert table.events[at] < 0.1
    table.share_again([0.0] * at + [1.0])
    assert table.events[at] == pytest.approx(1)
    assert sum(table.events) == pytest.approx(1)


def test_only_the_last_ones_are_shared_out_again() -> None:
    table = LifeTable(1)
    for _ in range(RECENT + 10):
        table.ready(0, 10, [0.1])
    at = table.bin_of(9.9)
    before = table.events[at]
    table.share_again([0.0] * at + [1.0])
    assert table.events[at] - before < RECENT + 1
    assert sum(table.events) - table.events[at] > 5


def test_with_no_hazard_anywhere_all_bins_are_equally_likely() -> None:
    table = LifeTable(1)
    table.ready(0, 2, [0.0])
    assert max(table.events) == pytest.approx(min(table.events))


def test_the_hazard_of_a_steady_process_is_found() -> None:
    count = 40
    found = smooth([2.0] * count, [40.0] * count, [1.0] * count, [9.0] * count)
    assert found == pytest.approx([0.05] * count, rel=0.3)


def test_a_sharp_edge_stays_sharp_where_much_was_seen() -> None:
    events = [0.0] * 20 + [200.0] + [0.0] * 20
    exposures = [500.0] * 20 + [100.0] + [0.0] * 20
    found = smooth(events, exposures, [1.0] * 41, [0.001] * 41)
    assert found[20] > 1.5
    assert max(found[:20]) < 0.01


def test_where_nothing_was_seen_the_prior_holds() -> None:
    assert smooth([0.0] * 5, [0.0] * 5, [1.0] * 5, [0.25] * 5) == pytest.approx([0.25] * 5)
    assert smooth([0.0] * 5, [9.0] * 5, [1.0] * 5, [0.0] * 5) == [0.0] * 5
