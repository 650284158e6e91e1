"""Sizes, times and rates in the unit that suits them.

A number is rounded before its unit is chosen: 59.97 s are "1 min 0 s", never "60.0 s".
"""

from __future__ import annotations

import math

SMALL_S = 10
MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_H = 24

_SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
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
    """Return a time as seconds, as minutes and seconds, or as hours and minutes."""
    if (tenths_s := round(lasts_s, 1)) < MINUTE_S:
        return f"{tenths_s:.1f} s"
    if (whole_s := round(lasts_s)) < HOUR_S:
        return f"{whole_s // MINUTE_S} min {whole_s % MINUTE_S} s"
    minutes = round(lasts_s / MINUTE_S)
    return f"{minutes // 60} h {minutes % 60} min"


def rough(lasts_s: float) -> str:
    """Return an estimated time with about two digits, rounded up."""
    if lasts_s <= SMALL_S:
        return f"{max(1, math.ceil(lasts_s))} s"
    if (rounded_s := 5 * math.ceil(lasts_s / 5)) < MINUTE_S:
        return f"{rounded_s} s"
    if (minutes := math.ceil(lasts_s / MINUTE_S)) < HOUR_S / MINUTE_S:
        return f"{minutes} min"
    if (hours := math.ceil(lasts_s / HOUR_S * 10) / 10) < DAY_H:
        return f"{hours:g} h"
    return f"{math.ceil(hours / 24 * 10) / 10:g} d"


def per_second(rate: float) -> str:
    """Return a number of things per second."""
    return f"{rate:,.0f}/s" if rate >= _WHOLE_FROM else f"{rate:.3g}/s"
