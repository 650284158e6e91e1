"""What is said at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixxel_async import AuthenticationError, events
from pixxel_async.cli.output.summary import summary

from .stories import (
    FOLDER,
    failed,
    fetch_started,
    job,
    ready,
    report_of,
    requested,
    saved,
    skipped,
    started,
)


def test_the_summary_is_aligned_and_complete() -> None:
    retried = events.Retried(
        at_s=1, key=job(3).key, operation="x", attempt=1, delay_s=1, reason="500"
    )
    report = report_of(
        started(3),
        requested(),
        ready(),
        fetch_started(),
        saved(),
        skipped(job(2)),
        retried,
        failed(job(3)),
    )
    assert summary(report, FOLDER) == [
        "packages      3: 1 saved, 1 there already, 1 failed",
        "bytes         2.0 MB saved, 2.5 MB received",
        "time          5.0 s, 500.0 kB/s",
        "waiting       2.5 s, summed over the packages",
        "transferring  1.5 s, summed over the packages",
        "polls         1",
        "retries       1 call, 0 transfers; 0 re-requested, 0 fresh URLs",
        f"folder        {FOLDER}",
    ]


def test_what_was_held_back_is_told() -> None:
    fails = events.HostFailed(at_s=1, host="api.test", reason="502")
    back = events.HostRecovered(at_s=3, host="api.test", held_s=2.0)
    shown = summary(report_of(started(1), fails, back), FOLDER)
    assert "throttled     1 time, 2.0 s for an unreachable host" in shown


def test_on_a_narrow_terminal_lines_break_between_words() -> None:
    lines = summary(
        report_of(started(1), requested(), ready(), fetch_started(), saved()), FOLDER, 40
    )
    assert lines[:3] == [
        "packages      1: 1 saved, 0 there",
        "              already, 0 failed",
        "bytes         2.0 MB saved, 2.5 MB",
    ]
    assert max(map(len, lines)) <= 40


def test_after_a_rejected_key_the_rest_is_one_line() -> None:
    rejected = AuthenticationError("wrong key", status=401)
    report = report_of(
        started(4),
        skipped(job(1)),
        failed(job(2)),
        events.Stopped(at_s=1, error=rejected),
        failed(job(3), rejected),
        failed(job(4), rejected),
    )
    assert summary(report, FOLDER)[:2] == [
        "packages      4: 0 saved, 1 there already, 3 failed",
        "              2 of the failed ones: the service rejected the API key",
    ]


@pytest.mark.fault(47)
def test_the_name_of_a_folder_steers_no_terminal() -> None:
    (line,) = summary(report_of(started(0)), Path("/\x1b]0;title\x07\n"))[-1:]
    assert line == r"folder        /\x1b]0;title\x07\n"
