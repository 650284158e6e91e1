"""Runs `NOUN list` and `NOUN select`: a client, a finder, an output, the exit code.

Exit codes:
    * 0: all matches were written. There may be none; a line says so.
    * 2: a call failed, or a parent could not be read. The output is incomplete.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable

import typer

from ..display.base import Verbosity
from ..display.event_text import rejected
from ..display.plain import Lines
from ..errors import AuthenticationError
from ..records import Record
from ..sansio.api.record_filter import Criteria
from .client_factory import client_of
from .finder import Finder, Noun
from .options.filters import FindOptions
from .output.exit_codes import MISUSE, SUCCESS, complain, ended
from .output.logs import log_shown

STOPPED = "interrupted: the output is incomplete"


def run_find(
    noun: Noun,
    options: FindOptions,
    criteria: Criteria,
    write: Callable[[Record], None],
) -> tuple[int, Finder]:
    """Find records and write each one; return how many there were, and the finder.

    Raises:
        typer.Exit: A call failed.
    """

    async def find() -> tuple[int, Finder]:
        count = 0
        async with client_of(options) as client:
            finder = Finder(client, options.scope, criteria)
            async for record in finder.find(noun, options.limit):
                write(record)
                count += 1
        return count, finder

    loudness = Verbosity.ERRORS if options.quiet else Verbosity.NORMAL
    with ended(STOPPED), log_shown(Lines(sys.stderr, loudness), loudness):
        try:
            return asyncio.run(find())
        except AuthenticationError as error:
            complain(rejected(error))
            raise typer.Exit(MISUSE) from None


def report_skipped(finder: Finder, options: FindOptions, *, remedy: str = "") -> None:
    """Report what was skipped for a reason that is easily overlooked, unless `--quiet`."""
    if options.quiet:
        return
    if finder.other_statuses and remedy:
        complain(f"skipped for their status: {_counted(finder.other_statuses)} ({remedy})")
    if finder.without_time:
        complain(f"skipped, since they have no creation time: {finder.without_time}")


def leave(finder: Finder) -> None:
    """End the command.

    Raises:
        typer.Exit: With 2 if a parent could not be read, with 0 otherwise.
    """
    raise typer.Exit(MISUSE if finder.unreadable else SUCCESS)


def _counted(words: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in _sorted(words))


def _sorted(words: Counter[str]) -> Iterable[tuple[str, int]]:
    return sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))
