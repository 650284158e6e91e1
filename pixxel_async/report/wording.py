"""Formats times and names for reports, always printable."""

from __future__ import annotations

from datetime import UTC, datetime

from ..sansio.redact import printable

SHOWN_CHARS = 60


def moment(at: float) -> str:
    """Format seconds since 1970 as date and time, in UTC."""
    return _utc(at).strftime("%Y-%m-%d %H:%M:%S UTC")


def time_of_day(at: float) -> str:
    """Format seconds since 1970 as time of day, in UTC."""
    return _utc(at).strftime("%H:%M:%S")


def iso(at: float) -> str:
    """Format seconds since 1970 as ISO 8601, in UTC, to the millisecond."""
    return _utc(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def short(text: str, chars: int = SHOWN_CHARS) -> str:
    """Shorten a long text in the middle, because both ends identify it best."""
    text = printable(text)
    if len(text) <= chars:
        return text
    tail = (chars - 1) // 2
    return f"{text[: chars - 1 - tail]}…{text[-tail:]}"


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
