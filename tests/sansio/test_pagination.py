"""Walks through lists: everything once, whatever the service does with its pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.errors import ResponseError
from pixxel_async.sansio.api.pagination import BARREN_PAGES, Ask, PageWalk, Paging

EventText: TypeAlias = tuple[Sequence[str], int | None]
PAGED = pytest.mark.parametrize("paging", [Paging.OFFSET, Paging.NUMBERED])
SIZES = st.integers(1, 7)
YES_OR_NO: st.SearchStrategy[bool] = st.booleans()
COUNTS = st.integers(0, 40)


def names(count: int) -> list[str]:
    return [f"r{number}" for number in range(count)]


def walk_through(
    paging: Paging, size: int, answer: Callable[[Ask], EventText], *, most: int = 500
) -> tuple[list[str], list[Ask], PageWalk]:
    """Walk to the end; return what was new, what was asked for, and the walk."""
    walk = PageWalk(paging, size=size)
    found: list[str] = []
    asked: list[Ask] = []
    while walk.ask is not None:
        asked.append(walk.ask)
        assert len(asked) <= most, "it does not end"
        ids, total = answer(walk.ask)
        found += [ids[place] for place in walk.take(ids, total)]
    return found, asked, walk


def served(rows: Sequence[str], ask: Ask, *, first: int = 1, most: int = 1000) -> list[str]:
    """Return the page of a service that counts its pages from `first` and has a limit."""
    size = min(ask.size, most)
    place = ask.offset
    if ask.paging is Paging.NUMBERED:
        number = first if ask.number is None else ask.number
        place = (number - first) * size
    return list(rows[place : place + size])


@PAGED
@given(count=COUNTS, size=SIZES, most=SIZES, tells=st.booleans(), first=st.sampled_from([0, 1]))
def test_every_record_comes_once(  # noqa: PLR0913 - each is a way in which services differ
    *, paging: Paging, count: int, size: int, most: int, tells: bool, first: int
) -> None:
    rows = names(count)
    total = count if tells else None
    if first == 0 and not tells:
        first = 1  # without a count, nothing tells that a page was passed over
    found, _, walk = walk_through(
        paging, size, lambda ask: (served(rows, ask, first=first, most=most), total)
    )
    assert sorted(found) == sorted(rows)
    assert walk.missing == 0
    if paging is Paging.OFFSET:
        assert found == rows


@given(count=COUNTS, size=SIZES)
def test_with_a_total_no_page_is_asked_for_in_vain(count: int, size: int) -> None:
    rows = names(count)
    _, asked, _ = walk_through(Paging.OFFSET, size, lambda ask: (served(rows, ask), count))
    assert len(asked) == max(1, -(-count // size))
    _, asked, _ = walk_through(Paging.NUMBERED, size, lambda ask: (served(rows, ask), count))
    assert len(asked) == max(1, -(-count // size))


@PAGED
@given(data=st.data(), count=st.integers(1, 30), size=st.integers(2, 7))
def test_nothing_that_stays_is_missed_when_others_go(
    *, paging: Paging, data: st.DataObject, count: int, size: int
) -> None:
    rows = names(count)
    gone: set[str] = set()

    def answer(ask: Ask) -> EventText:
        # At most one goes between two pages, so that a numbered page has all that moved.
        if data.draw(YES_OR_NO) and rows:
            gone.add(rows.pop(data.draw(st.integers(0, len(rows) - 1))))
        return served(rows, ask), len(rows)

    found, _, _ = walk_through(paging, size, answer)
    assert len(found) == len(set(found))
    assert set(found) >= set(names(count)) - gone


@PAGED
@given(data=st.data(), count=COUNTS, size=SIZES)
def test_nothing_comes_twice_when_others_are_added(
    *, paging: Paging, data: st.DataObject, count: int, size: int
) -> None:
    rows = names(count)
    new = iter(range(10_000))
    rounds = iter(range(BARREN_PAGES - 1))  # more at one place look like a page repeated

    def answer(ask: Ask) -> EventText:
        if next(rounds, None) is not None and data.draw(YES_OR_NO):
            rows.insert(data.draw(st.integers(0, len(rows))), f"new{next(new)}")
        return served(rows, ask), len(rows)

    found, _, _ = walk_through(paging, size, answer)
    assert len(found) == len(set(found))
    assert set(found) >= set(names(count))


@PAGED
@given(data=st.data(), size=SIZES)
def test_no_answers_keep_it_for_ever(*, paging: Paging, data: st.DataObject, size: int) -> None:
    pool = names(12)
    totals = st.none() | st.integers(0, 50)

    def answer(_: Ask) -> EventText:
        ids: list[str] = data.draw(st.lists(st.sampled_from(pool), max_size=5))
        return ids, data.draw(totals)

    found: list[str] = []
    walk = PageWalk(paging, size=size)
    for _ in range((len(pool) + 50) * (BARREN_PAGES + 1)):
        if walk.ask is None:
            break
        ids, total = answer(walk.ask)
        try:
            found += [ids[place] for place in walk.take(ids, total)]
        except ResponseError:
            break
    assert walk.ask is None
    assert len(found) == len(set(found))


@PAGED
def test_a_service_that_repeats_its_page_is_told_when_there_must_be_more(paging: Paging) -> None:
    with pytest.raises(ResponseError, match="repeats a page: 2 of 9"):
        walk_through(paging, 2, lambda _: (names(2), 9))


@PAGED
def test_a_service_that_tells_no_total_and_gives_all_at_once_is_read_to_its_end(
    paging: Paging,
) -> None:
    found, asked, walk = walk_through(paging, 2, lambda _: (names(5), None))
    assert found == names(5)
    assert len(asked) == 1 + BARREN_PAGES
    assert walk.missing == 0


@PAGED
def test_a_total_of_nothing_beside_records_is_no_total(paging: Paging) -> None:
    rows = names(5)
    found, _, _ = walk_through(paging, 2, lambda ask: (served(rows, ask), 0))
    assert found == rows


@PAGED
def test_an_empty_page_ends_it_and_what_is_missing_is_counted(paging: Paging) -> None:
    rows = names(5)
    found, _, walk = walk_through(paging, 2, lambda ask: (served(rows, ask), 8))
    assert found == rows
    assert walk.missing == 3


def test_a_list_that_comes_whole_is_asked_for_once() -> None:
    found, asked, _ = walk_through(Paging.WHOLE, 2, lambda _: (["a", "b", "a"], None))
    assert found == ["a", "b"]
    assert [ask.values for ask in asked] == [{}]


def test_what_the_service_takes_has_its_own_names() -> None:
    _, asked, _ = walk_through(Paging.OFFSET, 2, lambda ask: (served(names(3), ask), 3))
    assert [ask.values for ask in asked] == [{"offset": 0, "limit": 2}, {"offset": 2, "limit": 2}]
    _, asked, _ = walk_through(Paging.NUMBERED, 2, lambda ask: (served(names(3), ask), 3))
    assert [ask.values for ask in asked] == [{"page_size": 2}, {"page_num": 2, "page_size": 2}]


def test_after_the_end_nothing_is_taken() -> None:
    walk = PageWalk(Paging.WHOLE)
    assert walk.take(["a"], None) == [0]
    assert walk.take(["b"], None) == []
