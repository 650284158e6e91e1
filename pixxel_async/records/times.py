"""Times as the service writes them, as aware datetimes.

Rules:
    * ISO 8601 in its many forms: with `T` or a space, with or without fractions of a second.
    * A time without a zone is in UTC: the service documents no zone, and its examples are in UTC.
    * A date alone is its first moment.
    * Also read, since the service's documents show them or its language writes them: `15-05-2024`,
      `2022-11-14 12:55:49.1 +0000 UTC`, and seconds since 1970.
    * The year 1 stands for no time, as does whatever cannot be read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DAY_FIRST = re.compile(r"(\d{2})-(\d{2})-(\d{4})")
_ZONE_APART = re.compile(r"(?P<time>[\d:. T-]+?) ?(?P<zone>[+-]\d{2}:?\d{2})( [A-Z]{3,4})?")
_NO_YEAR = 1


def read_time(value: object) -> datetime | None:
    """Read a time; None where there is none, or none that can be read."""
    try:
        found = _read(value)
        if found is None or found.year <= _NO_YEAR:
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found
    except (ValueError, OverflowError, OSError):
        return None


def _read(value: object) -> datetime | None:
    match value:
        case datetime():
            return value
        case bool():
            return None
        case int() | float():
            return datetime.fromtimestamp(value, UTC)
        case str():
            return _read_text(value.strip())
        case _:
            return None


def _read_text(text: str) -> datetime:
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = match.groups()
        return datetime.fromisoformat(f"{year}-{month}-{day}")
    if match := _ZONE_APART.fullmatch(text):
        text = match["time"].rstrip() + match["zone"]
    return datetime.fromisoformat(text)
