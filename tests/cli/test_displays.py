"""What the displays draw and write."""

from __future__ import annotations

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pixxel_async import (
    AuthenticationError,
    CatalogDownload,
    JobDownload,
    ServerError,
    events,
)
from pixxel_async.cli.output.logs import log_shown
from pixxel_async.display.bars import Bars
from pixxel_async.display.base import Display, Verbosity
from pixxel_async.display.event_text import event_text, name_of
from pixxel_async.display.plain import Lines
from pixxel_async.display.progress_state import THROUGHPUT_S, Meter, ProgressState, heartbeat
from pixxel_async.display.progress_view import LEAST_NAME_CHARS, OTHER_LINES
from pixxel_async.export.summary import Report

from .stories import (
    JOB,
    NAME,
    failed,
    fetch_started,
    job,
    progressed,
    ready,
    report_of,
    requested,
    saved,
    skipped,
    started,
    tell,
)

KEY_REJECTED = AuthenticationError("wrong key", status=401)
STOPPED = events.Stopped(at_s=1, error=KEY_REJECTED)
RETRIED = events.Retried(
    at_s=1, key=JOB.key, operation="downloadJob", attempt=1, delay_s=0.5, reason="500 oops"
)
DETAILS = (
    RETRIED,
    events.Recreated(at_s=1, key=JOB.key, attempt=1, delay_s=0.5, reason="it broke"),
    events.FetchInterrupted(at_s=4, key=JOB.key, offset=1_000_000, delay_s=0.5, reason="reset"),
    events.UrlRefreshed(at_s=4, key=JOB.key),
    events.RateLimited(at_s=1, pause_s=2, requests_per_second=5),
)
EVIL = "\x1b[31mred\x07 [bold]not bold[/bold] \u202e\n second line"
EVIL_SHOWN = r"\x1b[31mred\x07 [bold]not bold[/bold] \u202e\n second line"


def lines(loudness: Verbosity, *told: events.Event) -> list[str]:
    stream = io.StringIO()
    with Lines(stream, loudness) as display:
        tell(display, *told)
    return stream.getvalue().splitlines()


class Screen:
    """A terminal of a fixed size, and a clock that is moved by hand."""

    def __init__(
        self, loudness: Verbosity = Verbosity.NORMAL, *, width: int = 100, height: int = 24
    ) -> None:
        self.now = 0.0
        self.file = io.StringIO()
        self.console = Console(
            file=self.file, force_terminal=True, color_system=None, width=width, height=height
        )
        self.bars = Bars(self.console, loudness, clock=lambda: self.now)

    def drawn(self) -> list[str]:
        with self.console.capture() as capture:
            self.console.print(self.bars.draw())
        return [line.rstrip() for line in capture.get().splitlines() if line.strip()]

    def printed(self) -> str:
        return self.file.getvalue()


def test_plain_lines_number_what_has_ended_as_far_as_they_list_it() -> None:
    fetched = (requested(), ready(), fetch_started(), progressed(5), saved())
    shown = (started(12), *fetched, skipped(job(2)), failed(job(3)))
    listed = [
        "started: 12 packages",
        f"[ 1/12] saved       {NAME}, 2.0 MB",
        f"[ 2/12] skipped     {NAME}, it exists already",
        "[ 3/12] failed      job w j3: 404 no such job",
    ]
    assert lines(Verbosity.DEBUG, *shown) == listed
    assert lines(Verbosity.DETAILS, *shown) == [*listed[:2], listed[3]]
    assert lines(Verbosity.NORMAL, *shown) == [listed[0], listed[3]]


TIME_LEFT = events.TimeLeft(at_s=3.0, median_s=3 * 3600.0, p90_s=5 * 3600.0)


