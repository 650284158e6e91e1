"""What option values may be: counts, durations, sizes, rates and times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any, TypeVar

import typer

from ...config import Fetches, read_fetches
from ...records.base import read_time
from ...sansio.units import (
    exact_duration,
    exact_rate,
    exact_size,
    read_bandwidth,
    read_duration,
    read_rate,
    read_size,
)

T = TypeVar("T")

LEAST_BANDWIDTH = 1024
TIME_EXAMPLES = (
    "give a date or time such as 2025-04-14 or 2025-04-14T08:30:00Z, an age such as 30d or 12h, "
    "yesterday, or today"
)
_DAYS = {"yesterday": 1, "today": 0}
_OPEN = frozenset({"", ".."})


def flag(*names: str, text: str, panel: str | None = None) -> Any:
    """Return an option without a value; typer would show `<bool>` where its value stands."""
    return typer.Option(*names, metavar="", rich_help_panel=panel, help=text)


def duration_option(*names: str, default: float | None, text: str, panel: str | None = None) -> Any:
    """Return an option whose value is a duration, in seconds."""
    return typer.Option(
        *names,
        metavar="DURATION",
        parser=parsed_by(read_duration),
        show_default=default is not None and exact_duration(default),
        rich_help_panel=panel,
        help=text,
    )


def size_option(*names: str, default: int, text: str, panel: str | None = None) -> Any:
    """Return an option whose value is a size, in bytes."""
    return typer.Option(
        *names,
        metavar="SIZE",
        parser=parsed_by(read_size),
        show_default=exact_size(default),
        rich_help_panel=panel,
        help=text,
    )


def rate_option(*names: str, default: float, text: str, panel: str | None = None) -> Any:
    """Return an option whose value is a number of calls per second."""
    return typer.Option(
        *names,
        metavar="RATE",
        parser=parsed_by(read_rate),
        show_default=exact_rate(default),
        rich_help_panel=panel,
        help=text,
    )


def parsed_by(read: Callable[[str], T]) -> Callable[[Any], T]:
    """Return a parser for an option: it names the value that `read` refuses."""

    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value  # a default
        try:
            return read(value)
        except ValueError as error:
            reason = f"{value!r} is {error}."
            raise typer.BadParameter(reason) from None

    return parse


def at_least_one(value: int | None) -> int | None:
    """Check an option that counts.

    Raises:
        typer.BadParameter: It is below 1.
    """
    if value is not None and value < 1:
        reason = f"{value} is too small: give a whole number of at least 1."
        raise typer.BadParameter(reason)
    return value


def transfers(value: Any) -> Fetches:
    """Parse a number of transfers, or `auto`.

    Raises:
        typer.BadParameter: It is neither.
    """
    try:
        number: Fetches = read_fetches(value)
    except ValueError as error:
        reason = f"{value!r} is not a valid number of transfers: {error}."
        raise typer.BadParameter(reason) from None
    return number


def bandwidth(text: str) -> int:
    """Parse a bandwidth for all transfers together, in bytes per second.

    Raises:
        ValueError: It is not a bandwidth, or too small to make progress.
    """
    if (number := read_bandwidth(text)) < LEAST_BANDWIDTH:
        reason = f"not a valid bandwidth: it must be at least {exact_size(LEAST_BANDWIDTH)}/s"
        raise ValueError(reason)
    return number


def moment(text: str) -> datetime:
    """Parse a date or a time, in UTC unless it has a zone, or one relative to now.

    `30d` is 30 times 24 hours ago; `today` and `yesterday` begin at midnight, local time.

    Raises:
        ValueError: It is none of these.
    """
    if (absolute := read_time(text)) is not None:
        return absolute
    if (days_ago := _DAYS.get(text.strip())) is not None:
        return _midnight(days_ago)
    if text.strip()[-1:].isalpha():  # a number without a unit is not an age
        try:
            return datetime.now().astimezone() - timedelta(seconds=read_duration(text))
        except ValueError:
            pass
    reason = f"not a valid date or time: {TIME_EXAMPLES}"
    raise ValueError(reason)


def interval(text: str) -> str:
    """Return a time or an interval as the service takes it: relative times become absolute.

    `today` and `yesterday` alone are all of that day, local time.

    Raises:
        ValueError: It is neither.
    """
    ends = text.split("/")
    if len(ends) == 1 and (days_ago := _DAYS.get(text.strip())) is not None:
        return f"{_midnight(days_ago).isoformat()}/{_midnight(days_ago - 1).isoformat()}"
    is_alone = len(ends) == 1 and read_time(text) is not None
    if not is_alone and (len(ends) != len(("from", "to")) or set(ends) <= _OPEN):
        reason = (
            "not a valid time or interval: give one such as 2024-01-01T00:00:00Z, "
            "2024-01-01T00:00:00Z/.., 30d/.. or yesterday"
        )
        raise ValueError(reason)
    return "/".join(map(_end, ends))


def _end(text: str) -> str:
    if text.strip() in _OPEN or read_time(text) is not None:
        return text
    return moment(text).isoformat()


def _midnight(days_ago: int) -> datetime:
    """Return the beginning of a day in local time, with the offset that holds then."""
    day = datetime.now().astimezone().date() - timedelta(days=days_ago)
    return datetime.combine(day, time()).astimezone()
