"""Which records are wanted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pixxel_async.records import Aoi, Asset, Catalog, Insight, OrderItem, Project
from pixxel_async.sansio.api.record_filter import Criteria, Verdict, status_of, words
from pixxel_async.sansio.redact import without_queries

DAY = datetime(2025, 4, 14, tzinfo=UTC)


def insight(**fields: Any) -> Insight:
    return Insight.model_validate({"id": "i", "aoi_id": "a", **fields})


@pytest.mark.parametrize("status", ["partial_success", "PARTIAL_SUCCESS", "Partial success"])
@pytest.mark.parametrize("wanted", ["partial-success", "Partial_Success", " partial success "])
def test_a_status_is_compared_without_regard_to_its_spelling(status: str, wanted: str) -> None:
    criteria = Criteria(statuses=words([wanted, "other"]))
    assert criteria.judge(insight(status=status)) is Verdict.TAKE
    assert criteria.judge(insight(status="success")) is Verdict.STATUS
    assert criteria.judge(insight()) is Verdict.STATUS


def test_the_status_of_an_image_is_that_of_its_delivery() -> None:
    assert status_of(Catalog(id="c", delivery_status="SUCCESS")) == "SUCCESS"
    assert status_of(Project(id="p")) == ""


def test_a_name_is_whole_or_a_pattern() -> None:
    assert Criteria(names=("Field 1",)).judge(Aoi(id="a", name="Field 1")) is Verdict.TAKE
    assert Criteria(names=("Field 1",)).judge(Aoi(id="a", name="Field 10")) is Verdict.OTHER
    assert Criteria(names=("Field ?",)).judge(Aoi(id="a", name="Field 1")) is Verdict.TAKE
    assert Criteria(names=("field*",)).judge(Aoi(id="a", name="Field 1")) is Verdict.OTHER
    project = Project(id="p", name="slug", title="Title")
    assert {Criteria(names=(name,)).judge(project) for name in ("slug", "Ti*")} == {Verdict.TAKE}
    assert Criteria(names=("x",)).judge(Catalog(id="c")) is Verdict.OTHER
    assert Criteria(names=("Field 1",)).plain_name == "Field 1"
    assert Criteria(names=("Field *",)).plain_name is Criteria().plain_name is None


def test_a_project_is_compared_where_it_is_known() -> None:
    criteria = Criteria(project_ids=("p",))
    assert criteria.judge(OrderItem(id="i", project_id="p")) is Verdict.TAKE
    assert criteria.judge(OrderItem(id="i", project_id="q")) is Verdict.OTHER
    assert criteria.judge(OrderItem(id="i")) is Verdict.TAKE
    assert criteria.judge(Asset(id="s", aoi_id="a")) is Verdict.TAKE


def test_an_interval_has_its_beginning_and_not_its_end() -> None:
    before = insight(created_at="2025-04-13T23:59:59Z")
    at = insight(created_at="2025-04-14")
    for after, earlier in ((Criteria(created_after=DAY), Criteria(created_before=DAY)),):
        assert after.judge(at) is earlier.judge(before) is Verdict.TAKE
        assert after.judge(before) is earlier.judge(at) is Verdict.OTHER
        assert after.judge(insight()) is earlier.judge(insight()) is Verdict.NO_TIME
    assert Criteria().judge(insight()) is Verdict.TAKE


def test_the_status_is_told_only_of_what_is_wanted_otherwise() -> None:
    criteria = Criteria(statuses=words(["completed"]), names=("a",), created_after=DAY)
    assert criteria.judge(insight(name="b", status="failed")) is Verdict.OTHER
    assert criteria.judge(insight(name="a", status="failed")) is Verdict.NO_TIME


def test_urls_lose_their_queries() -> None:
    told = without_queries(
        {
            "path": "https://s.test/a?sig=canary&x=1",
            "list": ["see http://s.test/b?canary for more?", 5, None],
            "why": "is it? yes",
        }
    )
    assert told == {
        "path": "https://s.test/a?…",
        "list": ["see http://s.test/b?… for more?", 5, None],
        "why": "is it? yes",
    }
