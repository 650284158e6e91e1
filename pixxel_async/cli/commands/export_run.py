"""Runs an export: a client, a display, the rows, the summary, the exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

import typer
from rich.console import Console

from ...destinations.paths import absolute_path
from ...display.bars import Bars
from ...display.base import Display, Verbosity
from ...display.plain import Lines
from ...downloads import Download
from ...errors import AuthenticationError
from ...events import Failed, Settled
from ...export.export import Export
from ...export.summary import Report
from ...sansio.resume_decision import is_retryable_next_run as is_taken_up_again
from ..client_factory import check_descriptors, client_of
from ..options.export import RunOptions
from ..output.dry_run import dry_run
from ..output.exit_codes import SOME_FAILED, SUCCESS, complain
from ..output.json_lines import Rows
from ..output.logs import log_shown
from ..output.resume_hint import is_retryable_next_run, needed_first
from ..output.summary import summary
from ..signals import Interruption, signals_end

LEAVING = "ending: what is under way is kept; once more leaves at once"


def run_export(downloads: Sequence[Download], options: RunOptions) -> None:
    """Save packages, and end the command.

    Raises:
        PixxelError: It could not begin.
        typer.Exit: With 0 if all are saved, with 1 if some are not, with 128 and its number if a
            signal has ended it.
    """
    if options.dry_run:
        dry_run(downloads, options)
    check_descriptors()
    folder = absolute_path(options.out)
    display = choose_display(options.loudness, has_rows=options.json)
    write = Rows(sys.stdout, folder).write if options.json else _write_nothing

    async def export() -> tuple[Report, Interruption]:
        async with client_of(options) as client:
            begun = client.export(downloads, folder, folder=options.folder)
            stop_at = Failed if options.fail_fast else None
            return await follow(begun, display, write, stop_at=stop_at)

    with log_shown(display, options.loudness), display:
        report, interruption = asyncio.run(export())
    if not options.json and options.loudness > Verbosity.ERRORS and has_come_to_something(report):
        typer.echo(summary(report, folder), err=True)
    if options.loudness > Verbosity.ERRORS or report.left != 0:
        for line in what_next(report, interruption, retries_failed=options.retry_failed):
            complain(line, wraps=False)
    raise typer.Exit(interruption.exit_code or exit_code(report))


async def follow(
    export: Export,
    display: Display,
    write: Callable[[Settled], None] = lambda _: None,
    *,
    stop_at: type[Settled] | None = None,
) -> tuple[Report, Interruption]:
    """Run an export to its end, or until a signal comes, and show it.

    Args:
        export: Not yet begun.
        display: Sees every event.
        write: Gets every package that has ended.
        stop_at: An event of this type ends it early.
    """
    async with export:

        def interrupt() -> None:
            display.say(LEAVING)
            export.interrupt()

        with signals_end(interrupt) as interruption:
            async for event in export:
                display.show(event, export.report)
                if isinstance(event, Settled):
                    write(event)
                if stop_at is not None and isinstance(event, stop_at):
                    export.interrupt()
    return export.report, interruption


def what_next(
    report: Report, interruption: Interruption, *, retries_failed: bool = False
) -> list[str]:
    """Say what an export has left to do, and how it is done.

    Args:
        report: Of the export.
        interruption: What has ended it, if anything has.
        retries_failed: Whether the same command retries failed packages.
    """
    if interruption.number is not None or report.left != 0:
        left = "some packages are" if report.left is None else _count(report.left)
        how = "interrupted" if report.stopped is None else "stopped"
        return [f"{how}: {left} left.", *needed_first(), is_retryable_next_run()]
    if isinstance(report.stopped, AuthenticationError):
        return []
    is_taken_up = retries_failed or all(is_taken_up_again(one.error) for one in report.failed)
    if not is_taken_up:
        return [*needed_first(), is_retryable_next_run("--retry-failed")]
    return [*needed_first(), is_retryable_next_run()] if report.failed else []


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


def _write_nothing(_: Settled) -> None:
    """Stand in for the rows when there are none."""
