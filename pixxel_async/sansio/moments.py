"""Moments as text.

Rules:
    * People read local time with its offset from UTC: of that moment, not of today.
    * Machines read ISO 8601 in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at: float) -> str:
    """Format seconds since 1970 as date and time: `2026-11-23 14:20:28 +01:00`."""
    here = datetime.fromtimestamp(at, UTC).astimezone()
    return f"{here:%Y-%m-%d %H:%M:%S} {_offset(here)}"


def to_minutes(when: datetime) -> str:
    """Format a moment as two short words: `2026-11-23 14:20+01:00`."""
    here = when.astimezone()
    return f"{here:%Y-%m-%d %H:%M}{_offset(here)}"


def time_of_day(at: float) -> str:
    """Format seconds since 1970 as local time of day."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"


def iso(at: float) -> str:
    """Format seconds since 1970 as ISO 8601, in UTC, to the millisecond."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _offset(here: datetime) -> str:
    text = f"{here:%z}"
    return f"{text[:3]}:{text[3:5]}"
