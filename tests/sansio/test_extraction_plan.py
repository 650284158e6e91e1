"""Which files of an archive are written where, or why none of them are."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.errors import ArchiveError
from pixxel_async.sansio.files import extraction_plan
from pixxel_async.sansio.files.extraction_plan import Entry, plan

FILE = Entry(
    name="a/b.tif", size=100, packed_size=50, offset=0, flags=0, method=8, mode=stat.S_IFREG | 0o644
)


def laid_out(*entries: Entry) -> list[Entry]:
    """Put entries one behind the other."""
    offset, placed = 0, []
    for entry in entries:
        placed.append(replace(entry, offset=offset))
        offset += 30 + len(entry.name) + entry.packed_size
    return placed


def named(*names: str) -> list[Entry]:
    """Return files and folders of these names, one behind the other."""
    return laid_out(
        *(
            replace(FILE, name=name, mode=0, size=0 if name.endswith("/") else 10, packed_size=5)
            for name in names
        )
    )


def test_files_and_folders_keep_their_places() -> None:
    planned = plan(named("a/", "a/b.tif", "c.json", "d/e/"), archive_bytes=10_000)
    assert planned.paths == (("a",), ("a", "b.tif"), ("c.json",), ("d", "e"))
    assert planned.total_bytes == 20


def test_an_empty_archive_has_no_files() -> None:
    assert plan([], archive_bytes=0).paths == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil", "leaves its folder"),
        ("a/../../evil", "leaves its folder"),
        ("/etc/passwd", "leaves its folder"),
        ("a//b", "empty part"),
        ("./a", "leaves its folder"),
        ("/", "empty part"),
        ("", "empty part"),
        ("a\\b", "backslash"),
        ("..\\evil", "backslash"),
        ("C:/evil", "colon"),
        ("a:stream", "colon"),
        ("\\\\host\\share", "backslash"),
        ("a\0b", "control character"),
        ("a\x1b[2Jb", "control character"),
        ("a\ud800", "control character"),
        ("a/b./c", "dot or a space"),
        ("a ", "dot or a space"),
        ("con", "Windows reserves"),
        ("a/LPT1.tif", "Windows reserves"),
        ("a/" * 32 + "b", "too long or too deep"),
        ("é" * 128, "too long or too deep"),
        ("/".join(["a" * 250] * 5), "too long or too deep"),
    ],
)
def test_an_unsafe_name_is_refused_and_shown_in_safe_form(name: str, reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason) as caught:
        plan(named(name), archive_bytes=10_000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"flags": 0x1}, "is encrypted"),
        ({"flags": 0x40}, "is encrypted"),
        ({"flags": 0x20}, "is a patch"),
        ({"method": 99}, "method 99"),
        ({"method": 12}, "method 12"),
        ({"mode": stat.S_IFLNK | 0o777}, "is a symbolic link"),
        ({"mode": stat.S_IFIFO}, "no plain file"),
        ({"mode": stat.S_IFDIR}, "no plain file"),
        ({"name": "a/", "mode": stat.S_IFREG, "size": 0}, "no plain file"),
        ({"name": "a/", "mode": 0}, "is a folder and has bytes"),
    ],
)
def test_what_is_no_plain_file_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason):
        plan([replace(FILE, **changes)], archive_bytes=10_000)  # type: ignore[arg-type]  # fields


@pytest.mark.parametrize(
    "names",
    [
        ("a", "a"),
        ("a.tif", "A.TIF"),
        ("straße", "STRASSE"),
        ("é", "e\u0301"),
        ("a", "a/"),
        ("a/", "a"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("x/a", "X/A/b"),
    ],
)
def test_two_entries_never_have_one_path(names: tuple[str, ...]) -> None:
    with pytest.raises(ArchiveError, match="another entry"):
        plan(named(*names), archive_bytes=10_000)


def test_a_folder_may_be_named_twice() -> None:
    assert plan(named("a/", "a/", "a/b"), archive_bytes=10_000).total_bytes == 10


def test_entries_that_share_bytes_are_refused() -> None:
    first, second = named("a", "b")
    with pytest.raises(ArchiveError, match="shares bytes"):
        plan([first, replace(second, offset=second.offset - 1)], archive_bytes=10_000)
    with pytest.raises(ArchiveError, match="shares bytes"):
        plan([second, replace(first, offset=second.offset)], archive_bytes=10_000)
    with pytest.raises(ArchiveError, match="beyond the data"):
        plan([first, second], archive_bytes=second.offset + 30)


def test_a_bomb_is_refused_and_a_large_honest_archive_is_not() -> None:
    large = replace(FILE, size=50 * 1024**3, packed_size=1024**3)
    assert plan([large], archive_bytes=1024**3 + 100).total_bytes == large.size
    with pytest.raises(ArchiveError, match="more than 200 times"):
        plan([replace(FILE, size=extraction_plan.SMALL_BYTES + 1)], archive_bytes=1000)
    many = [replace(FILE, name=str(number)) for number in range(extraction_plan.MAX_ENTRIES + 1)]
    with pytest.raises(ArchiveError, match="entries"):
        plan(many, archive_bytes=10**9)


def test_folders_are_counted_that_no_entry_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction_plan, "MAX_ENTRIES", 9)
    assert plan(named("1/2/3/4/5/6/7/8/a"), archive_bytes=10_000).total_bytes == 10
    with pytest.raises(ArchiveError, match="more than 9 files and folders"):
        plan(named("1/2/3/4/a", "5/6/7/8/b"), archive_bytes=10_000)


parts = st.sampled_from(
    ["a", "A", "..", ".", "", "con", "b.tif", "é", "e\u0301", "C:", "x\\y", " "]
)
names = st.lists(parts, min_size=1, max_size=4).map("/".join) | st.text(max_size=20)


@given(st.lists(names, max_size=6))
def test_no_plan_leaves_the_folder_or_has_a_path_twice(listed: list[str]) -> None:
    entries = named(*listed)
    try:
        planned = plan(entries, archive_bytes=10**6)
    except ArchiveError:
        return
    files = []
    for entry, path in zip(entries, planned.paths, strict=True):
        joined = PurePosixPath("/export", *path)
        assert joined.is_relative_to("/export")
        assert not {"..", ".", ""} & set(path)
        assert joined != PurePosixPath("/export")
        if not entry.is_folder:
            files.append(str(joined).casefold())
    assert len(set(files)) == len(files)
