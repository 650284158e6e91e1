"""What packages did, for how long, and how fast bytes came."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.journal.models import Activity, Ending, ExportRecord
from pixxel_async.report.throughput import arrivals_of, bytes_by_bin
from pixxel_async.report.time_axis import axis_of, running_s
from pixxel_async.report.timeline import ENDS, Span, ends_of_runs, spans_of, tidy

from .made import made_export_of_runs, record, run, step
from .strategies import records


def by_key(record: ExportRecord) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for span in spans_of(tidy(record)):
        found[span.key].append(span)
    return found


@given(records())
def test_the_spans_of_a_package_never_overlap_and_never_leave_their_run(
    record: ExportRecord,
) -> None:
    began = {run.number: run.began_at for run in record.runs}
    ends = ends_of_runs(record)
    for spans in by_key(record).values():
        for span in spans:
            assert began[span.run] <= span.begins_at < span.ends_at <= ends[span.run]
        for before, after in pairwise(spans):
            assert before.ends_at <= after.begins_at


@given(records())
def test_a_package_does_something_from_its_first_step_to_its_end(record: ExportRecord) -> None:
    ends = ends_of_runs(record)
    spans = spans_of(tidy(record))
    steps = tidy(record).steps
    for run_number, key in {(one.run, one.key) for one in steps}:
        own = [one for one in steps if (one.run, one.key) == (run_number, key)]
        is_over = own[-1].doing in ENDS
        until = own[-1].at if is_over else ends[run_number]
        lasted = sum(span.lasts_s for span in spans if (span.run, span.key) == (run_number, key))
        assert lasted == pytest.approx(until - own[0].at)


@given(records())
def test_what_was_only_planned_does_not_move_the_end_of_a_run(record: ExportRecord) -> None:
    made = tidy(record)
    assert ends_of_runs(made) == ends_of_runs(record)
    assert tidy(made) == made


def test_steps_that_say_the_same_again_are_one_span() -> None:
    made = record(
        runs=(run(began_at=0, seen_at=9),),
        steps=(
            step("a", 0, Activity.QUEUED),
            step("a", 2, Activity.TRANSFERRING),
            step("a", 3, Activity.TRANSFERRING, 10),
            step("a", 6, Activity.SAVED, 30),
        ),
    )
    assert spans_of(made) == [
        Span("a", 1, Activity.QUEUED, 0, 2),
        Span("a", 1, Activity.TRANSFERRING, 2, 6),
    ]


def test_what_a_killed_run_was_doing_ends_when_it_was_last_heard_of() -> None:
    made = record(
        runs=(run(began_at=0, seen_at=5, ending=None), run(2, 100, 110)),
        steps=(
            step("a", 0, Activity.TRANSFERRING),
            step("b", 7, Activity.QUEUED),
            step("a", 100, Activity.TRANSFERRING, run=2),
            step("a", 104, Activity.SAVED, run=2),
        ),
    )
    assert [(span.begins_at, span.ends_at) for span in by_key(made)["a"]] == [(0, 7), (100, 104)]


def test_a_transfer_that_was_only_planned_does_not_count() -> None:
    steps = (
        step("a", 0, Activity.TRANSFERRING),
        step("a", 2, Activity.RETRYING),
        step("a", 30, Activity.TRANSFERRING),
    )
    killed = record(runs=(run(began_at=0, seen_at=5, ending=None),), steps=steps)
    ended = record(runs=(run(began_at=0, seen_at=5, ending=Ending.INTERRUPTED),), steps=steps)
    for made in (killed, ended):
        assert ends_of_runs(made) == {1: 5}
        assert by_key(made)["a"][-1] == Span("a", 1, Activity.RETRYING, 2, 5)
    given_up = record(
        runs=(run(began_at=0, seen_at=60),),
        steps=(*steps[:2], step("a", 4, Activity.FAILED), steps[2]),
    )
    assert by_key(given_up)["a"][-1] == Span("a", 1, Activity.RETRYING, 2, 4)


@given(records(), st.integers(1, 40))
def test_all_bytes_that_came_are_in_the_throughput(record: ExportRecord, bins: int) -> None:
    made = tidy(record)
    arrivals = arrivals_of(made)
    axis = axis_of(made)
    width = axis.length_s / bins or 1.0
    come = bytes_by_bin(arrivals, axis.x_of, bins=bins, width=width)
    assert min(come) >= 0
    assert sum(come) == pytest.approx(sum(arrival.bytes for arrival in arrivals))


def test_bytes_are_spread_over_the_time_in_which_they_came() -> None:
    made = record(
        runs=(run(began_at=0, seen_at=10),),
        steps=(
            step("a", 1, Activity.READY, 100),  # of an earlier run: did not come now
            step("a", 2, Activity.TRANSFERRING, 100),
            step("a", 4, Activity.TRANSFERRING, 300),
            step("a", 6, Activity.RETRYING, 200),
            step("a", 7, Activity.TRANSFERRING, 200),
            step("a", 8, Activity.SAVED, 600),
        ),
    )
    come = bytes_by_bin(arrivals_of(made), axis_of(made).x_of, bins=10, width=1.0)
    assert come == pytest.approx([0, 0, 100, 100, 0, 0, 0, 400, 0, 0])


@given(records())
def test_the_axis_rises_and_keeps_runs_to_scale(record: ExportRecord) -> None:
    axis = axis_of(record)
    ends = ends_of_runs(record)
    times = sorted({at for run in record.runs for at in (run.began_at, ends[run.number])})
    assert axis.x_of(times[0] - 1) == axis.x_of(times[0]) == 0
    assert axis.x_of(times[-1] + 1) == axis.length_s
    for before, after in pairwise(times):
        assert axis.x_of(before) <= axis.x_of(after)
    for one in record.runs:
        lasted = ends[one.number] - one.began_at
        drawn = axis.x_of(ends[one.number]) - axis.x_of(one.began_at)
        assert drawn == pytest.approx(lasted, abs=1e-6)
    assert axis.length_s >= running_s(record) - 1e-6


def test_a_long_pause_is_cut_and_a_short_one_is_to_scale() -> None:
    made = record(runs=(run(1, 0, 100), run(2, 103, 200), run(3, 10_000, 10_100)))
    axis = axis_of(made)
    assert axis.x_of(103) == 103
    gap = 0.02 * running_s(made)
    assert axis.x_of(10_000) == pytest.approx(200 + gap)
    assert [mark.cut_from for mark in axis.marks] == [None, None, 200]
    assert axis.marks[2].pause_s == 9_800


def test_runs_of_one_process_that_overlap_share_the_axis() -> None:
    made = record(runs=(run(1, 0, 100), run(2, 50, 150)))
    assert axis_of(made).length_s == running_s(made) == 150


def test_an_export_of_several_runs_makes_sense() -> None:
    made = tidy(made_export_of_runs(60))
    received = sum(arrival.bytes for arrival in arrivals_of(made))
    assert received == sum(row.bytes or row.written for row in made.rows)
