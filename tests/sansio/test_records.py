"""Records: an id is needed, everything else may be as it likes."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pixxel_async import records
from pixxel_async.records import Aoi, Asset, Catalog, Job, Order, Project, Record, Task
from pixxel_async.records.base import read_time

KINDS: list[type[Record]] = [
    kind
    for kind in map(vars(records).__getitem__, records.__all__)
    if issubclass(kind, Record) and kind is not Record
]
PARENTS = {"aoi_id": "a", "workflow_id": "w", "job_id": "j"}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
MOMENT = datetime(2024, 5, 27, 6, 50, 20, 56549, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)  # of each kind, and all of them are read in one way
@given(data=st.data())
def test_fields_of_any_form_are_no_error(kind: type[Record], data: st.DataObject) -> None:
    names = sorted(kind.model_fields.keys() - {"id", "tasks", "order_items", *PARENTS})
    row: dict[str, Any] = {name: data.draw(ANYTHING, label=name) for name in names}
    row |= {"id": "x", **PARENTS}
    if kind is Aoi:
        row["aoi_id"] = "x"
    record = kind.model_validate(row)
    assert record.id == "x"
    assert record.created_at is None or record.created_at.tzinfo is not None
    hash(record)
    assert record.raw == row


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id_", [None, "", [], {}])
def test_an_id_is_needed(kind: type[Record], id_: Any) -> None:
    for name in ("id", "aoi_id"):
        with pytest.raises(ValidationError):
            kind.model_validate({**PARENTS, "id": id_, "aoi_id": id_, name: id_})


def test_a_record_is_frozen_and_copied_whole() -> None:
    job = Job.model_validate({"id": 5, "workflow_id": "w", "new": [1], "tasks": [{"id": "t"}]})
    with pytest.raises(ValidationError):
        job.status = "completed"  # type: ignore[misc]  # that is what is tried
    for same in (copy.deepcopy(job), pickle.loads(pickle.dumps(job))):  # noqa: S301 - our own
        assert same == job
        assert same.raw["new"] == [1]


def test_tasks_know_their_parents() -> None:
    row = {"id": "j", "workflow_id": "w", "tasks": [{"id": "t", "status": "completed"}]}
    (task,) = Job.model_validate(row).tasks
    assert (task.workflow_id, task.job_id, task.status) == ("w", "j", "completed")
    assert task.raw["job_id"] == "j"
    assert Job.model_validate({**row, "tasks": None}).tasks == ()
    assert Job(id="j", workflow_id="w", tasks=(task,)).tasks == (task,)
    with pytest.raises(ValidationError):
        Job.model_validate({**row, "tasks": ["no object"]})
    with pytest.raises(ValidationError):
        Task.model_validate({"id": "t"})


def test_what_may_be_signed_is_in_no_repr() -> None:
    asset = Asset.model_validate({"id": "x", "aoi_id": "a", "path": "https://s.test/?sig=canary"})
    assert "canary" not in repr(asset) + str(asset)
    assert asset.raw["path"] == "https://s.test/?sig=canary"


def test_an_error_does_not_show_what_came() -> None:
    with pytest.raises(ValidationError) as caught:
        Project.model_validate({"id": {"canary": 1}})
    assert "canary" not in str(caught.value)


def test_numbers_come_in_many_forms() -> None:
    def progress(value: Any) -> float | None:
        return Job.model_validate({"id": "j", "workflow_id": "w", "progress": value}).progress

    assert [progress(value) for value in (5, "5", "5%", " 5.0 % ", 5.0)] == [5] * 5
    nothing = (None, True, "", "half", "nan", float("inf"), 10**400, [5])
    assert [progress(value) for value in nothing] == [None] * 8


def test_half_a_character_in_a_text_is_no_error() -> None:
    assert Project.model_validate({"id": "p", "name": "a\ud800b"}).name == "a?b"


def test_what_lies_within_an_order_and_an_image_is_read() -> None:
    order = Order.model_validate({"id": "o", "order_items": [{"id": "i", "status": "ACTIVE"}]})
    assert [(item.id, item.status) for item in order.order_items] == [("i", "ACTIVE")]
    assert Order.model_validate({"id": "o", "order_items": {}}).order_items == ()
    catalog = Catalog.model_validate({"id": "c", "details": {"id": "i", "collection": "l2a"}})
    assert (catalog.item_id, catalog.collection) == ("i", "l2a")
    for details in (None, {}, {"id": 5}, "text", [1]):
        assert Catalog.model_validate({"id": "c", "details": details}).item_id == ""


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-27T06:50:20.056549Z",
        "2024-05-27T06:50:20.056549123Z",
        "2024-05-27 06:50:20.056549+00:00",
        "2024-05-27T06:50:20.056549",
        "2024-05-27T08:50:20.056549+02:00",
        "2024-05-27 06:50:20.056549 +0000 UTC",
        " 2024-05-27 06:50:20.056549 +0000 UTC ",
        MOMENT,
        MOMENT.timestamp(),
    ],
)
def test_a_time_is_read_in_each_form(text: object) -> None:
    assert read_time(text) == MOMENT


def test_dates_are_their_first_moment() -> None:
    assert read_time("2024-05-27") == read_time("27-05-2024") == datetime(2024, 5, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "soon", "2024-13-01", "99-99-2024"),
        *(None, True, 1e30, float("nan"), -(10**20), [], {}),
    ],
)
def test_what_is_no_time_is_none(text: object) -> None:
    assert read_time(text) is None


@given(st.datetimes(min_value=datetime(2, 1, 2), timezones=st.just(timezone(timedelta(hours=5)))))  # noqa: DTZ001 - the zone comes beside it
def test_iso_is_read(moment: datetime) -> None:
    assert read_time(moment.isoformat()) == moment
    assert read_time(json.loads(json.dumps(moment.isoformat(" ")))) == moment


@given(st.text() | st.from_regex(r"[0-9]{2,4}-[0-9]{2}-[0-9]{2,4}[T ]?[0-9:. +-]*"))
def test_no_text_breaks_it(text: str) -> None:
    time = read_time(text)
    assert time is None or time.tzinfo is not None
