"""Reports the outcome of an export to those who do not watch it: `--summary` and `--on-done`.

Both also learn of an export that could not begin, such as one with an invalid manifest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer

from ..destinations.paths import absolute_path
from ..errors import PixxelError, SinkError
from ..export.summary import Report
from .hooks import Hook
from .options.export import RunOptions
from .output.exit_codes import (
    INTERRUPTED,
    MISUSE,
    READER_GONE,
    SOME_FAILED,
    complain,
)
from .output.summary_file import SummaryFile
from .signals import signals_end


@dataclass(slots=True)
class Outcome:
    """What is known of an export when its command ends.

    Attributes:
        report: Its totals; None before it has begun.
        signal: The number of the signal that has ended it, or None.
        hooks: The outcome of each hook.
    """

    report: Report | None = None
    signal: int | None = None
    hooks: dict[str, Mapping[str, int]] = field(default_factory=dict)


@contextmanager
def reported(options: RunOptions) -> Iterator[Outcome]:
    """Report how the command ends when the context is left.

    Raises:
        SinkError: The summary cannot be written before the export begins.
        typer.Exit: It could not be written afterwards; with 2, unless the export has failed.
    """
    outcome = Outcome()
    if options.dry_run:
        yield outcome
        return
    file = SummaryFile(options.summary, absolute_path(options.out))
    try:
        yield outcome
    except typer.Exit as end:
        raise typer.Exit(_end(options, file, outcome, end.exit_code)) from None
    except BaseException as error:
        _end(options, file, outcome, _code_of(error), error)
        raise


def _end(
    options: RunOptions,
    file: SummaryFile,
    outcome: Outcome,
    code: int,
    error: BaseException | None = None,
) -> int:
    """Write the summary, run the hook, and return the exit code."""
    try:
        file.end(outcome.report, code, signal=outcome.signal, error=error, hooks=outcome.hooks)
    except SinkError as unwritten:
        complain(str(unwritten))
        code = code or MISUSE
    if options.on_done is not None:
        asyncio.run(_run_hook(options.on_done, _values(options, file, outcome, code)))
    return code


async def _run_hook(command: str, values: Mapping[str, str]) -> None:
    async with Hook("--on-done", command, complain) as hook:
        with signals_end(hook.interrupt, hook.kill):
            hook.start(values)
            await hook.finish()


def _values(options: RunOptions, file: SummaryFile, outcome: Outcome, code: int) -> dict[str, str]:
    report = outcome.report or Report()
    return {
        "PIXXEL_DIRECTORY": str(absolute_path(options.out)),
        "PIXXEL_EXIT_CODE": str(code),
        "PIXXEL_SAVED": str(len(report.saved)),
        "PIXXEL_SKIPPED": str(len(report.skipped)),
        "PIXXEL_FAILED": str(len(report.failed)),
        "PIXXEL_LEFT": "" if report.left is None else str(report.left),
        "PIXXEL_SUMMARY": str(file.path or ""),
    }


def _code_of(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return READER_GONE
    return MISUSE if isinstance(error, PixxelError) else SOME_FAILED
