"""What is said at the end."""

from __future__ import annotations

import pytest

from pixxel_async import AuthenticationError, CatalogDownload, ServerError, events
from pixxel_async.cli.output.summary import SHOWN_FAILURES, summary

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
    assert summary(report, FOLDER).splitlines() == [
        "packages      3: 1 saved, 1 there already, 1 failed",
        "bytes         2.0 MB saved, 2.5 MB received",
        "time          5.0 s, 500.0 kB/s",
        "waiting       2.5 s, summed over the packages",
        "transferring  1.5 s, summed over the packages",
        "polls         1",
        "retries       1 calls, 0 transfers; 0 re-requested, 0 fresh URLs",
        f"folder        {FOLDER}",
        "failed  job w j3: 404 no such job",
    ]


def test_what_was_held_back_is_told() -> None:
    fails = events.HostFailed(at_s=1, host="api.test", reason="502")
    back = events.HostRecovered(at_s=3, host="api.test", held_s=2.0)
    shown = summary(report_of(started(1), fails, back), FOLDER)
    assert "throttled     1 times, 2.0 s for a host that failed" in shown.splitlines()


def test_of_many_failures_some_are_shown() -> None:
    failures = [failed(job(number)) for number in range(SHOWN_FAILURES + 5)]
    shown = summary(report_of(started(len(failures)), *failures), FOLDER).splitlines()
    assert sum(line.startswith("failed") for line in shown) == SHOWN_FAILURES
    assert shown[-1] == "and 5 more"


def test_exactly_as_many_as_are_shown_leave_no_rest() -> None:
    failures = [failed(job(number)) for number in range(SHOWN_FAILURES)]
    assert "more" not in summary(report_of(started(len(failures)), *failures), FOLDER)


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
    shown = summary(report, FOLDER).splitlines()
    assert shown[-2:] == [
        "failed  job w j2: 404 no such job",
        "2 were not finished, because the service rejected the API key",
    ]


@pytest.mark.fault(47)
def test_what_the_service_says_steers_no_terminal() -> None:
    odd = CatalogDownload(catalog_ids=("\x1b]0;title\x07",))
    report = report_of(started(1), failed(odd, ServerError("a\x1b[2Jb\nc", status=500)))
    shown = summary(report, FOLDER)
    assert r"catalog \x1b]0;title\x07: 500 a\x1b[2Jb\nc" in shown
    assert shown.replace("\n", "").isprintable()
