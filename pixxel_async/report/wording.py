"""Times, sizes and names as a report writes them; all of them printable."""

from __future__ import annotations

from datetime import UTC, datetime

from ..sansio.redact import printable

MINUTE_S = 60
HOUR_S = 3600
SHOWN_CHARS = 60

_SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000


def size(count: float) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in _SIZE_UNITS[:-1]:
        shown = f"{count:.0f}" if unit == "bytes" else f"{count:.1f}"
        if float(shown) < _STEP:
            return f"{shown} {unit}"
        count /= _STEP
    return f"{count:.1f} {_SIZE_UNITS[-1]}"


def duration(lasts_s: float) -> str:
    """Return a time as people say it."""
    if (tenths_s := round(lasts_s, 1)) < MINUTE_S:
        return f"{tenths_s:.1f} s"
    whole_s = round(lasts_s)
    if whole_s < HOUR_S:
        return f"{whole_s // MINUTE_S} min {whole_s % MINUTE_S} s"
    return f"{whole_s // HOUR_S} h {whole_s % HOUR_S // MINUTE_S} min"


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
