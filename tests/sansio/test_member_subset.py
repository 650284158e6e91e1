"""A ZIP of some members of another one, and the reads that find what it has."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import ArchiveError, ConfigError, MemberFilter, Verify
from pixxel_async.destinations.zip_check import file_problem
from pixxel_async.members import filter_of, in_words
from pixxel_async.sansio.files.directory_search import FIRST_BYTES, DirectorySearch, Listing
from pixxel_async.sansio.files.member_subset import subset_of

from ..faults.odd_zips import AMBIGUOUS, EMPTY, written

NAMES = st.lists(
    st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?\.(tif|mask\.tif|hdr)", fullmatch=True),
    min_size=1,
    max_size=60,
    unique_by=lambda name: name.partition("/")[0].partition(".")[0],
)


def listing_of(data: bytes) -> tuple[Listing, int]:
    """Read the directory of an archive; return it, and the number of reads."""
    search, reads = DirectorySearch(), 0
    while search.listing is None:
        first, end = search.wanted or (max(0, len(data) - FIRST_BYTES), len(data))
        search.received(first, data[first:end], len(data))
        reads += 1
    return search.listing, reads


@given(
    names=NAMES, data=st.binary(max_size=300), is_seekable=st.booleans(), force_zip64=st.booleans()
)
def test_the_subset_is_a_zip_of_the_chosen_members(
    *, names: list[str], data: bytes, is_seekable: bool, force_zip64: bool
) -> None:
    whole = written(
        {name: data + name.encode() for name in names},
        is_seekable=is_seekable,
        force_zip64=force_zip64,
    )
    listing, reads = listing_of(whole)
    assert reads <= 2
    chosen = MemberFilter(only=["*.hdr", names[0]])
    subset = subset_of(listing, chosen)
    made = b"".join(whole[run.first : run.end] for run in subset.runs) + subset.directory
    assert len(made) == subset.size
    assert file_problem(io.BytesIO(made), Verify.CONTENTS) is None
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.namelist() == [name for name in names if chosen.wants(name)]
        assert all(archive.read(one) == data + one.encode() for one in archive.namelist())
    assert all(left.end < right.first for left, right in zip(subset.runs, subset.runs[1:]))  # noqa: B905 - neighbours
    for held in range(0, subset.fetched + 1, 7):
        run = subset.run_at(held)
        if run is None:
            assert held >= subset.fetched
        else:
            assert whole[run.first : run.end] == made[held : held + run.end - run.first]


def test_a_subset_of_very_many_members_has_the_records_of_zip64() -> None:
    names = [f"{number}.hdr" for number in range(0x10001)]
    whole = written(dict.fromkeys([*names, "other.tif"], b""))
    subset = subset_of(listing_of(whole)[0], MemberFilter(only=["*.hdr"]))
    made = b"".join(whole[run.first : run.end] for run in subset.runs) + subset.directory
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.namelist() == names


@pytest.mark.parametrize("data", [*EMPTY.values()], ids=EMPTY.keys())
def test_an_empty_archive_has_no_members_to_look_at(data: bytes) -> None:
    with pytest.raises(ArchiveError):
        listing_of(data)


@pytest.mark.parametrize("data", [*AMBIGUOUS.values()], ids=AMBIGUOUS.keys())
def test_an_ambiguous_archive_gives_no_subset_that_is_accepted(data: bytes) -> None:
    try:
        subset = subset_of(listing_of(data)[0], MemberFilter(only=["*"]))
    except ArchiveError:
        return
    made = b"".join(data[run.first : run.end] for run in subset.runs) + subset.directory
    assert file_problem(io.BytesIO(made), Verify.CONTENTS) is not None


@pytest.mark.parametrize(
    ("name", "pattern", "matches"),
    [
        ("a.mask.tif", "*.mask.tif", True),
        ("d/a.mask.tif", "*.mask.tif", True),
        ("d/a.mask.tif", "d/*", True),
        ("d/e/a.tif", "d/*", True),
        ("d/a.tif", "e/*", False),
        ("d/a.tif", "d*", False),
        ("a.TIF", "*.tif", False),
        ("a1.tif", "*[0-9].tif", True),
        ("d/", "*", False),
    ],
)
def test_patterns(name: str, pattern: str, matches: bool) -> None:  # noqa: FBT001 - a case
    assert MemberFilter(only=[pattern]).wants(name) == matches
    assert MemberFilter(skip=[pattern]).wants(name) == (not matches and not name.endswith("/"))


def test_a_filter_has_one_text_and_words() -> None:
    one = MemberFilter(only=["b", "a", "a"], skip=["c"])
    assert one.text == MemberFilter(only=["a", "b"], skip=["c", "c"]).text
    assert filter_of(one.text) == MemberFilter(only=["a", "b"], skip=["c"])
    assert in_words(one.text) == "--only 'a' --only 'b' --skip 'c'"
    assert (MemberFilter().text, in_words("")) == ("", "whole packages")
    assert not filter_of("what somebody wrote")
    assert hash(one) == hash(MemberFilter(only=["b", "a", "a"], skip=["c"]))


@pytest.mark.parametrize("patterns", [[""], ["a\0"], "*.tif"])
def test_patterns_that_cannot_be(patterns: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"MemberFilter\.only"):
        MemberFilter(only=patterns)
