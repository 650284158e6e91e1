"""Totals, what packages are doing over time, the slowest, and which of many are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.journal.models import Activity, Ending, ExportRecord, PackageRow, Step
from pixxel_async.report.html import drawn
from pixxel_async.report.metrics import ending_word, totals_of
from pixxel_async.report.state_counts import StateGroup, state_counts_of, state_group_of
from pixxel_async.report.time_axis import axis_of
from pixxel_async.report.timeline import ENDS, ends_of_runs, shares, slowest, tidy, timelines_of
from pixxel_async.sansio.package_state import State
from pixxel_async.sansio.polling.time_left import Estimate

from .made import made_export, record, row, run, step
from .strategies import records

SAVED = row("a", state=State.SAVED, bytes=5)


@pytest.mark.parametrize(
    ("rows", "total", "ending", "is_complete"),
    [
        ((SAVED,), 1, Ending.COMPLETE, True),
        ((SAVED,), 1, None, True),
        ((SAVED, row("b", state=State.SKIPPED, bytes=1)), 2, Ending.COMPLETE, True),
        ((SAVED,), 2, None, False),  # one was not noted yet
        ((SAVED,), None, Ending.COMPLETE, True),
        ((SAVED,), None, Ending.INTERRUPTED, False),  # who knows what the stream held
        ((SAVED, row("b", state=State.FAILED)), 2, Ending.COMPLETE, False),
        ((SAVED, row("b", state=State.FETCHING)), 1, Ending.INTERRUPTED, False),
        ((), 0, Ending.COMPLETE, False),
    ],
)
def test_an_export_is_complete_if_every_package_is_saved(
    rows: tuple[PackageRow, ...],
    total: int | None,
    ending: Ending | None,
    is_complete: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    made = record(rows, (run(total=total, ending=ending),))
    assert totals_of(made).is_complete is is_complete


def test_totals_count_what_is_left() -> None:
    rows = (
        SAVED,
        row("b", state=State.FAILED, error="no", written=7),
        row("c", state=State.FETCHING, written=3, mark=4),
    )
    totals = totals_of(record(rows, (run(total=5, seen_at=9),), running=12))
    assert (totals.packages, totals.saved, len(totals.failed), totals.left) == (5, 1, 1, 3)
    assert totals.states[State.QUEUED] == 2
    assert (totals.bytes_saved, totals.bytes_partial) == (5, 11)
    assert (totals.running, totals.seen_at) == (12, 9)


def test_only_a_running_export_has_a_time_left() -> None:
    counts = {"time_left_s": 60, "time_left_p90_s": 90}
    runs = (run(ending=None, pid=4, counts=counts),)
    assert totals_of(record(runs=runs, running=4)).time_left == Estimate(median_s=60, p90_s=90)
    assert totals_of(record(runs=runs)).time_left is None
    assert totals_of(record(runs=(run(ending=None, pid=4),), running=4)).time_left is None


def test_a_journal_of_an_earlier_version_has_no_runs() -> None:
    totals = totals_of(record((SAVED,)))
    assert totals.is_complete
    assert totals.seen_at is None


def test_a_run_without_an_ending_runs_or_was_killed() -> None:
    first, second = run(1, ending=None, pid=4), run(2, ending=None, pid=5)
    made = record(runs=(first, second), running=5)
    assert [ending_word(one, made) for one in (first, second)] == ["killed", "running"]
    assert ending_word(run(ending=Ending.STOPPED), made) == "stopped"


def counting(made: ExportRecord, key: str, past: Collection[Step]) -> list[Step]:
    """Return the steps of a package that change what it is counted as."""
    found: list[Step] = []
    for one in made.steps:
        queued_again = found and found[-1].doing in ENDS and one.doing is Activity.QUEUED
        if one.key == key and one in past and not queued_again:
            found.append(one)
    return found


@given(records(), st.integers(1, 50))
def test_packages_are_counted_as_what_they_do(record: ExportRecord, points: int) -> None:
    made = tidy(record)
    axis = axis_of(made)
    width = axis.length_s / points or 1.0
    counted = state_counts_of(made, axis.x_of, points=points, width=width)
    ends = ends_of_runs(made)
    for number in range(points):
        until = (number + 1) * width * (1 - 1e-9)
        if any(abs(axis.x_of(one.at) - until) < 1e-3 * width for one in made.steps):
            continue  # rounding decides
        if any(abs(axis.x_of(end) - until) < 1e-3 * width for end in ends.values()):
            continue
        expected: Counter[StateGroup] = Counter()
        for key in {one.key for one in made.steps}:
            past = {one for one in made.steps if axis.x_of(one.at) <= until}
            done = counting(made, key, past)
            if done and (done[-1].doing in ENDS or axis.x_of(ends[done[-1].run]) > until):
                expected[state_group_of(done[-1].doing)] += 1
        assert {
            one: counts[number] for one, counts in counted.items() if counts[number]
        } == expected


def test_a_saved_package_stays_saved_while_a_later_run_looks_at_it() -> None:
    made = record(
        (row("a"),),
        (run(1, 0, 10), run(2, 10, 20)),
        (
            step("a", 0, Activity.PACKAGING),
            step("a", 5, Activity.SAVED),
            step("a", 10, Activity.QUEUED, run=2),
            step("a", 15, Activity.SKIPPED, run=2),
        ),
    )
    counted = state_counts_of(made, axis_of(made).x_of, points=20, width=1.0)
    assert counted[StateGroup.SAVED] == [0] * 5 + [1] * 15
    assert not any(counted[StateGroup.QUEUED])


def test_the_slowest_are_those_that_took_longest_not_those_that_queued() -> None:
    made = record(
        (row("a"), row("b")),
        (run(seen_at=100),),
        (
            step("a", 0, Activity.QUEUED),
            step("b", 0, Activity.PACKAGING),
            step("b", 20, Activity.SAVED),
            step("a", 90, Activity.PACKAGING),
            step("a", 100, Activity.SAVED),
        ),
    )
    timelines = timelines_of(made)
    assert [timeline.row.key for timeline in slowest(timelines)] == ["b", "a"]
    assert [timeline.row.key for timeline in timelines] == ["b", "a"]
    assert {share.doing: share.sum_s for share in shares(timelines)} == {
        Activity.QUEUED: 90,
        Activity.PACKAGING: 30,
    }


def test_many_packages_are_thinned_out_and_keep_their_order() -> None:
    timelines = timelines_of(made_export(2000))
    chosen = drawn(timelines, 400)
    assert len(chosen) == 400
    places = [timelines.index(timeline) for timeline in chosen]
    assert places == sorted(places)
    assert max(after - before for before, after in pairwise(places)) < 20
    failed = [timeline for timeline in timelines if timeline.row.state is State.FAILED]
    assert len(failed) < 100
    assert all(timeline in chosen for timeline in failed)
    assert all(timeline in chosen for timeline in slowest(timelines, 100))
    assert drawn(timelines, 2000) == timelines
