"""JSON of answers, within limits on its depth and its width."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.errors import ApiError, ResponseError
from pixxel_async.sansio.api import package_calls
from pixxel_async.sansio.api.json_body import MAX_DEPTH, load

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_an_ordinary_answer_is_read_as_it_is(value: Any) -> None:
    assert load(json.dumps(value).encode()) == value


def nested(levels: int, opening: str, closing: str) -> bytes:
    return (opening * levels + "1" + closing * levels).encode()


@pytest.mark.fault(55)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[1,{"a":', "}]")])
@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 900, 100_000])
def test_deep_nesting_is_refused(opening: str, closing: str, levels: int) -> None:
    with pytest.raises(ValueError, match="JSON with more than"):
        load(nested(levels, opening, closing))


def test_nesting_up_to_the_limit_is_read() -> None:
    assert load(nested(MAX_DEPTH, "[", "]"))
    wide = [[1]] * (MAX_DEPTH + 1)
    assert load(json.dumps(wide).encode()) == wide


@pytest.mark.fault(55)
@pytest.mark.parametrize("value", ["0", "[]", "{}", '"a":1'])
def test_too_many_values_are_refused_before_they_are_made(value: str) -> None:
    inner = ",".join([value] * 1000)
    body = ("{" + inner + "}" if ":" in value else f"[{inner}]").encode()
    with pytest.raises(ValueError, match="JSON with more than 1000 values"):
        load(body + b"[", max_values=1000)


@pytest.mark.fault(55)
@pytest.mark.parametrize("value", ["0", "[]", '{"a":1}'])
def test_an_answer_about_a_package_has_few_values(value: str) -> None:
    body = ('{"x":[' + ",".join([value] * package_calls.MAX_ANSWER_VALUES) + "]}").encode()
    with pytest.raises(ResponseError, match="JSON with more than 50000 values"):
        package_calls.read_answer(package_calls.PING, status_code=200, body=body)


@pytest.mark.fault(55)
@pytest.mark.parametrize("levels", [900, 100_000])
def test_an_error_that_is_nested_deeply_is_still_an_error(levels: int) -> None:
    details = nested(levels, "[", "]")
    body = b'{"error":{"code":"C","message":"m","details":' + details + b"}}"
    with pytest.raises(ApiError) as caught:
        package_calls.read_answer(package_calls.PING, status_code=404, body=body)
    assert caught.value.status == 404
    assert caught.value.details is None
