"""Sizes, times and rates in the unit that suits them.

A number is rounded before its unit is chosen: 59.97 s are "1 min", never "60.0 s".
"""

from __future__ import annotations

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S

_SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_DAYS_WITHOUT_HOURS_FROM = 10
_WHOLE_FROM = 100
"""From here on a rate has no decimals."""


def size(count: float) -> str:
    """Return a number of bytes."""
    if round(count) == 1:
        return "1 byte"
    for unit in _SIZE_UNITS[:-1]:
        shown = f"{count:.0f}" if unit == "bytes" else f"{count:.1f}"
        if float(shown) < _STEP:
            return f"{shown} {unit}"
        count /= _STEP
    return f"{count:.1f} {_SIZE_UNITS[-1]}"


def duration(lasts_s: float) -> str:
    """Return a time in its two largest units, without those that are zero."""
    if (tenths_s := round(lasts_s, 1)) < MINUTE_S:
        return f"{tenths_s:.1f} s"
    if (whole_s := round(lasts_s)) < HOUR_S:
        return _two(whole_s, MINUTE_S, "min", "s")
    if (minutes := round(lasts_s / MINUTE_S)) < DAY_S // MINUTE_S:
        return _two(minutes, HOUR_S // MINUTE_S, "h", "min")
    return _two(round(lasts_s / HOUR_S), DAY_S // HOUR_S, "d", "h")


def estimate(lasts_s: float) -> str:
    """Return a time that is not known to tenths: `7 s`, `3 min 20 s`."""
    whole_s = max(round(lasts_s), 1)
    return f"{whole_s} s" if whole_s < MINUTE_S else duration(whole_s)


def time_left(lasts_s: float) -> str:
    """Return an estimate in at most 8 characters: `0:07`, `59:59`, `23:59:59`, `3 d 4 h`."""
    whole_s = round(lasts_s)
    if whole_s >= DAY_S:
        days = round(lasts_s / DAY_S)
        return duration(lasts_s) if days < _DAYS_WITHOUT_HOURS_FROM else f"{min(days, 9999)} d"
    minutes, seconds = divmod(whole_s, MINUTE_S)
    if minutes < HOUR_S // MINUTE_S:
        return f"{minutes}:{seconds:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def per_second(rate: float) -> str:
    """Return a number of things per second."""
    return f"{rate:,.0f}/s" if rate >= _WHOLE_FROM else f"{rate:.3g}/s"


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things: `1 package`, `2,000 packages`."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {many or one + 's'}"


def _two(count: int, step: int, larger: str, smaller: str) -> str:
    """Return a count of the smaller unit in both."""
    whole, rest = divmod(count, step)
    return f"{whole} {larger} {rest} {smaller}" if rest else f"{whole} {larger}"
