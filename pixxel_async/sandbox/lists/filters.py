"""The filters of the lists: each parses a parameter and returns a test of documents.

A filter tests the document that the list would return. A missing or malformed field passes none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .times import OPEN, Span, listed_time

Document: TypeAlias = Mapping[str, Any]
Test: TypeAlias = Callable[[Document], bool]
Filter: TypeAlias = Callable[[str], Test]
"""Raises ValueError for an invalid parameter."""


def same(name: str) -> Filter:
    """The field equals the text."""
    return lambda text: lambda document: document.get(name) == text


def one_of(name: str) -> Filter:
    """The field is one of several texts, separated by commas."""

    def read(text: str) -> Test:
        expected = {part.strip() for part in text.split(",")}
        return lambda document: document.get(name) in expected

    return read


def in_mode(text: str) -> Test:
    """The block is for insights, or for workflows."""
    if text not in {"insight", "workflow"}:
        reason = f"{text!r} is neither insight nor workflow"
        raise ValueError(reason)
    return lambda document: bool(document["spec"]["kind"] == text)


def in_time(name: str, read_span: Callable[[str], Span]) -> Filter:
    """The field is a time within the span of the text."""

    def read(text: str) -> Test:
        span = read_span(text)

        def test(document: Document) -> bool:
            moment = listed_time(document.get(name))
            return moment is not None and span.holds(moment)

        return test

    return read


def in_range(name: str) -> Filter:
    """The field is a number between two, separated by a slash; two dots are no bound."""

    def read(text: str) -> Test:
        first, separator, last = text.replace(",", "/").partition("/")
        low = -math.inf if separator and first in OPEN else _number(first)
        high = (math.inf if last in OPEN else _number(last)) if separator else low
        if high < low:
            reason = f"{text!r} ends below where it starts"
            raise ValueError(reason)

        def test(document: Document) -> bool:
            value = document.get(name)
            return isinstance(value, (int, float)) and low <= value <= high

        return test

    return read


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        reason = f"{text!r} is not a number"
        raise ValueError(reason)
    return number