def test_a_heartbeat_counts_everything() -> None:
    state, now = ProgressState(), 0.0
    report = Report()

    def follow(*shown: events.Event) -> None:
        for event in shown:
            if not isinstance(event, events.FetchProgress):
                report.add(event)
            state.follow(event, report, now)

    follow(started(2000), skipped(job(1)), failed(job(2)), requested(), ready(), fetch_started())
    now = 1.0
    follow(progressed(1_000_000), TIME_LEFT)
    assert heartbeat(state, now) == (
        "1 of 2,000 packages done, 1 failed, 1,997 waiting; 1 transfer at 1.0 MB/s; "
        "about 3 h left (at most 5 h)"
    )
    now = 3601.0
    follow(saved())
    assert heartbeat(state, now) == (
        "2 of 2,000 packages done, 1 failed, 1,997 waiting; 0 transfers at 250.0 kB/s; "
        "about 2 h left (at most 4 h)"
    )


def test_a_heartbeat_of_a_stream_makes_nothing_up() -> None:
    state = ProgressState()
    state.follow(started(None), report_of(started(None)), 0.0)
    assert heartbeat(state, 60.0) == (
        "0 of ? packages done, 0 failed, 0 waiting; 0 transfers at 0 bytes/s"
    )


def test_quiet_lines_have_no_heartbeat() -> None:
    stream = io.StringIO()
    display = Lines(stream, Verbosity.ERRORS)
    tell(display, started(1))
    display.beat()
    assert stream.getvalue() == ""


def test_quiet_lines_are_errors_only() -> None:
    told = (started(2), requested(), RETRIED, failed(), skipped(job(2)))
    assert lines(Verbosity.ERRORS, *told) == ["failed      job w j: 404 no such job"]


def test_details_are_told_on_request() -> None:
    timeline = (started(1), requested(), *DETAILS[:2], ready(), fetch_started(), *DETAILS[2:])
    assert lines(Verbosity.NORMAL, *timeline) == ["started: 1 package"]
    labels = [line.split("  ")[0].strip() for line in lines(Verbosity.DETAILS, *timeline)[1:]]
    assert [label.split(" job:")[0] for label in labels] == [
        "retried",
        "new package",
        "interrupted",
        "fresh URL",
        "rate limit",
    ]


def test_a_rejected_key_is_told_once() -> None:
    rejected = [failed(job(number), KEY_REJECTED) for number in range(3)]
    (line,) = lines(Verbosity.ERRORS, started(3), STOPPED, *rejected)
    assert "PIXXEL_API_KEY" in line
    assert "401 wrong key" in line


@pytest.mark.parametrize("loudness", [Verbosity.NORMAL, Verbosity.DETAILS])
def test_what_comes_from_outside_steers_no_terminal(loudness: Verbosity) -> None:
    odd = JobDownload(workflow_id="w", job_id=EVIL)
    evil = failed(odd, ServerError(EVIL, status=500))
    screen = Screen(loudness)
    for display in (Lines(screen.file, loudness), screen.bars):
        tell(display, started(1), evil)
        display.say(EVIL)
    shown = " ".join(screen.printed().split())
    assert shown.count(" ".join(EVIL_SHOWN.split())) == 2 * 3
    assert shown.replace("\n", "").isprintable()


def test_the_bars_count_packages_and_bytes() -> None:
    screen = Screen()
    tell(screen.bars, started(4), skipped(job(2)), failed(job(3)), requested(job(4)), RETRIED)
    overall, counts = screen.drawn()
    assert overall.startswith("packages ")
    assert "2/4  0 bytes" in overall
    assert counts == ("1 not requested, 1 packaging, 0 waiting for a slot, 1 failed, 1 retried")


def test_the_time_left_counts_down_from_the_last_estimate() -> None:
    screen = Screen(width=100)
    report = tell(screen.bars, started(2), requested(), TIME_LEFT)
    screen.now += 1801
    screen.bars.show(requested(job(2)), report)
    overall, counts = screen.drawn()[:2]
    assert overall.endswith("2:29:59")
    assert counts.startswith("about 2.5 h left (at most 4.5 h), 1 not requested")


