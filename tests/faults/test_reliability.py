"""docs/reliability.md lists every case, and each case has tests."""

from __future__ import annotations

from itertools import chain

import pytest

from . import reliability
from .cases import CHAPTERS


def test_every_case_is_provoked_by_a_test() -> None:
    numbers = [case.number for case in chain.from_iterable(CHAPTERS.values())]
    assert numbers == sorted(set(numbers))
    assert sorted(reliability.marked()) == numbers


def test_the_page_says_what_the_tests_provoke() -> None:
    page = reliability.PAGE.read_text("utf-8")
    assert page == reliability.with_cases(page), "run python -m tests.faults.reliability"


def test_a_page_without_the_marker_is_told() -> None:
    with pytest.raises(ValueError, match="is missing"):
        reliability.with_cases("a page")
