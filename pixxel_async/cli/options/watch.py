"""The options of `watch`, besides those of an export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypedDict

import typer

from ...resources.watch import EVERY_S
from ...sansio.api.record_filter import words
from .export import RunOptions
from .filters import ANY
from .types import duration_option, flag, moment, parsed_by

WATCHING = "Watching"
NOW = "now"


class Watching(TypedDict):
    """The arguments that `watch` of each noun takes."""

    every_s: float
    status: frozenset[str] | None
    since: datetime | None
    rounds: int | None


def since(text: str) -> datetime:
    """Parse a time as `moment` does, or `now`.

    Raises:
        ValueError: It is neither.
    """
    return datetime.now(UTC) if text.strip().lower() == NOW else moment(text)


@dataclass(frozen=True, kw_only=True)
class WatchOptions(RunOptions):
    """How a watch runs; each field is an option."""

    every: Annotated[
        float,
        duration_option(
            "--every",
            default=EVERY_S,
            panel=WATCHING,
            text="Interval at which each list is read, such as 15m.",
        ),
    ] = EVERY_S
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            metavar="TIME",
            parser=parsed_by(since),
            rich_help_panel=WATCHING,
            show_default="everything that is not saved yet",
            help="Leave out what had finished before this time: now, a date or time, in UTC unless "
            "it has a zone, 30d or 12h ago, today, or yesterday.",
        ),
    ] = None
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status",
            metavar="WORD",
            rich_help_panel=WATCHING,
            show_default="words of a successful end",
            help="Status of a finished record, in any case; any exports all. May be repeated.",
        ),
    ] = None
    once: Annotated[
        bool,
        flag("--once", panel=WATCHING, text="Read each list once, save what is new, and end."),
    ] = False

    @property
    def watching(self) -> Watching:
        """The arguments of the library's `watch`."""
        given = words(self.status) if self.status else None
        return {
            "every_s": self.every,
            "status": frozenset() if given and ANY in given else given,
            "since": self.since,
            "rounds": 1 if self.once else None,
        }
