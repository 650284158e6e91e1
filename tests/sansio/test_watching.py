"""What is new in a list that is read again and again, and when it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.records import Catalog, Insight, Job
from pixxel_async.sansio.api.record_filter import words
from pixxel_async.sansio.api.watching import (
    FINISHED,
    MOST_UNKNOWN,
    SeenRecords,
    WatchSchedule,
    aware,
)

NOON = datetime(2025, 4, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def insight(name: str, status: str = "completed", **fields: Any) -> Insight:
    return Insight.model_validate({"id": name, "aoi_id": "a", "status": status, **fields})


def ids(records: list[Any]) -> list[str]:
    return [record.id for record in records]


def test_a_record_is_new_once_when_it_is_finished() -> None:
    seen = SeenRecords()
    assert ids(seen.take([insight("1"), insight("2", "running")])) == ["1"]
    assert ids(seen.take([insight("1"), insight("2", "running")])) == []
    assert ids(seen.take([insight("3"), insight("1"), insight("2")])) == ["3", "2"]
    assert ids(seen.take([insight("3"), insight("1"), insight("2")])) == []


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_every_word_of_a_successful_end_counts_in_any_spelling(status: str) -> None:
    assert SeenRecords().take([insight("1", f" {status.upper()} ")])


@pytest.mark.parametrize("status", ["failed", "In Progress", "queued", "", "cancelled"])
def test_known_words_of_anything_else_are_not_reported(status: str) -> None:
    seen = SeenRecords()
    assert seen.take([insight("1", status)]) == []
    assert seen.unknown == set()


def test_unknown_words_are_collected_up_to_a_number() -> None:
    seen = SeenRecords()
    assert seen.take([insight(str(n), f"Packed {n}") for n in range(100)]) == []
    assert len(seen.unknown) == MOST_UNKNOWN
    assert "packed_0" in seen.unknown


def test_statuses_may_be_chosen_and_an_image_needs_none() -> None:
    failed = SeenRecords(words(["FAILED"]))
    assert ids(failed.take([insight("1"), insight("2", "failed")])) == ["2"]
    assert ids(SeenRecords(frozenset()).take([Catalog(id="c"), insight("1", "running")])) == [
        "c", "1",
    ]  # fmt: skip


def test_since_concerns_what_was_finished_at_the_first_look_only() -> None:
    seen = SeenRecords(since=NOON)
    old = insight("old", created_at=NOON - HOUR)
    running = insight("running", "running", created_at=NOON - HOUR)
    timeless = insight("timeless")
    at_that_moment = insight("at", created_at=NOON)
    assert ids(seen.take([old, running, timeless, at_that_moment])) == ["timeless", "at"]
    finished = insight("running", created_at=NOON - HOUR)
    late = insight("late", created_at=NOON - HOUR)  # a clock of the service that is behind
    assert ids(seen.take([old, finished, late])) == ["running", "late"]


def test_since_compares_the_finish_of_a_job() -> None:
    seen = SeenRecords(since=NOON)
    fields: Any = {"workflow_id": "w", "status": "completed", "created_at": NOON - HOUR}
    jobs = [
        Job(id="before", finished_at=NOON - HOUR, **fields),
        Job(id="after", finished_at=NOON + HOUR, **fields),
        Job(id="updated", updated_at=NOON + HOUR, **fields),
        Job(id="created", **fields),
    ]
    assert ids(seen.take(jobs)) == ["after", "updated"]


def test_a_list_that_broke_off_is_no_first_look_and_forgets_nothing() -> None:
    seen = SeenRecords(since=NOON)
    assert ids(seen.take([insight("1", created_at=NOON + HOUR)], is_complete=False)) == ["1"]
    old = insight("2", created_at=NOON - HOUR)
    assert ids(seen.take([insight("1", created_at=NOON + HOUR), old])) == []
    for _ in range(5):
        assert seen.take([], is_complete=False) == []
    assert ids(seen.take([insight("1"), old])) == []


def test_what_one_list_leaves_out_is_not_new_again() -> None:
    seen = SeenRecords()
    assert ids(seen.take([insight("1")])) == ["1"]
    assert seen.take([]) == []
    assert seen.take([insight("1")]) == []


def test_memory_is_bounded_by_what_is_listed() -> None:
    seen = SeenRecords()
    for number in range(1000):
        assert len(seen.take([insight(str(number)), insight(str(number + 1))])) <= 2
        assert len(seen) <= 4
    assert seen.take([]) == seen.take([]) == []
    assert len(seen) == 0


def test_what_is_forgotten_is_new_once_more() -> None:
    seen = SeenRecords(since=NOON)
    old, new = insight("1", created_at=NOON - HOUR), insight("2", created_at=NOON + HOUR)
    assert ids(seen.take([old, new])) == ["2"]
    seen.forget("2")
    seen.forget("never seen")
    assert ids(seen.take([old, new])) == ["2"]
    assert seen.take([old, new]) == []


def test_a_moment_without_a_zone_is_in_utc() -> None:
    assert aware(NOON.replace(tzinfo=None)) == aware(NOON) == NOON


LISTS = st.lists(
    st.tuples(st.dictionaries(st.integers(0, 9), st.booleans(), max_size=10), st.booleans()),
    max_size=12,
)


@given(LISTS)
def test_each_record_that_stays_listed_is_new_exactly_once(
    lists: list[tuple[dict[int, bool], bool]],
) -> None:
    seen, taken, listed_before = SeenRecords(), list[str](), {"always"}
    for number, (states, is_complete) in enumerate(lists):
        records = [insight("always", "completed" if number else "running")]
        records += [
            insight(str(n), "completed" if is_done else "x") for n, is_done in states.items()
        ]
        taken += ids(seen.take(records, is_complete=is_complete))
        if is_complete:
            assert len(seen) <= len(listed_before | {record.id for record in records})
            listed_before = {record.id for record in records}
        else:
            listed_before |= {record.id for record in records}
    assert taken.count("always") == (len(lists) > 1)


def read_all(schedule: WatchSchedule, until: float, *, takes_s: float = 0.0) -> list[list[float]]:
    """Return when each list is read, by a reader that waits until a list is due."""
    now, times = schedule.began, [list[float]() for _ in range(schedule.count)]
    while (now := max(now, schedule.due)) <= until:
        times[schedule.index].append(now)
        now += takes_s
        schedule.was_read(now)
    return times


def test_lists_are_read_at_once_and_then_once_an_interval_and_evenly() -> None:
    times = read_all(WatchSchedule(3, 90.0, 1000.0), 1000.0 + 4 * 90)
    assert times == [
        [1000.0, 1030.0, 1120.0, 1210.0, 1300.0],
        [1000.0, 1060.0, 1150.0, 1240.0, 1330.0],
        [1000.0, 1090.0, 1180.0, 1270.0, 1360.0],
    ]


def test_rounds_are_counted() -> None:
    schedule = WatchSchedule(2, 90.0, 0.0)
    counted = []
    for _ in range(5):
        counted.append((schedule.rounds, schedule.index))
        schedule.was_read(0.0)
    assert counted == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


@given(
    count=st.integers(1, 20),
    every_s=st.floats(0.5, 1000),
    lateness=st.lists(st.floats(0, 5000), max_size=60),
)
def test_however_late_a_reader_is_no_list_is_read_twice_before_the_others_once(
    count: int, every_s: float, lateness: list[float]
) -> None:
    schedule, now, order = WatchSchedule(count, every_s, 0.0), 0.0, list[int]()
    for late_s in lateness:
        now = max(now, schedule.due) + late_s
        order.append(schedule.index)
        schedule.was_read(now)
        assert now - schedule.due < every_s * (1 + 1e-9) or not schedule.rounds
    assert order == [number % count for number in range(len(order))]


def test_a_late_reader_reads_each_list_once_and_no_more() -> None:
    schedule = WatchSchedule(2, 10.0, 0.0)
    read_all(schedule, 15.0)
    now, at_once = 1000.0, 0
    while schedule.due <= now:
        schedule.was_read(now)
        at_once += 1
    assert at_once <= 3  # the one that was late, and each list once
    assert now < schedule.due <= now + 5
