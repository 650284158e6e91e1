"""Downloads and manifest rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pixxel_async import (
    AoiDownload,
    CatalogDownload,
    Download,
    InputError,
    InsightDownload,
    JobDownload,
    TaskDownload,
    parse_download,
)

from .strategies import downloads, ids


@given(downloads)
def test_a_row_comes_back_as_the_same_download(download: Download) -> None:
    row = json.loads(json.dumps(download.row()))
    assert parse_download(row) == download
    assert parse_download(row).key == download.key


@given(downloads, downloads)
def test_different_downloads_have_different_keys(one: Download, other: Download) -> None:
    def plain(download: Download) -> dict[str, object]:
        row = download.row()
        return {name: sorted(v) if isinstance(v, list) else v for name, v in row.items()}

    assert (one.key == other.key) == (plain(one) == plain(other))


@given(st.lists(ids, min_size=1, max_size=5, unique=True), st.randoms())
def test_neither_order_nor_doubles_change_a_key(assets: list[str], chance: object) -> None:
    shuffled = [*assets, assets[0]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    first = AoiDownload(aoi_id="a", asset_ids=tuple(assets))
    assert AoiDownload(aoi_id="a", asset_ids=tuple(shuffled)).key == first.key


def test_keys_are_the_same_in_every_version() -> None:
    # A journal and file names are built on them: this must never change.
    assert JobDownload(workflow_id="w/1", job_id="j").key == "job:w%2F1/j"
    assert TaskDownload(workflow_id="w", job_id="j", task_id="t").key == "task:w/j/t"
    assert InsightDownload(aoi_id="a", insight_id="i").key == "insight:a/i"
    catalog = CatalogDownload(catalog_ids=("b", "a"))
    assert catalog.key == "catalog:#124fed8def104f16"
    assert CatalogDownload(order_item_ids=("b", "a")).key == "catalog:#6a37b53511e37971"


def test_a_download_is_frozen() -> None:
    job = JobDownload(workflow_id="w", job_id="j")
    with pytest.raises(ValidationError):
        job.job_id = "other"  # type: ignore[misc]  # that is the point
    assert {job, JobDownload(workflow_id="w", job_id="j")} == {job}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({}, ['"kind" is missing', "insight, aoi, job, task, catalog"]),
        ({"kind": "order"}, ["unknown kind", "insight, aoi"]),
        ([], ["a row is a JSON object"]),
        ("job", ["a row is a JSON object"]),
        (None, ["a row is a JSON object"]),
        ({"kind": "job", "workflow_id": "w"}, ['field "job_id" is missing']),
        ({"kind": "task"}, ['"workflow_id"', '"job_id"', '"task_id"']),
        ({"kind": "job", "workflow_id": "", "job_id": "j"}, ['field "workflow_id": is empty']),
        ({"kind": "job", "workflow_id": 7, "job_id": "j"}, ['field "workflow_id"', "string"]),
        ({"kind": "job", "workflow_id": "w" * 3000, "job_id": "j"}, ["2048"]),
        ({"kind": "job", "workflow_id": "w", "job_id": "j", "x": 1}, ['unknown field "x"']),
        (
            {"kind": "aoi", "aoi_id": "a", "asset_ids": []},
            ['field "asset_ids": is empty; give at least one id'],
        ),
        ({"kind": "aoi", "aoi_id": "a", "asset_ids": "abc"}, ['field "asset_ids"']),
        ({"kind": "aoi", "aoi_id": "a", "asset_ids": [""]}, ['field "asset_ids.0"']),
        ({"kind": "catalog"}, ["exactly one of catalog_ids and order_item_ids"]),
        ({"kind": "catalog", "catalog_ids": []}, ["exactly one"]),
        (
            {"kind": "catalog", "catalog_ids": ["a"], "order_item_ids": ["b"]},
            ["exactly one of catalog_ids and order_item_ids"],
        ),
    ],
)
def test_a_wrong_row_is_told_by_field_and_reason(row: object, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        parse_download(row)
    for word in words:
        assert word in str(caught.value)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_is_a_download_or_an_input_error(row: object) -> None:
    with pytest.raises(InputError):
        parse_download(row)


@given(st.lists(ids, min_size=1, max_size=5, unique=True), st.lists(ids, max_size=5, unique=True))
def test_the_order_of_no_list_changes_a_key(some: list[str], others: list[str]) -> None:
    def insight(inputs: list[str], outputs: list[str]) -> str:
        parts: dict[str, Any] = {"inputs": tuple(inputs), "outputs": tuple(outputs)}
        return InsightDownload(aoi_id="a", insight_id="i", **parts).key

    assert insight(some, others) == insight(some[::-1], others[::-1])
    assert (insight(some, others) == insight(others, some)) == (set(some) == set(others))
    for field in ("catalog_ids", "order_item_ids"):
        there = parse_download({"kind": "catalog", field: some})
        assert parse_download({"kind": "catalog", field: some[::-1]}).key == there.key


@pytest.mark.parametrize("id_", ["a/b", "#", ":", "%2F", "a#b"])
def test_an_id_cannot_imitate_the_marks_of_a_key(id_: str) -> None:
    key = TaskDownload(workflow_id=id_, job_id=id_, task_id=id_).key
    assert key.count("/") == 2
    assert key.count(":") == 1
    assert "#" not in key


def test_doubles_are_dropped_and_the_order_is_kept() -> None:
    row = {"kind": "catalog", "catalog_ids": iter(["b", "a", "b"])}
    assert parse_download(row) == CatalogDownload(catalog_ids=("b", "a"))
    assert parse_download(row | {"catalog_ids": ["b"] * 2}).row() == {
        "kind": "catalog",
        "catalog_ids": ["b"],
    }


@pytest.mark.parametrize("ids_", ["abc", {"a": 1}, b"abc", 7, None, ["a", 7], ["\ud800"]])
def test_what_is_no_list_of_ids_is_refused(ids_: object) -> None:
    with pytest.raises(InputError, match="asset_ids"):
        parse_download({"kind": "aoi", "aoi_id": "a", "asset_ids": ids_})


def test_an_id_has_at_most_2048_characters() -> None:
    assert parse_download({"kind": "job", "workflow_id": "w" * 2048, "job_id": "j"})
    with pytest.raises(InputError, match="2048"):
        parse_download({"kind": "job", "workflow_id": "w" * 2049, "job_id": "j"})


def test_all_that_is_wrong_is_told_by_the_name_of_its_field() -> None:
    with pytest.raises(InputError) as caught:
        parse_download({"kind": "job", "job_id": "", "x": 1})
    told = str(caught.value)
    assert told.split("; ", maxsplit=1)[0] == 'field "workflow_id" is missing'
    assert len(told.split("; ")) == 3
    with pytest.raises(InputError) as caught:
        parse_download({"kind": "catalog"})
    assert str(caught.value).startswith("give exactly one of")
