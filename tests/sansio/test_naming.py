"""Safe, distinct file names."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import CatalogDownload, Download, JobDownload
from pixxel_async.sansio.naming import file_name

from .strategies import downloads

RESERVED = {"con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(10))}


@given(downloads)
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
    assert file_name(CatalogDownload(catalog_ids=("../..",))) == "catalog-a7f951abfe591a7f.zip"
