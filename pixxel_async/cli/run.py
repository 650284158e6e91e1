"""Runs an export: a client, a display, the rows, the summary, the exit code."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

import typer
from rich.console import Console

from ..display.bars import Bars
from ..display.base import Display, Loudness
from ..downloads import Download
from ..engine.export import Export
from ..engine.report import Report
from ..events import Settled
from .connect import client_of
from .ending import SOME_FAILED, SUCCESS
from .lines import Lines
from .logs import log_shown
from .options import RunOptions
from .rows import Rows
from .summary import summary


def run_export(downloads: Sequence[Download], options: RunOptions) -> None:
    """Save packages, and end the command.

    Raises:
        PixxelError: It could not begin.
        typer.Exit: With 0 if all are saved, with 1 if some are not.
    """
    folder = options.out.expanduser().absolute()
    display = choose_display(options.loudness, has_rows=options.json)
    write = Rows(sys.stdout, folder).write if options.json else _write_nothing

    async def export() -> Report:
        async with client_of(options) as client:
            return await follow(client.export(downloads, folder), display, write)

    with log_shown(display, options.loudness), display:
        report = asyncio.run(export())
    if not options.json and options.loudness > Loudness.ERRORS and has_come_to_something(report):
        typer.echo(summary(report, folder), err=True)
    raise typer.Exit(exit_code(report))


async def follow(
    export: Export, display: Display, write: Callable[[Settled], None] = lambda _: None
) -> Report:
    """Run an export to its end, and show it.

    Args:
        export: Not yet begun.
        display: Sees every event.
        write: Gets every package that has ended.
    """
    async with export:
        async for event in export:
            display.show(event, export.report)
            if isinstance(event, Settled):
                write(event)
    return export.report


def choose_display(loudness: Loudness, *, has_rows: bool = False) -> Display:
    """Return bars for a terminal, plain lines for anything else.

    Rows on the same terminal would be torn by the bars, and say what lines would say.
    """
    console = Console(stderr=True)
    can_draw = sys.stderr.isatty() and not console.is_dumb_terminal
    rows_on_terminal = has_rows and sys.stdout.isatty()
    if rows_on_terminal and loudness is Loudness.NORMAL:
        loudness = Loudness.ERRORS
    if can_draw and not rows_on_terminal and loudness > Loudness.ERRORS:
        return Bars(console, loudness)
    return Lines(sys.stderr, loudness)


def has_come_to_something(report: Report) -> bool:
    """Tell whether there is more to sum up than that the key was rejected."""
    return report.stopped is None or bool(report.saved or report.skipped)


def exit_code(report: Report) -> int:
    """Return the exit code of an export that has come to its end."""
    return SUCCESS if report.is_complete else SOME_FAILED


def _write_nothing(_: Settled) -> None:
    """Stand in for the rows when there are none."""
