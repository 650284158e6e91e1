"""The filters of the lists: each reads the text of a parameter, and returns a test of documents.

What is told is what is tested: a filter looks at the document that the list would show. A field
that is missing, or is not what it should be, passes no filter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .times import OPEN, Span, told_time

Document: TypeAlias = Mapping[str, Any]
Test: TypeAlias = Callable[[Document], bool]
Filter: TypeAlias = Callable[[str], Test]
"""Raises ValueError for a text that it cannot read."""


def same(name: str) -> Filter:
    """The field is the text, to the letter."""
    return lambda text: lambda document: document.get(name) == text


def one_of(name: str) -> Filter:
    """The field is one of several texts, which commas part."""

    def read(text: str) -> Test:
        wanted = {part.strip() for part in text.split(",")}
        return lambda document: document.get(name) in wanted

    return read


def in_time(name: str, read_span: Callable[[str], Span]) -> Filter:
    """The field is a time within what the text names."""

    def read(text: str) -> Test:
        span = read_span(text)

        def test(document: Document) -> bool:
            moment = told_time(document.get(name))
            return moment is not None and span.holds(moment)

        return test

    return read


def in_range(name: str) -> Filter:
    """The field is a number between two, which a slash parts; two dots stand for no bound."""

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
