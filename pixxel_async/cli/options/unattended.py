"""The options for exports that nobody watches: heartbeats, logs, hooks, a summary."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ...sansio.units import HOUR_S, MINUTE_S
from ..output.log_file import LogFormat

UNATTENDED = "Unattended"

STATS_S = 60.0
_UNITS = {"": 1, "s": 1, "m": MINUTE_S, "min": MINUTE_S, "h": HOUR_S}


def interval(value: Any) -> float:
    """Parse an interval such as `60s` or `5m`, in seconds; 0 is none.

    Raises:
        typer.BadParameter: It is not an interval.
    """
    if isinstance(value, float):
        return value  # the default
    found = re.fullmatch(r"(\d{1,6})\s*(s|m|min|h|)", value.strip())
    if found is None:
        reason = f"{value!r} is not an interval: give seconds, or units such as 60s, 5m or 1h."
        raise typer.BadParameter(reason)
    return float(int(found[1]) * _UNITS[found[2]])


def command(text: str | None) -> str | None:
    """Check the command of a hook.

    Raises:
        typer.BadParameter: It is not a command.
    """
    try:
        if text is None or words_of(text):
            return text
        reason = "it is empty: give a program and its arguments."
    except ValueError as error:
        reason = f"{text!r} is not a command: {str(error).lower()}."
    raise typer.BadParameter(reason)


def words_of(text: str) -> list[str]:
    """Return the program and the arguments of a hook, without a shell."""
    return shlex.split(text, posix=os.name != "nt")


@dataclass(frozen=True, kw_only=True)
class UnattendedOptions:
    """What an export writes and starts besides its packages; each field is an option."""

    stats: Annotated[
        float,
        typer.Option(
            "--stats",
            metavar="TIME",
            parser=interval,
            show_default="60s",
            rich_help_panel=UNATTENDED,
            help="Interval of progress lines where there is no terminal; 0 writes none.",
        ),
    ] = STATS_S
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file",
            metavar="FILE",
            rich_help_panel=UNATTENDED,
            help="Append a log of the export to this file, with what -v shows.",
        ),
    ] = None
    log_format: Annotated[
        LogFormat,
        typer.Option(
            "--log-format",
            rich_help_panel=UNATTENDED,
            help="Format of the log file: lines of text, or one JSON object per line.",
        ),
    ] = LogFormat.TEXT
    on_saved: Annotated[
        str | None,
        typer.Option(
            "--on-saved",
            metavar="COMMAND",
            callback=command,
            rich_help_panel=UNATTENDED,
            help="Run this command, without a shell, for each package that is saved; "
            "PIXXEL_PATH, PIXXEL_KEY and PIXXEL_SHA256 say which.",
        ),
    ] = None
    on_done: Annotated[
        str | None,
        typer.Option(
            "--on-done",
            metavar="COMMAND",
            callback=command,
            rich_help_panel=UNATTENDED,
            help="Run this command when the export has ended; PIXXEL_EXIT_CODE says how.",
        ),
    ] = None
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            rich_help_panel=UNATTENDED,
            help="Write the outcome to this file as JSON, also when the export fails.",
        ),
    ] = None