def test_a_time_left_that_is_unknown_is_not_shown() -> None:
    screen = Screen()
    report = tell(screen.bars, started(2), requested())
    assert "left" not in "".join(screen.drawn())
    report.add(TIME_LEFT)
    screen.bars.show(TIME_LEFT, report)
    assert "about 3 h left" in "".join(screen.drawn())
    report.time_left = None
    assert "left" not in "".join(screen.drawn())


def test_a_transfer_has_a_bar_from_its_start_to_its_end() -> None:
    screen = Screen()
    report = tell(screen.bars, started(1), requested(), ready(), fetch_started())
    for size in (500_000, 1_000_000, 1_500_000):
        screen.now += 1
        screen.bars.show(progressed(size), report)
    overall, _, transfer = screen.drawn()
    assert transfer.startswith("job-j-0123456789abcdef ")
    assert "1.5 MB / 2.0 MB" in transfer
    assert "500.0 kB/s" in transfer
    assert transfer.endswith(" 0:01")
    assert "0/1  1.5 MB" in overall
    report.add(saved())
    screen.bars.show(saved(), report)
    overall, _ = screen.drawn()
    assert "1/1  2.0 MB" in overall


@pytest.mark.parametrize(
    "end",
    [failed(), events.Polled(at_s=5, key=JOB.key, status_word="PENDING", polls=1, next_s=1)],
)
def test_a_transfer_that_is_given_up_loses_its_bar(end: events.Event) -> None:
    screen = Screen()
    tell(screen.bars, started(1), requested(), ready(), fetch_started())
    assert len(screen.drawn()) == 3
    screen.bars.show(end, Report())
    assert len(screen.drawn()) == 2


def test_bytes_of_an_earlier_run_and_repeated_bytes_are_told_apart() -> None:
    screen = Screen()
    report = tell(screen.bars, started(1), requested(), ready(), fetch_started(offset=1_000_000))
    screen.bars.show(progressed(1_200_000), report)
    assert "0/1  200.0 kB" in screen.drawn()[0]
    broke_off = events.FetchInterrupted(at_s=4, key=JOB.key, offset=0, delay_s=0, reason="x")
    screen.bars.show(broke_off, report)
    screen.bars.show(progressed(300_000), report)
    overall, _, transfer = screen.drawn()
    assert "0/1  500.0 kB" in overall
    assert "300.0 kB / 2.0 MB" in transfer


def test_a_size_that_is_not_known_is_not_made_up() -> None:
    screen = Screen()
    report = tell(screen.bars, started(None), requested(), ready(), fetch_started())
    screen.bars.show(progressed(300_000, None), report)
    overall, _, transfer = screen.drawn()
    assert "0/?  300.0 kB" in overall
    assert "300.0 kB / ?" in transfer


def test_there_are_never_more_bars_than_lines() -> None:
    screen = Screen(height=OTHER_LINES + 3)
    tell(screen.bars, started(10))
    for number in range(10):
        screen.bars.show(fetch_started(job(number)), Report())
    drawn = screen.drawn()
    assert len(drawn) <= OTHER_LINES + 3
    assert drawn[-1] == "and 7 more"


def test_messages_stand_above_the_bars_and_the_bars_go_away() -> None:
    screen = Screen(Verbosity.DETAILS)
    with screen.bars:
        tell(screen.bars, started(2), requested(), RETRIED, failed(), skipped(job(2)))
    printed = screen.printed()
    assert "retried     job:w/j: 500 oops; retrying in 0.5 s" in printed
    assert "failed      job w j: 404 no such job" in printed
    assert "skipped" not in printed
    assert "\x1b[1A\x1b[2K" in printed[-40:]  # the last thing is to wipe lines
    assert "\x1b[?25h" in printed  # the cursor is there again


