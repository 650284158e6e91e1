"""Safe, distinct file names."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixxel_async import (
    AoiDownload,
    CatalogDownload,
    Download,
    InsightDownload,
    JobDownload,
    TaskDownload,
)
from pixxel_async.sansio.naming import file_name

from .strategies import downloads

RESERVED = {"con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(10))}


@given(downloads)
@example(JobDownload(workflow_id="w", job_id="../../etc/passwd"))
@example(TaskDownload(workflow_id="w", job_id="j", task_id="C:\\con.txt:x"))
@example(AoiDownload(aoi_id="." * 2048, asset_ids=("x",)))
@example(InsightDownload(aoi_id="a", insight_id="i" * 2048))
def test_a_name_is_safe_everywhere(download: Download) -> None:
    name = file_name(download)
    assert re.fullmatch(r"[a-z]+(-[A-Za-z0-9_-]+)?-[0-9a-f]{16}\.zip", name)
    assert len(name) <= 80
    assert name.partition(".")[0].casefold() not in RESERVED
    assert not name.startswith((".", "-"))


@given(st.lists(downloads, min_size=2, max_size=20, unique_by=lambda download: download.key))
def test_names_differ_even_where_case_and_forms_are_folded(found: list[Download]) -> None:
    names = {unicodedata.normalize("NFKC", file_name(one)).casefold() for one in found}
    assert len(names) == len(found)


def test_names_are_the_same_in_every_version() -> None:
    # A rerun finds its files by them: this must never change.
    assert file_name(JobDownload(workflow_id="w", job_id="j 1")) == "job-j-1-4fdd48281a02fe4a.zip"
    long = JobDownload(workflow_id="w", job_id="-" * 5 + "j" * 39 + "-" + "k" * 100)
    assert re.fullmatch("job-j{39}-[0-9a-f]{16}[.]zip", file_name(long))
    assert file_name(CatalogDownload(catalog_ids=("../..",))) == "catalog-a7f951abfe591a7f.zip"


@pytest.mark.parametrize(
    ("download", "start"),
    [
        (InsightDownload(aoi_id="a", insight_id="i"), "insight-i-"),
        (AoiDownload(aoi_id="a", asset_ids=("x",)), "aoi-a-"),
        (JobDownload(workflow_id="w", job_id="j"), "job-j-"),
        (TaskDownload(workflow_id="w", job_id="j", task_id="t"), "task-t-"),
        (CatalogDownload(catalog_ids=("c", "b")), "catalog-c-"),
        (CatalogDownload(order_item_ids=("o", "p")), "catalog-o-"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_a_name_tells_the_kind_and_the_last_id(download: Download, start: str) -> None:
    assert file_name(download).startswith(start)


@pytest.mark.parametrize(
    ("one", "other"), [("A", "a"), ("é", "e\u0301"), ("a/b", "a-b"), (".", "-")]
)
def test_ids_that_look_the_same_have_different_names(one: str, other: str) -> None:
    found = {file_name(JobDownload(workflow_id="w", job_id=job)).casefold() for job in (one, other)}
    assert len(found) == 2
    swapped = {file_name(JobDownload(workflow_id=flow, job_id="j")) for flow in (one, other)}
    assert len(swapped) == 2
