"""Validates rows of the journal, which may have been edited or only partly restored.

Rules:
    * A row with an invalid value is damaged. If only values about a partial file are invalid, the
      rest is used; otherwise the package starts over.
    * A valid value may still be wrong: the export checks it against the file or the storage before
      it relies on it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from ..destinations.sink import VerifiedRange
from ..sansio.package_state import State
from .models import Activity, Corruption, Ending, PackageRow, Run, Step

MOST_BYTES = 2**50
"""A pebibyte, more than any package has."""
MOST_COUNT = 2**31
MOST_CHARS = 4096
"""The longest name or id."""
LATEST = 253_402_300_799.0
"""The end of the year 9999, in seconds since 1970."""
SHOWN_CHARS = 60

REMEDY = "the next export of this package starts over"

Check: TypeAlias = Callable[[object], str | None]
"""Returns why a value is invalid, or None."""

_PARTIAL = frozenset(
    {"validator", "total", "mark", "written", "written_sha256", "stretches", "is_subset"}
)
_TAG = re.compile(r"[\x20-\x7e\x80-\xff]+")
_STATES, _DOINGS, _ENDINGS = frozenset(State), frozenset(Activity), frozenset(Ending)
_STRETCHES = TypeAdapter(tuple[VerifiedRange, ...])


def read_row(values: Mapping[str, object]) -> tuple[PackageRow | None, Corruption | None]:
    """Return the row of a package, or its valid part, or None; and its damage, or None."""
    damage = _first(values, _ROW_CHECKS) or _out_of_proportion(values)
    if damage is None:
        return _row(values), None
    rest = {name: value for name, value in values.items() if name not in _PARTIAL}
    worse = _first(rest, _ROW_CHECKS)
    return (_row(rest), damage) if worse is None else (None, worse)


def stand_in(values: Mapping[str, object]) -> PackageRow | None:
    """Return a row with only key, target and name, or None if these are invalid."""
    named = {name: values[name] for name in ("key", "target", "name")}
    return None if _first(named, _ROW_CHECKS) else _row(named)


def target_problem(target: object) -> str | None:
    """Return why a target is not a manifest row, or None."""
    if reason := _text(target):
        return reason
    try:
        loaded = json.loads(str(target))
    except (ValueError, RecursionError):
        return f"is not JSON: {_shown(target)}"
    return None if isinstance(loaded, dict) else f"is not a JSON object: {_shown(target)}"


def read_step(key: object, run: object, at: object, doing: object, size: object) -> Step | None:
    """Return a step, or None if a value is invalid."""
    if _text(key) or _count(run) or _time(at) or _bytes(size) or doing not in _DOINGS:
        return None
    return Step(key=str(key), run=int(run), at=float(at), doing=Activity(doing), size=int(size))  # type: ignore[call-overload, arg-type]  # checked above


def read_run(values: Mapping[str, object]) -> Run | None:
    """Return a run, or None if a value is invalid."""
    if _first(values, _RUN_CHECKS):
        return None
    found: dict[str, Any] = dict(values)
    found["ending"] = Ending(found["ending"]) if found["ending"] else None
    found["counts"] = json.loads(found["counts"])
    return Run(**found)


def _row(values: Mapping[str, Any]) -> PackageRow:
    state = State(values.get("state", State.QUEUED))
    return PackageRow(**{**values, "state": state})


def _first(values: Mapping[str, object], checks: Mapping[str, Check]) -> Corruption | None:
    for name, value in values.items():
        if (reason := checks[name](value)) is not None:
            return Corruption(key=_key_of(values), field=name, reason=reason)
    return None


def _out_of_proportion(values: Mapping[str, Any]) -> Corruption | None:
    total = values["total"]
    if total is None:
        return None
    for name in ("mark", "written"):
        if values[name] > total:
            reason = f"is {values[name]}, more than total, which is {total}"
            return Corruption(key=_key_of(values), field=name, reason=reason)
    return None


def _key_of(values: Mapping[str, object]) -> str:
    return str(values.get("key", ""))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return f"is not text: {_shown(value)}"
    if "\0" in value:
        return f"contains a NUL: {_shown(value)}"
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"is not valid Unicode: {_shown(value)}"
    return None


def _name(value: object) -> str | None:
    if reason := _text(value):
        return reason
    length = len(str(value))
    return None if 0 < length <= MOST_CHARS else f"has {length} characters"


def _or_none(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _up_to(most: int, what: str) -> Check:
    def check(value: object) -> str | None:
        if type(value) is not int or not 0 <= value <= most:
            return f"is not {what}: {_shown(value)}"
        return None

    return check


_bytes = _up_to(MOST_BYTES, "a number of bytes")
_count = _up_to(MOST_COUNT, "a number of times")
_flag = _up_to(1, "0 or 1")


def _time(value: object) -> str | None:
    is_time = isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value <= LATEST
    return None if is_time else f"is not a time: {_shown(value)}"


def _like(pattern: re.Pattern[str], what: str) -> Check:
    def check(value: object) -> str | None:
        if isinstance(value, str) and pattern.fullmatch(value):
            return None
        return f"is not {what}: {_shown(value)}"

    return check


def _state(value: object) -> str | None:
    return None if value in _STATES else f"is not a state: {_shown(value)}"


def _ending(value: object) -> str | None:
    return None if not value or value in _ENDINGS else f"is not an ending: {_shown(value)}"


def _counts(value: object) -> str | None:
    if (reason := target_problem(value)) is not None:
        return reason
    counts = json.loads(str(value))
    is_good = all(_up_to(2**62, "")(count) is None for count in counts.values())
    return None if is_good else f"are not numbers: {_shown(value)}"


def _stretches(value: object) -> str | None:
    if value == "":
        return None
    reason = f"are not stretches: {_shown(value)}"
    if _text(value):
        return reason
    try:
        found = _STRETCHES.validate_json(str(value))
    except ValidationError:
        return reason
    is_good = all(0 <= each.begin <= each.end <= MOST_BYTES for each in found)
    return None if is_good else reason


_ROW_CHECKS: dict[str, Check] = {
    "key": _text,
    "target": target_problem,
    "name": _name,
    "state": _state,
    "download_id": _or_none(_name),
    "is_unanswered": _flag,
    "recreated": _count,
    "validator": _or_none(_like(_TAG, "an entity tag")),
    "total": _or_none(_bytes),
    "mark": _bytes,
    "written": _bytes,
    "written_sha256": _or_none(_text),
    "stretches": _stretches,
    "is_subset": _flag,
    "members": _text,
    "bytes": _or_none(_bytes),
    "sha256": _or_none(_text),
    "mtime_ns": _or_none(_up_to(2**63 - 1, "a time in nanoseconds")),
    "inode": _or_none(_up_to(2**63 - 1, "the number of a file")),
    "ctime_ns": _or_none(_up_to(2**63 - 1, "a time in nanoseconds")),
    "checksum": _text,
    "attempts": _count,
    "extracted": _or_none(_name),
    "is_discarded": _flag,
    "error": _text,
    "error_type": _text,
    "is_retryable_next_run": _flag,
}
_RUN_CHECKS: dict[str, Check] = {
    "number": _up_to(2**53, "a number"),
    "pid": _up_to(2**53, "a process"),
    "version": _text,
    "began_at": _time,
    "seen_at": _time,
    "ending": _ending,
    "total": _or_none(_count),
    "counts": _counts,
}