def test_without_details_only_failures_stand_above_the_bars() -> None:
    screen = Screen()
    tell(screen.bars, started(1), requested(), *DETAILS[:1], failed())
    assert screen.printed() == "failed      job w j: 404 no such job\n"


def test_the_meter_forgets_and_comes_to_rest() -> None:
    meter = Meter()
    assert meter.rate(0) == 0
    for now in range(10):
        meter.add(now, 1000)
    assert meter.total == 10_000
    assert meter.rate(9) == pytest.approx(1000)
    assert meter.rate(9 + THROUGHPUT_S) == 0


def busy_screen(width: int, *, packages: int = 99_999) -> Screen:
    screen = Screen(width=width)
    report = tell(screen.bars, started(packages))
    for number in range(3):
        for event in (requested(job(number)), ready(job(number)), fetch_started(job(number))):
            report.add(event)
            screen.bars.show(event, report)
        progress = events.FetchProgress(
            at_s=4, key=job(number).key, bytes=100_900_000 * number, total=999_900_000
        )
        screen.now += 1
        screen.bars.show(progress, report)
    return screen


@pytest.mark.parametrize("width", [60, 80, 140])
def test_figures_stay_whole_at_each_width(width: int) -> None:
    drawn = busy_screen(width).drawn()
    text = "\n".join(drawn)
    assert max(map(len, drawn)) <= width
    for figure in ("0/99999  302.7 MB", "100.9 MB / 999.9 MB", "100.9 MB/s", "99996 not requested"):
        assert figure in text
    assert "━" in text
    names = [line.split()[0] for line in drawn[-3:]]
    assert all(len(name) >= LEAST_NAME_CHARS and name.startswith("job") for name in names)


@given(st.integers(40, 200))
def test_no_line_is_wider_than_its_terminal(width: int) -> None:
    drawn = busy_screen(width).drawn()
    assert max(map(len, drawn)) <= width
    assert "100.9 MB / 999.9 MB" in "\n".join(drawn)


def test_a_message_above_the_bars_breaks_between_words() -> None:
    screen = Screen(width=40)
    error = ServerError("the service could not package it", status=500)
    tell(screen.bars, started(1), failed(job(2), error))
    assert screen.printed().splitlines() == [
        "failed      job w j2: 500 the service",
        "            could not package it",
    ]


def test_the_log_of_the_library_goes_to_the_display_and_no_other_does() -> None:
    stream = io.StringIO()
    display: Display = Lines(stream, Verbosity.DETAILS)
    with log_shown(display, Verbosity.DETAILS):
        logging.getLogger("pixxel_async").debug("not shown")
        logging.getLogger("pixxel_async").info("a new word: %r", "x\x1b")
        logging.getLogger("httpx").warning("GET https://storage/?X-Amz-Signature=secret")
        logging.getLogger("httpcore").warning("likewise")
    logging.getLogger("pixxel_async").warning("too late")
    assert stream.getvalue() == "info        a new word: 'x\\x1b'\n"


def test_without_details_the_log_tells_warnings_only() -> None:
    stream = io.StringIO()
    with log_shown(Lines(stream, Verbosity.NORMAL), Verbosity.NORMAL):
        logging.getLogger("pixxel_async").info("not told")
        logging.getLogger("pixxel_async").warning("told")
    assert stream.getvalue() == "warning     told\n"


def test_a_failed_catalog_is_named_by_its_ids() -> None:
    ids = tuple(f"id-{number}" for number in range(5))
    assert name_of(CatalogDownload(catalog_ids=ids)) == "catalog id-0 (+4)"
    assert len(name_of(JobDownload(workflow_id="w" * 500, job_id="j" * 500))) == 100


def test_what_the_bars_show_is_not_told() -> None:
    report = report_of(started(1))
    for event in (started(1), requested(), ready(), fetch_started(), progressed(1)):
        assert event_text(event, report) is None
