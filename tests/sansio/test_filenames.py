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
    ConfigError,
    Download,
    InsightDownload,
    JobDownload,
    TaskDownload,
)
from pixxel_async.sansio.files.filenames import (
    FIELDS,
    file_name,
    folder_name,
    name_problem,
    path_namer,
)

from .strategies import downloads

RESERVED = {"con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(10))}


@pytest.mark.fault(42)
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


@pytest.mark.fault(43)
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


EVERY_KIND: list[Download] = [
    InsightDownload(aoi_id="A/1", insight_id="I.1"),
    AoiDownload(aoi_id="A/1", asset_ids=["x"]),
    JobDownload(workflow_id="W", job_id="J"),
    TaskDownload(workflow_id="W", job_id="J", task_id="T"),
    CatalogDownload(catalog_ids=["c1", "c2"]),
]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{name}.zip", "insight-I-1-{digest}.zip"),
        ("{kind}/{aoi_id}/{name}.zip", "insight/A-1/insight-I-1-{digest}.zip"),
        ("{id}", "I-1-{digest}.zip"),
        ("{digest} of {kind}.zip", "{digest} of insight.zip"),
        ("{job_id}/{id}", "none/I-1-{digest}.zip"),
        ("con/..{id}", "_con/I-1-{digest}.zip"),
    ],
)
def test_a_template_places_and_names_a_file(template: str, expected: str) -> None:
    insight = EVERY_KIND[0]
    digest = file_name(insight)[-20:-4]
    assert path_namer(template)(insight) == expected.replace("{digest}", digest)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{scene}/{id}", r"\{scene\} is unknown; there are \{name\}"),
        ("/tmp/{id}", "a part is empty"),  # noqa: S108 - what is refused
        ("a//{id}", "a part is empty"),
        ("", "a part is empty"),
        ("../{id}", 'a part is "..'),
        ("a\\{id}", "character other than"),
        ("{id!r}", "takes no format"),
        ("{id:>9}", "takes no format"),
        ("{", "Single|expected"),
        ("{}", "is unknown"),
        ("a/" * 9 + "{id}", "more than 8 parts"),
        ("{id}" * 7, "longer than 240"),
    ],
)
def test_a_template_that_cannot_be_used_is_told(template: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        path_namer(template)


@given(st.lists(st.sampled_from([*FIELDS]), min_size=1, max_size=3), st.data())
def test_paths_are_distinct_and_stay_in_the_folder(fields: list[str], data: st.DataObject) -> None:
    between = data.draw(st.sampled_from(["/", "-", " ", "."]))
    namer = path_namer(between.join(f"{{{field}}}" for field in fields))
    ids = data.draw(st.lists(st.text(min_size=1, max_size=60), min_size=2, max_size=2, unique=True))
    paths = [namer(JobDownload(workflow_id="w", job_id=job)) for job in ids]
    assert len({path.casefold() for path in paths}) == 2
    for path in paths:
        for part in path.split("/"):
            assert part.strip(". ") == part != ""
            assert len(part) <= 245
            assert re.fullmatch(r"[A-Za-z0-9_. -]+", part)


@pytest.mark.fault(59)
@given(downloads, st.sampled_from(["{name}.zip", "{kind}/{aoi_id}/x y/{id}.zip", "a.b/{job_id}"]))
def test_names_that_are_given_are_valid(download: Download, template: str) -> None:
    name = path_namer(template)(download)
    assert name_problem(name) is None
    assert name_problem(folder_name(name)) is None


@pytest.mark.fault(59)
@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/etc/passwd", "a/", "a//b", "..", ".", "../a", "a/../b", "a/./b"),
        *("a\0b", "a\nb", "a\\b", "C:a", "é", "\u202e", ".hidden", "a.", " a", "a ", "a/b./c"),
        *("con", "CON.zip", "a/nul/b", "lpt1.txt", "/".join("a" * 9)),
    ],
)
def test_names_that_are_never_given_are_not(name: str) -> None:
    assert name_problem(name)
