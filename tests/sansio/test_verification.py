"""What is said of what was found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.sansio.files.verification import (
    Condition,
    FileFound,
    Finding,
    FolderFound,
    Found,
    NothingFound,
    NotReadable,
    OtherFound,
    judge_extracted,
    judge_file,
    judge_unsaved,
)


@pytest.mark.parametrize(
    ("found", "condition", "reason"),
    [
        (FileFound(size=10, sha256="aa"), Condition.OK, ""),
        (FileFound(size=9), Condition.CHANGED, "9 bytes, and was saved with 10"),
        (FileFound(size=10, sha256="bb"), Condition.CHANGED, "SHA-256"),
        (FileFound(size=10, sha256="bb", zip_problem="cut"), Condition.CHANGED, "SHA-256"),
        (FileFound(size=10, sha256="aa", zip_problem="cut"), Condition.BROKEN, "cut"),
        (FolderFound(), Condition.CHANGED, "folder"),
        (OtherFound(), Condition.CHANGED, "no file"),
        (NothingFound(), Condition.MISSING, "not there"),
        (NotReadable("no permission"), Condition.UNREADABLE, "no permission"),
    ],
)
def test_a_file_is_judged_by_size_then_hash_then_structure(
    found: Found, condition: Condition, reason: str
) -> None:
    judged, why = judge_file(10, "aa", found)
    assert judged is condition
    assert reason in why
    assert bool(why) is (condition is not Condition.OK)


@pytest.mark.parametrize(
    ("found", "condition"),
    [
        (FolderFound(), Condition.OK),
        (NothingFound(), Condition.MISSING),
        (FileFound(size=1), Condition.CHANGED),
        (OtherFound(), Condition.CHANGED),
        (NotReadable("no permission"), Condition.UNREADABLE),
    ],
)
def test_where_the_zip_was_removed_its_folder_stands_for_it(
    found: Found, condition: Condition
) -> None:
    judged, why = judge_extracted(found)
    assert judged is condition
    assert bool(why) is (condition is not Condition.OK)


def test_a_package_that_was_saved_once_and_is_no_more_is_missing() -> None:
    assert judge_unsaved("", was_saved=False) == (Condition.NOT_SAVED, "")
    assert judge_unsaved("404", was_saved=False) == (Condition.NOT_SAVED, "404")
    condition, why = judge_unsaved("404", was_saved=True)
    assert condition is Condition.MISSING
    assert why.endswith(": 404")
    assert judge_unsaved("", was_saved=True)[0] is Condition.MISSING


@given(condition=st.sampled_from(Condition))
def test_what_can_be_repaired_is_wrong(condition: Condition) -> None:
    finding = Finding(condition=condition, reason="", path=Path("x.zip"))
    assert finding.is_wrong or not finding.is_repairable
    assert finding.is_wrong is (
        condition not in {Condition.OK, Condition.NOT_SAVED, Condition.UNKNOWN}
    )


def test_a_file_that_was_saved_without_a_checksum_is_judged_by_size_and_structure() -> None:
    assert judge_file(10, "", FileFound(size=10, sha256="aa")) == (Condition.OK, "")
    assert judge_file(10, "", FileFound(size=9))[0] is Condition.CHANGED
    broken = FileFound(size=10, sha256="aa", zip_problem="cut")
    assert judge_file(10, "", broken)[0] is Condition.BROKEN
