"""Runs an export: a client, a display, the rows, the summary, the exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from ...client import PixxelClient
from ...destinations.paths import absolute_path
from ...display.bars import Bars
from ...display.base import Display, Verbosity
from ...display.plain import Lines
from ...downloads import Download
from ...errors import AuthenticationError
from ...events import Ended, Failed, RunFailed, Saved
from ...export.export import Export
from ...export.summary import Report
from ...runs import RunInsight, RunJob
from ...sansio.resume_decision import is_retryable_next_run as is_taken_up_again
from ..client_factory import check_descriptors, client_of
from ..follower import Follower
from ..hooks import Hook, outcome_line
from ..options.export import RunOptions
from ..outcome import Outcome, reported
from ..output.dry_run import dry_run
from ..output.exit_codes import (
    SOME_FAILED,
    SUCCESS,
    complain,
    terminal_width,
)
from ..output.json_lines import Rows, write_line
from ..output.log_file import Both, LogFile
from ..output.logs import log_shown
from ..output.resume_hint import is_retryable_next_run, needed_first
from ..output.summary import summary
from ..signals import Interruption


def save(downloads: Sequence[Download], options: RunOptions) -> None:
    """Save packages, report the outcome, and end the command.

    Raises:
        PixxelError: It could not begin.
        typer.Exit: As from `run_export`.
    """
    with reported(options) as outcome:
        run_export(downloads, options, outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """The jobs and insights that are created before an export.

    Attributes:
        runs: Which.
        max_cost: What they may cost, or None.
        detach: Whether to end when they are created, and print the rows of their packages.
    """

    runs: Sequence[RunJob | RunInsight] = ()
    max_cost: float | None = None
    detach: bool = False

    def begin(
        self, client: PixxelClient, downloads: Sequence[Download], options: RunOptions
    ) -> Export:
        """Return the export, not started yet."""
        if not self.runs:
            return client.export(downloads, options.out, folder=options.folder)
        return client.run(
            (*self.runs, *downloads),
            options.out,
            max_cost=self.max_cost,
            detach=self.detach,
            folder=options.folder,
        )

    def write(self, report: Report) -> None:
        """Write the rows of the packages that a later export saves."""
        for made in report.created if self.detach else ():
            row = made.run.package_of(made.created_id).row()
            write_line(sys.stdout, json.dumps(row, ensure_ascii=True))


def run_export(
    downloads: Sequence[Download],
    options: RunOptions,
    outcome: Outcome,
    first: Creation = Creation(),
) -> None:
    """Save packages, and end the command.

    Args:
        downloads: What to save.
        options: How.
        outcome: Gets what there is to report.
        first: What is created before.

    Raises:
        PixxelError: It could not begin.
        typer.Exit: With 0 if all are saved, with 1 if some are not, with 128 and its number if a
            signal has ended it.
    """
    if options.dry_run:
        dry_run(downloads, options, first.runs)
    check_descriptors()
    folder = absolute_path(options.out)
    shown = choose_display(options.loudness, has_rows=options.json)
    log = _log_of(options, shown)
    display = shown if log is None else Both(shown, log)
    hook = Hook("--on-saved", options.on_saved, display.say)
    write = Rows(sys.stdout, folder).write if options.json else _write_nothing

    def settle(event: Ended) -> None:
        if isinstance(event, Saved):
            hook.start(values_of(event, folder))
        write(event)

    async def export() -> tuple[Report, Interruption]:
        async with client_of(options) as client:
            begun = first.begin(client, downloads, options)
            outcome.report = begun.report
            follower = Follower(begun, display, settle, hook=hook, stats_s=options.stats)
            interruption = await follower.run((Failed, RunFailed) if options.fail_fast else ())
            outcome.signal = interruption.number
            return begun.report, interruption

    with log_shown(display, options.loudness), display:
        report, interruption = asyncio.run(export())
        lines = list(_last_lines(report, interruption, options, folder, hook))
        if log is not None:
            for line in lines:
                log.say(line)
    for line in lines:
        complain(line, wraps=False)
    first.write(report)
    if hook.outcome is not None:
        outcome.hooks["on_saved"] = hook.outcome
    raise typer.Exit(interruption.exit_code or exit_code(report))


def _log_of(options: RunOptions, shown: Display) -> LogFile | None:
    if options.log_file is None:
        return None
    return LogFile(options.log_file, options.log_format, options.loudness, shown.say)


def _last_lines(
    report: Report,
    interruption: Interruption,
    options: RunOptions,
    folder: Path,
    saved: Hook,
) -> Iterator[str]:
    """Yield the summary, and what to do next."""
    width = terminal_width(sys.stderr)
    is_quiet = options.loudness is Verbosity.ERRORS
    if not options.json and not is_quiet and has_come_to_something(report):
        yield from summary(report, folder, width)
    if saved.outcome is not None and (not is_quiet or saved.outcome["failed"]):
        yield outcome_line("--on-saved", saved.outcome)
    if not is_quiet or report.left != 0:
        yield from what_next(
            report,
            interruption,
            retries_failed=options.retry_failed,
            stopped_by="--fail-fast" if options.fail_fast and report.failures else "",
        )


def values_of(event: Saved, folder: Path) -> dict[str, str]:
    """Return the variables of `--on-saved` for a package."""
    saved = event.saved
    return {
        "PIXXEL_DIRECTORY": str(folder),
        "PIXXEL_PATH": str(saved.path),
        "PIXXEL_KEY": event.key,
        "PIXXEL_BYTES": str(saved.bytes),
        "PIXXEL_SHA256": saved.sha256,
        "PIXXEL_EXTRACTED": str(saved.extracted or ""),
        "PIXXEL_TARGET": json.dumps(saved.download.row(), ensure_ascii=True),
    }


def what_next(
    report: Report,
    interruption: Interruption,
    *,
    retries_failed: bool = False,
    stopped_by: str = "",
) -> list[str]:
    """Say what an export has left to do, and how it is done.

    Args:
        report: Of the export.
        interruption: What has ended it, if anything has.
        retries_failed: Whether the same command retries failed packages.
        stopped_by: The option that has ended it at the first failure, or empty.
    """
    if interruption.number is not None or report.left != 0:
        left = "some packages are" if report.left is None else _count(report.left)
        is_asked_for = stopped_by and interruption.number is None
        how = "interrupted" if report.stopped is None else "stopped"
        why = f"ended by {stopped_by} at the first failure" if is_asked_for else how
        return [f"{why}: {left} left.", *needed_first(), is_retryable_next_run()]
    if isinstance(report.stopped, AuthenticationError):
        return []
    is_taken_up = retries_failed or all(is_taken_up_again(one.error) for one in report.failures)
    if not is_taken_up:
        return [*needed_first(), is_retryable_next_run("--retry-failed")]
    return [*needed_first(), is_retryable_next_run()] if report.failures else []


def choose_display(loudness: Verbosity, *, has_rows: bool = False) -> Display:
    """Return bars for a terminal, plain lines for anything else.

    Rows on the same terminal would be torn by the bars, and say what lines would say.
    """
    console = Console(stderr=True)
    can_draw = sys.stderr.isatty() and not console.is_dumb_terminal
    rows_on_terminal = has_rows and sys.stdout.isatty()
    if rows_on_terminal and loudness is Verbosity.NORMAL:
        loudness = Verbosity.ERRORS
    if can_draw and not rows_on_terminal and loudness > Verbosity.ERRORS:
        return Bars(console, loudness)
    return Lines(sys.stderr, loudness)


def has_come_to_something(report: Report) -> bool:
    """Return whether there is more to sum up than that the key was rejected."""
    return report.stopped is None or bool(report.saved or report.skipped)


def exit_code(report: Report) -> int:
    """Return the exit code of an export that has come to its end."""
    return SUCCESS if report.is_complete else SOME_FAILED


def _count(left: int) -> str:
    return "1 package is" if left == 1 else f"{left} packages are"


def _write_nothing(_: Ended) -> None:
    """Stand in for the rows when there are none."""
