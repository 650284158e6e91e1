"""Times in filters: their syntax, and the span that each of them covers.

Rules:
    * A time is RFC 3339. Where the document does not require that, a date is accepted too.
    * A single time covers as much as it is precise: a date or a midnight covers that day, a whole
      second that second, a fraction that microsecond.
    * An interval is two times with a slash, both included; two dots are an open end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
OPEN = ("", "..")
DAY, SECOND, MOMENT = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)


@dataclass(frozen=True)
class Span:
    """From one time to before another; None for an open end."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Return whether a time is within the span."""
        is_late_enough = self.start is None or moment >= self.start
        return is_late_enough and (self.end is None or moment < self.end)


def timestamp(text: str) -> datetime:
    """Read an RFC 3339 time.

    Raises:
        ValueError: It is not one.
    """
    if not _TIME.fullmatch(text):
        reason = f"{text!r} is not a time of RFC 3339, such as 2025-04-14T00:00:00Z"
        raise ValueError(reason)
    return datetime.fromisoformat(text.upper())


def listed_time(value: object) -> datetime | None:
    """Return the time in a field of a listed document, or None."""
    try:
        return timestamp(value) if isinstance(value, str) else None
    except ValueError:
        return None


def on_time(text: str) -> Span:
    """Return the span of a single RFC 3339 time.

    Raises:
        ValueError: It is not one.
    """
    start = timestamp(text)
    return Span(
        start, start + (DAY if start.timetz().replace(tzinfo=None) == time() else _precision(text))
    )


def on_date_or_time(text: str) -> Span:
    """Return the span of a date or an RFC 3339 time.

    Raises:
        ValueError: It is neither.
    """
    return on_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)


def between_times(text: str) -> Span:
    """Read an interval of RFC 3339 times, or a single one.

    Raises:
        ValueError: It is neither, or ends before it starts.
    """
    return _between(text, _moment)


def between_dates_or_times(text: str) -> Span:
    """Read an interval of dates or RFC 3339 times, or a single one.

    Raises:
        ValueError: It is neither, or ends before it starts.
    """
    return _between(text, _date_or_moment)


def _between(text: str, read: Callable[[str], Span]) -> Span:
    first, separator, last = text.replace(",", "/").partition("/")
    if not separator:
        return read(first)
    start = None if first in OPEN else read(first).start
    end = None if last in OPEN else read(last).end
    if start is not None and end is not None and end <= start:
        reason = f"{text!r} ends before it starts"
        raise ValueError(reason)
    return Span(start, end)


def _moment(text: str) -> Span:
    start = timestamp(text)
    return Span(start, start + _precision(text))


def _date_or_moment(text: str) -> Span:
    return on_date_or_time(text) if _DATE.fullmatch(text) else _moment(text)


def _precision(text: str) -> timedelta:
    """Return the precision of a time."""
    return MOMENT if "." in text else SECOND
