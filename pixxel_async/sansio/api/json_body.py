"""JSON of API answers, within limits on its depth and on the number of its values.

Rules:
    * A value takes two bytes of text and dozens of memory, so a body within its limit of bytes may
      still be too much. Values are counted before they are made.
    * What is nested too deeply would end in a RecursionError somewhere later: it is refused here.
"""

from __future__ import annotations

import json
from typing import Any

MAX_VALUES = 500_000
"""Values of one answer, such as a page of a list with its geometries."""

MAX_DEPTH = 100
"""Levels of arrays and objects; geometries have four."""


def load(body: bytes, *, max_values: int = MAX_VALUES) -> Any:
    """Return the JSON value that a body holds.

    Raises:
        ValueError: It is not valid JSON, or beyond a limit.
    """
    check_values(body, max_values)
    try:
        value = json.loads(body)
    except RecursionError:
        value = None
        is_deep = True
    else:
        is_deep = _brackets(body) > MAX_DEPTH and _is_deeper(value, MAX_DEPTH)
    if is_deep:
        message = f"JSON with more than {MAX_DEPTH} levels"
        raise ValueError(message)
    return value


def check_values(body: bytes, max_values: int) -> None:
    """Refuse a body with too many values.

    Each value follows a comma or a bracket; those within strings are counted, too.

    Raises:
        ValueError: It has more.
    """
    if body.count(b",") + _brackets(body) > max_values:
        message = f"JSON with more than {max_values} values"
        raise ValueError(message)


def _brackets(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether there is a container below so many levels of them."""
    containers = [value]
    for _ in range(levels + 1):
        containers = [each for each in containers if isinstance(each, dict | list)]
        if not containers:
            return False
        containers = [
            inner
            for outer in containers
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return True
