"""Lists as calls, and what comes back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from pixxel_async.errors import InputError, ResponseError
from pixxel_async.records import Asset, Project
from pixxel_async.sansio.api.list_calls import (
    Source,
    page_call,
    read_page,
    read_record,
    record_call,
    time_text,
)
from pixxel_async.sansio.api.pagination import Ask, Paging
from pixxel_async.sansio.resilience.retry_rules import CallKind, Failure, Verdict, judge

ASK = Ask(paging=Paging.OFFSET, size=5, offset=10)
ASSETS = Source(
    operation="ListAssets",
    record=Asset,
    path=("aois", "a/b", "assets"),
    paging=Paging.OFFSET,
    within="assets",
    parents={"aoi_id": "a/b"},
)


def answer(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_filters_stand_in_the_query_and_none_is_left_out() -> None:
    source = Source(
        operation="x",
        record=Project,
        path=("things",),
        query={"a": "1 &2", "b": None, "c": ["p", "q"], "d": date(2025, 1, 2), "e": {"f": 1}},
    )
    call = page_call(source, ASK)
    assert call.path == (
        "/v0/things?a=1%20%262&c=p%2Cq&d=2025-01-02T00%3A00%3A00Z&e=%7B%22f%22%3A%201%7D"
        "&offset=10&limit=5"
    )
    assert (call.method, call.body, call.headers, call.kind) == ("GET", None, {}, CallKind.READ)
    assert record_call(source).path.endswith("%7D")


def test_a_search_is_a_post_that_may_be_repeated() -> None:
    source = Source(
        operation="x",
        record=Project,
        path=("things", "search"),
        body={"ids": iter(["ü"]), "time": datetime(2025, 1, 2, tzinfo=UTC), "none": None},
    )
    for _ in range(2):  # an iterator is kept, not used up
        call = page_call(source, ASK)
        assert call.body is not None
        assert json.loads(call.body) == {
            "ids": ["ü"],
            "time": "2025-01-02T00:00:00Z",
            "offset": 10,
            "limit": 5,
        }
    assert (call.method, call.path) == ("POST", "/v0/things/search")
    passing = set(Failure) - {Failure.FINAL}
    assert {judge(call.kind, failure) for failure in passing} == {Verdict.RETRY}


def test_an_empty_id_or_an_empty_list_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InputError, match="an id is empty"):
        Source(operation="x", record=Project, path=("projects", ""))
    with pytest.raises(InputError, match="ids is an empty list"):
        Source(operation="x", record=Project, path=("p",), query={"ids": []})
    with pytest.raises(InputError, match="ids is an empty list"):
        Source(operation="x", record=Project, path=("p",), body={"ids": iter([])})


def test_a_time_goes_out_with_a_zone() -> None:
    zone = timezone(timedelta(hours=2))
    assert time_text(datetime(2025, 1, 2, 3, tzinfo=zone)) == "2025-01-02T03:00:00+02:00"
    assert time_text(datetime(2025, 1, 2, 3)) == "2025-01-02T03:00:00Z"  # noqa: DTZ001 - on purpose
    assert time_text(date(2025, 1, 2)) == "2025-01-02T00:00:00Z"


def test_a_page_has_its_records_and_its_total() -> None:
    body = answer(assets=[{"id": "1"}, {"id": "2", "aoi_id": None}], pagination={"total": 7})
    page = read_page(ASSETS, body)
    assert [(record.id, record.aoi_id) for record in page.records] == [("1", "a/b"), ("2", "a/b")]
    assert page.total == 7


@pytest.mark.parametrize(
    ("fields", "total"),
    [
        ({"pagination": {"total": "7"}}, 7),
        ({"pagination": {"total": 0}}, 0),
        ({"pagination": {"total": None}}, None),
        ({"pagination": {"total": -1}}, None),
        ({"pagination": {"total": True}}, None),
        ({"pagination": {"total": "²"}}, None),
        ({"pagination": []}, None),
        ({}, None),
    ],
)
def test_a_total_is_read_as_far_as_it_makes_sense(fields: Any, total: int | None) -> None:
    assert read_page(ASSETS, answer(assets=[], **fields)).total == total


def test_a_count_is_a_total_of_numbered_pages() -> None:
    source = Source(
        operation="x", record=Project, path=("p",), paging=Paging.NUMBERED, within="projects"
    )
    assert read_page(source, answer(projects=[], count=3)).total == 3
    assert read_page(source, answer(projects=[], pagination={"total": 4})).total == 4


@pytest.mark.parametrize("body", [answer(assets=None, x=1), answer(), answer(pagination={})])
def test_null_and_nothing_at_all_are_an_empty_list(body: bytes) -> None:
    assert read_page(ASSETS, body).records == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no JSON object"),
        (b"[]", "no JSON object"),
        (b"\xff", "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
        (answer(assets={}), 'no list "assets"'),
        (answer(data=[]), 'no list "assets"'),
        (answer(assets=[{"id": "1"}, {}]), "assets.1.id: Field required"),
        (answer(assets=[None]), "assets.0: "),
    ],
)
def test_what_is_not_as_documented_is_an_error(body: bytes, reason: str) -> None:
    with pytest.raises(ResponseError) as caught:
        read_page(ASSETS, body)
    assert caught.value.message.startswith("the answer to ListAssets is not as documented: ")
    assert reason in caught.value.message


def test_a_single_record_may_be_wrapped() -> None:
    source = Source(operation="x", record=Project, path=("p",), within="project")
    assert read_record(source, answer(project={"id": "1"})).id == "1"
    assert read_record(source, answer(id="2")).id == "2"
    with pytest.raises(ResponseError, match=r"project\.id: "):
        read_record(source, answer(project={}))
    with pytest.raises(ResponseError, match="documented: id: "):
        read_record(Source(operation="x", record=Project, path=("p",)), answer())
