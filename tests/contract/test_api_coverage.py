"""The page of the coverage says what is there."""

from __future__ import annotations

import inspect

import pytest

from pixxel_async import PixxelClient

from .api_coverage import PAGE, page, python_calls, rows
from .document import OURS, Contract

CLIENT = PixxelClient("a-key")
CALLS = sorted({name for one in Contract(OURS).operations for name in python_calls(one.id)})


def test_the_page_is_the_one_that_is_generated() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tests.contract.api_coverage"


def test_every_operation_has_a_call_and_a_command() -> None:
    found = list(rows())
    assert len(found) == 55
    assert all(call and command for _, _, call, command in found)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_a_method_of_the_client(name: str) -> None:
    noun, _, verb = name.rpartition(".")
    method = getattr(getattr(CLIENT, noun) if noun else CLIENT, verb)
    assert inspect.ismethod(method)


def test_every_call_that_makes_one_operation_is_listed() -> None:
    """Those that make no call of their own are `request`, `watch`, and what works on packages."""
    nouns = {name: part for name, part in vars(CLIENT).items() if not name.startswith("_")}
    del nouns["packages"]
    there = {
        f"{name}.{verb}"
        for name, part in nouns.items()
        for verb, _ in inspect.getmembers(part, inspect.ismethod)
        if not verb.startswith("_") and verb != "watch"
    }
    assert there == set(CALLS) - {"ping"}
