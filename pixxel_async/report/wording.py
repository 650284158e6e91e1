"""Moments and names as a report writes them; all of them printable."""

from __future__ import annotations

from datetime import UTC, datetime

from ..sansio.redact import printable

SHOWN_CHARS = 60


def moment(at: float) -> str:
    """Return a time since 1970 as date and time of day, in UTC."""
    return _utc(at).strftime("%Y-%m-%d %H:%M:%S UTC")


def time_of_day(at: float) -> str:
    """Return a time since 1970 as time of day, in UTC."""
    return _utc(at).strftime("%H:%M:%S")


def iso(at: float) -> str:
    """Return a time since 1970 as ISO 8601 writes it, in UTC, to the millisecond."""
    return _utc(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def short(text: str, chars: int = SHOWN_CHARS) -> str:
    """Return a text, printable, with its middle cut out if it is long: both ends tell more."""
    text = printable(text)
    if len(text) <= chars:
        return text
    tail = (chars - 1) // 2
    return f"{text[: chars - 1 - tail]}…{text[-tail:]}"


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
