"""Sizes, durations and rates: how they are displayed, and how people write them.

Rules:
    * `size`, `duration` and `per_second` round for reading. They round before they choose the
      unit: 59.97 s are "1 min", never "60.0 s".
    * `exact_size`, `exact_duration` and `exact_rate` lose nothing: `read_size`, `read_duration`
      and `read_rate` return the same number.
    * What people write is a decimal number without an exponent, with a unit or without: seconds,
      bytes, and calls per second. Anything else is refused, and so is a number out of range. A
      message does not repeat the text, which may be a secret in the wrong place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal

SMALL_S = 10
MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S

MAX_DURATION_S = 36_500 * DAY_S
MAX_BYTES = 2**63 - 1
MAX_PER_SECOND = 10**9

_SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_DAYS_WITHOUT_HOURS_FROM = 10
_WHOLE_FROM = 100
"""From here on a rate has no decimals."""

_NUMBER = r"(?:[0-9]{1,1000}(?:\.[0-9]*)?|\.[0-9]+)"
_AMOUNT = re.compile(rf"({_NUMBER})\s*([A-Za-z]*)")
_PARTS = re.compile(rf"(?:{_NUMBER}\s*[a-z]+\s*)+")
_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)")
_NEGATIVE = re.compile(rf"-\s*{_NUMBER}.*", re.DOTALL)

_SECONDS = {
    **dict.fromkeys(("w", "week", "weeks"), Decimal(7 * DAY_S)),
    **dict.fromkeys(("d", "day", "days"), Decimal(DAY_S)),
    **dict.fromkeys(("h", "hour", "hours"), Decimal(HOUR_S)),
    **dict.fromkeys(("m", "min", "minute", "minutes"), Decimal(MINUTE_S)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), Decimal(1)),
    "ms": Decimal("0.001"),
}
_DECIMAL = {unit: 1000**n for n, unit in enumerate(("kB", "MB", "GB", "TB", "PB", "EB"), 1)}
_BINARY = {unit: 1024**n for n, unit in enumerate(("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"), 1)}
_EXACT = {"B": 1, **_DECIMAL, **_BINARY}
_BYTES = {
    **dict.fromkeys(("", "b", "byte", "bytes"), 1),
    **{unit.lower(): step for unit, step in _EXACT.items()},
    **{unit.lower().removesuffix("b"): step for unit, step in {**_DECIMAL, **_BINARY}.items()},
}

DURATION_EXAMPLES = "give seconds, or units such as 30s, 1m30s, 6h or 2d"
SIZE_EXAMPLES = "give bytes, or a unit such as 500kB, 10MB or 2GiB"
RATE_EXAMPLES = "give calls per second, or a rate such as 5/s or 300/min"
BANDWIDTH_EXAMPLES = "give bytes per second, or a rate such as 500kB/s, 10MB/s or 2GiB/min"


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


def rough(lasts_s: float) -> str:
    """Return an estimated time with about two digits, rounded up."""
    if lasts_s <= SMALL_S:
        return f"{max(1, math.ceil(lasts_s))} s"
    if (rounded_s := 5 * math.ceil(lasts_s / 5)) < MINUTE_S:
        return f"{rounded_s} s"
    if (minutes := math.ceil(lasts_s / MINUTE_S)) < HOUR_S / MINUTE_S:
        return f"{minutes} min"
    if (hours := math.ceil(lasts_s / HOUR_S * 10) / 10) < DAY_S / HOUR_S:
        return f"{hours:g} h"
    return f"{math.ceil(lasts_s / DAY_S * 10) / 10:g} d"


def per_second(rate: float) -> str:
    """Return a number of things per second."""
    return f"{rate:,.0f}/s" if rate >= _WHOLE_FROM else f"{rate:.3g}/s"


def exact_size(count: int) -> str:
    """Return a number of bytes in the shortest form without decimals, such as `256MiB`."""
    fitting = [f"{count // step}{unit}" for unit, step in _EXACT.items() if not count % step]
    return min(fitting, key=len) if count else "0B"


def exact_duration(lasts_s: float) -> str:
    """Return a duration in units, such as `6h`, `1m30s` or `0.5s`."""
    left = Decimal(str(lasts_s))
    parts = []
    for unit, unit_s in (("d", DAY_S), ("h", HOUR_S), ("m", MINUTE_S)):
        whole, left = divmod(left, unit_s)
        if whole:
            parts.append(f"{whole:f}{unit}")
    if left or not parts:
        parts.append(f"{_plain(left)}s")
    return "".join(parts)


def exact_rate(rate: float) -> str:
    """Return a number of calls per second, such as `20/s`."""
    return f"{_plain(Decimal(str(rate)))}/s"


def read_duration(text: str) -> float:
    """Parse a duration, in seconds: `30`, `1.5h`, `1m30s`, `2d`.

    Raises:
        ValueError: It is not a duration, not longer than 0, or longer than `MAX_DURATION_S`.
    """
    what = "a valid duration"
    written = text.strip()
    if _PARTS.fullmatch(written):
        units = [_SECONDS.get(unit) for _, unit in _PART.findall(written)]
        known = [unit_s for unit_s in units if unit_s is not None]
        if len(known) < len(units) or known != sorted(set(known), reverse=True):
            raise _refusal(what, DURATION_EXAMPLES)
        numbers = [Decimal(number) for number, _ in _PART.findall(written)]
        lasts_s = sum((n * s for n, s in zip(numbers, known, strict=True)), Decimal())
    else:
        lasts_s = _amount(written, {"": 1}, what, DURATION_EXAMPLES)
    return _in_range(lasts_s, MAX_DURATION_S, what, exact_duration(MAX_DURATION_S))


def read_size(text: str) -> int:
    """Parse a size, in bytes: `1000`, `500K`, `10MB`, `2GiB`; any case.

    Raises:
        ValueError: It is not a size, or larger than `MAX_BYTES`.
    """
    return int(_size(text.strip(), "a valid size", SIZE_EXAMPLES))


def read_rate(text: str) -> float:
    """Parse a number of calls per second: `20`, `5/s`, `300/min`.

    Raises:
        ValueError: It is not a rate, not above 0, or above `MAX_PER_SECOND`.
    """
    what = "a valid rate"
    number, unit_s = _per(text.strip(), what, RATE_EXAMPLES)
    rate = _amount(number, {"": 1}, what, RATE_EXAMPLES) / unit_s
    return _in_range(rate, MAX_PER_SECOND, what, f"{MAX_PER_SECOND}/s")


def read_bandwidth(text: str) -> int:
    """Parse a number of bytes per second: `10MB/s`, or `10MB`.

    Raises:
        ValueError: It is not a bandwidth, or larger than `MAX_BYTES`.
    """
    what = "a valid bandwidth"
    amount, unit_s = _per(text.strip(), what, BANDWIDTH_EXAMPLES)
    return int(_size(amount, what, BANDWIDTH_EXAMPLES) / unit_s)


def _size(text: str, what: str, examples: str) -> Decimal:
    count = _amount(text, _BYTES, what, examples)
    if count > MAX_BYTES:
        raise _refusal(what, "it must be below 8EiB")
    return count


def _per(text: str, what: str, examples: str) -> tuple[str, Decimal]:
    """Split a rate into its amount and the seconds of its unit."""
    amount, slash, unit = text.partition("/")
    if not slash:
        return text, Decimal(1)
    unit_s = _SECONDS.get(unit.strip())
    if unit_s is None:
        raise _refusal(what, examples)
    return amount.strip(), unit_s


def _amount(text: str, units: Mapping[str, int], what: str, examples: str) -> Decimal:
    if not text:
        raise _refusal(what, f"it is empty; {examples}")
    if _NEGATIVE.fullmatch(text):
        raise _refusal(what, f"it is negative; {examples}")
    match = _AMOUNT.fullmatch(text)
    factor = units.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise _refusal(what, examples)
    return Decimal(match[1]) * factor


def _in_range(number: Decimal, maximum: int, what: str, shown: str) -> float:
    if number > maximum:
        raise _refusal(what, f"the maximum is {shown}")
    if not (result := float(number)) > 0:
        raise _refusal(what, "give a value above 0")
    return result


def _refusal(what: str, reason: str) -> ValueError:
    return ValueError(f"not {what}: {reason}")


def _plain(number: Decimal) -> str:
    """Return a number without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things: `1 package`, `2,000 packages`."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {many or one + 's'}"


def _two(count: int, step: int, larger: str, smaller: str) -> str:
    """Return a count of the smaller unit in both."""
    whole, rest = divmod(count, step)
    return f"{whole} {larger} {rest} {smaller}" if rest else f"{whole} {larger}"
