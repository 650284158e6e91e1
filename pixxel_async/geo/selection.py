"""Which scenes are wanted: by place, time and cloud cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..errors import UsageError
from .footprint import Bbox

_DAY_CHARS = len("2026-06-01")


@dataclass(frozen=True, slots=True)
class Interval:
    """A time from one moment to another, both included; None for an open end."""

    first: datetime | None
    last: datetime | None

    def has(self, begins: datetime | None, ends: datetime | None) -> bool:
        """Return whether it shares a moment with another; one that is unknown is in none."""
        if self.first is None and self.last is None:
            return True
        if begins is None or ends is None:
            return False
        return (self.first is None or ends >= self.first) and (
            self.last is None or begins <= self.last
        )


def parse_interval(text: str | None) -> Interval:
    """Read a day, a time, or two of them as STAC writes intervals.

    Raises:
        UsageError: It is something else.
    """
    if text is None:
        return Interval(None, None)
    first, slash, last = text.partition("/")
    try:
        found = Interval(_moment(first), _last(last if slash else first))
    except ValueError:
        message = f"{text!r} is not a time: write 2026-06-01, or 2026-06-01/2026-06-30"
        raise UsageError(message) from None
    if found.first and found.last and found.first > found.last:
        message = f"{text!r} ends before it begins"
        raise UsageError(message)
    return found


def overlaps(
    item: Mapping[str, Any], bbox: Bbox | None, interval: Interval, max_cloud: float | None
) -> bool:
    """Return whether an item is wanted."""
    properties = item["properties"]
    if properties["pixxel:time"] == "acquired":
        begins = properties["datetime"] or properties["start_datetime"]
        ends = properties["datetime"] or properties["end_datetime"]
        is_in_time = interval.has(datetime.fromisoformat(begins), datetime.fromisoformat(ends))
    else:
        is_in_time = interval.has(None, None)
    if max_cloud is not None and properties.get("eo:cloud_cover", 101) > max_cloud:
        return False
    return is_in_time and (bbox is None or ("bbox" in item and _touches(bbox, item["bbox"])))


def _touches(one: Bbox, other: Bbox) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _moment(text: str) -> datetime | None:
    if text in {"", ".."}:
        return None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=found.tzinfo or UTC)


def _last(text: str) -> datetime | None:
    found = _moment(text)
    if found is not None and len(text) <= _DAY_CHARS:
        return found + timedelta(days=1, microseconds=-1)
    return found
