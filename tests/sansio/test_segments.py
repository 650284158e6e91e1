"""A package in segments: who brings what, and what is there."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.storage.segments import WORTH_S, Segment, Segments

LEAST = 10
sizes = st.integers(1, 2000)


@st.composite
def held(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """Draw a size, and stretches of it that do not overlap; the first begins at zero."""
    total = draw(sizes)
    cuts = sorted(draw(st.lists(st.integers(0, total), min_size=1, max_size=9)))
    ends = [0, *cuts] if len(cuts) % 2 else cuts
    pairs = list(zip(ends[::2], ends[1::2], strict=True))
    return total, [(0, pairs[0][1] if pairs[0][0] == 0 else 0), *pairs[pairs[0][0] == 0 :]]


def whole_of(segments: Segments) -> list[Segment]:
    """Return all segments, and check that they lie side by side."""
    found = segments._all
    for former, later in pairwise(found):
        assert former.end == later.begin
    for each in found:
        assert each.begin < each.end or (each.begin, each.end) == (0, 0)
        assert each.begin <= each.at
    return found


@given(held())
def test_what_is_held_and_what_is_missing_are_all_of_it(
    drawn: tuple[int, list[tuple[int, int]]],
) -> None:
    total, stretches = drawn
    segments = Segments(total, stretches, least_bytes=LEAST)
    assert segments.present == sum(end - begin for begin, end in stretches)
    assert segments.present + segments.left == total
    whole_of(segments)
    first_gap = next((each for each in whole_of(segments) if each.left), None)
    assert segments.current is first_gap


@given(held(), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300)), max_size=200))
def test_whatever_transfers_do_every_byte_is_brought_once(
    drawn: tuple[int, list[tuple[int, int]]], steps: list[tuple[int, int]]
) -> None:
    total, stretches = drawn
    segments = Segments(total, stretches, least_bytes=LEAST)
    brought = [False] * total
    for begin, end in stretches:
        brought[begin:end] = [True] * (end - begin)
    running: list[Segment] = []

    def bring(segment: Segment, count: int) -> None:
        count = min(count, segment.left)
        assert not any(brought[segment.at : segment.at + count])
        brought[segment.at : segment.at + count] = [True] * count
        segment.at += count

    def leave(segment: Segment) -> None:
        running.remove(segment)
        segments.leave(segment)

    for number, count in steps:
        if number >= len(running):
            if (taken := segments.take()) is not None:
                assert taken.is_running
                assert taken not in running
                assert taken.at == taken.begin
                assert taken.left > 0
                running.append(taken)
        else:
            bring(running[number], count)
            if running[number].left == 0 or count % 7 == 0:
                leave(running[number])
        assert segments.present == sum(brought)
        whole_of(segments)
    while running:
        leave(running[-1])
    while (taken := segments.take()) is not None:
        running.append(taken)
        bring(taken, taken.left)
        leave(taken)
    assert all(brought)
    assert segments.current is None
    assert segments.behind(segments.present) == []
    assert segments.left == 0


def test_the_longest_one_is_halved_and_its_transfer_ends_there() -> None:
    segments = Segments(1000, [], least_bytes=LEAST)
    first = segments.take()
    assert first is not None
    first.at = 200
    second = segments.take()
    assert second is not None
    assert (first.end, second.begin, second.end) == (600, 600, 1000)
    first.at = 500
    third = segments.take()
    assert third is not None
    assert (second.end, third.begin, third.end) == (800, 800, 1000)


def test_what_was_left_alone_goes_before_halves() -> None:
    segments = Segments(1000, [], least_bytes=LEAST)
    first, second = segments.take(), segments.take()
    assert first is not None
    assert second is not None
    second.at = 700
    segments.leave(second)
    assert (second.begin, second.end) == (500, 700)
    rest = segments.take()
    assert rest is not None
    assert (rest.begin, rest.end, rest.is_running) == (700, 1000, True)


@pytest.mark.parametrize(("left", "is_halved"), [(2 * LEAST, True), (2 * LEAST - 1, False)])
def test_nothing_is_cut_into_pieces_that_are_too_small(left: int, *, is_halved: bool) -> None:
    segments = Segments(left, [], least_bytes=LEAST)
    assert segments.take() is not None
    half = segments.take()
    assert (half is not None) is is_halved
    assert half is None or half.left >= LEAST


def test_nothing_is_taken_twice() -> None:
    segments = Segments(2 * LEAST - 1, [], least_bytes=LEAST)
    assert segments.take() is not None
    assert segments.take() is None
    assert Segments(0, [], least_bytes=LEAST).take() is None


def test_bytes_beyond_an_end_that_was_moved_do_not_count() -> None:
    segments = Segments(1000, [], least_bytes=LEAST)
    first, second = segments.take(), segments.take()
    assert first is not None
    assert second is not None
    first.at = 530  # it had received them when its end was moved to 500
    assert segments.present == 500
    assert first.left == 0
    segments.leave(first)
    assert first.at == first.end == 500
    assert segments.current is second


def test_what_is_there_behind_a_byte_is_known_whether_there_is_a_gap_or_not() -> None:
    segments = Segments(1000, [(0, 100), (300, 400), (600, 700)], least_bytes=LEAST)

    def behind(size: int) -> list[tuple[int, int]]:
        return [(each.begin, each.at) for each in segments.behind(size)]

    assert behind(0) == [(0, 100), (300, 400), (600, 700)]
    assert behind(100) == [(300, 400), (600, 700)]
    first = segments.take()
    assert first is not None
    assert (first.begin, first.end) == (100, 300)
    first.at = 150
    assert behind(100) == [(100, 150), (300, 400), (600, 700)]
    assert behind(150) == [(300, 400), (600, 700)]
    first.at = 300
    segments.leave(first)
    assert segments.current is not None
    assert segments.current.begin == 400
    assert behind(300) == [(300, 400), (600, 700)]


def test_one_more_is_worth_it_only_while_it_takes_long() -> None:
    segments = Segments(1000, [], least_bytes=LEAST)
    assert segments.is_worth_more(0)
    assert segments.is_worth_more(999 / WORTH_S)
    assert not segments.is_worth_more(1000 / WORTH_S)
    assert not Segments(2 * LEAST - 1, [], least_bytes=LEAST).is_worth_more(0)


def test_a_transfer_that_brought_nothing_gives_its_half_back() -> None:
    segments = Segments(1000, [], least_bytes=LEAST)
    first, second = segments.take(), segments.take()
    assert first is not None
    assert second is not None
    first.at = 100
    segments.leave(second)
    assert first.end == 1000
    assert segments.left == 900
    second = segments.take()
    assert second is not None
    segments.leave(first)  # what is before it does not run any more
    segments.leave(second)
    assert [(each.begin, each.end) for each in whole_of(segments)] == [
        *((0, 100), (100, 550), (550, 1000)),
    ]
