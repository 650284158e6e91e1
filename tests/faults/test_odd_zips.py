"""Case 85: a ZIP counts only if it holds a file, and if all readers find the same files in it."""

from __future__ import annotations

import dataclasses
import io
import shutil
import struct
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given

from pixxel_async import ArchiveError, IntegrityError, Verify
from pixxel_async.destinations.extract import extract, hidden_name
from pixxel_async.destinations.folder_tree import FolderTree
from pixxel_async.destinations.zip_check import file_problem

from ..support import final_files, partials
from .odd_zips import AMBIGUOUS, EMPTY, GOOD, LOCAL, A, archive, made_by, written, zip64
from .scripted import ETAG, ScriptedStorage, answer, export
from .test_malformed import SPOILS, spoilt

UNZIP = shutil.which("unzip")
ODD = {**EMPTY, **AMBIGUOUS}
FILES = {"a/b.tif": b"image" * 5000, "c.json": b"{}", "größe.txt": b"", "d/e/f": bytes(70_000)}
OVER_SOCKETS = [
    *EMPTY,
    "a comment with an empty archive",
    "a comment with a directory of its own",
    "two end records that fit",
    "two archives, the second with shifted offsets",
    "a large member that is not listed",
    "another name in the local header",
    "ZIP64 records in the comment of a member",
]


def problem(data: bytes, verify: Verify = Verify.STRUCTURE) -> str | None:
    return file_problem(io.BytesIO(data), verify)


def forward(data: bytes) -> list[str]:
    """Read an archive as a stream: from the first local header on, without its directory."""
    at, names = 0, []
    while data.startswith(LOCAL, at):
        packed, _, name_bytes, extra_bytes = struct.unpack_from("<2L2H", data, at + 18)
        names.append(data[at + 30 : at + 30 + name_bytes].decode())
        at += 30 + name_bytes + extra_bytes + packed
    return names


def backward(data: bytes) -> list[str]:
    """Read an archive as Python does."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            return found.namelist()
    except zipfile.BadZipFile:
        return []


@pytest.mark.fault(85)
@pytest.mark.parametrize("name", OVER_SOCKETS)
async def test_it_is_not_saved_as_a_package(tmp_path: Path, name: str) -> None:
    async with ScriptedStorage(answer("200 OK", ETAG, body=ODD[name])) as storage:
        report = await export(storage.url, tmp_path)
    (failure,) = report.failed
    assert isinstance(failure.error, IntegrityError)
    assert final_files(tmp_path) == {}
    assert partials(tmp_path) == []


@pytest.mark.fault(85)
async def test_a_good_one_among_them_is_saved(tmp_path: Path) -> None:
    odd, good = answer("200 OK", ETAG, body=ODD["folders alone"]), answer("200 OK", body=GOOD)
    async with ScriptedStorage(odd, good) as storage:
        report = await export(storage.url, tmp_path)
    assert len(report.saved) == 1
    assert [path.read_bytes() for path in tmp_path.glob("*.zip")] == [GOOD]


@pytest.mark.fault(85)
@pytest.mark.parametrize("verify", Verify)
@pytest.mark.parametrize("data", ODD.values(), ids=ODD.keys())
def test_its_problem_is_named(data: bytes, verify: Verify) -> None:
    assert problem(data, verify)


@pytest.mark.fault(85)
@pytest.mark.parametrize("data", ODD.values(), ids=ODD.keys())
def test_it_is_not_extracted_and_leaves_nothing_but_itself(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(data)
    with pytest.raises(ArchiveError):
        extract(FolderTree(tmp_path), "p.zip", "p", threading.Event())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.fault(85)
@pytest.mark.parametrize(
    ("name", "from_the_start", "from_the_end"),
    [
        ("a comment with an empty archive", ["a.tif", "b.json"], []),
        ("a comment with an empty archive at 0", ["a.tif", "b.json"], []),
        ("two archives, one behind the other", ["a.tif", "b.json"], ["b.json"]),
        ("two archives, the second with shifted offsets", ["a.tif", "b.json"], ["b.json"]),
        ("a member that is not listed, before the others", ["b.json", "a.tif"], ["a.tif"]),
        ("a member that is not listed, behind the others", ["a.tif", "b.json"], ["a.tif"]),
        ("a member that is listed twice", ["a.tif"], ["a.tif", "a.tif"]),
        ("another name in the local header", ["b.tif"], ["a.tif"]),
    ],
)
def test_readers_find_different_files_in_it(
    name: str, from_the_start: list[str], from_the_end: list[str]
) -> None:
    assert forward(ODD[name]) == from_the_start
    assert backward(ODD[name]) == from_the_end


GOOD_ONES = {
    "ours": GOOD,
    "with a comment": archive(A, comment=b"of the maker"),
    "with the longest comment": archive(A, comment=b"c" * 0xFFFF),
    "ZIP64": zip64(fake=False),
    "by zipfile": written(FILES),
    "by zipfile, members in ZIP64 form": written(FILES, force_zip64=True),
    "by zipfile, as a stream": written(FILES, is_seekable=False),
    "by zipfile, as a stream in ZIP64 form": written(FILES, is_seekable=False, force_zip64=True),
    "with another ZIP inside": written({"inner.zip": GOOD, "z": b""}),
}


@pytest.mark.fault(85)
@pytest.mark.parametrize("data", GOOD_ONES.values(), ids=GOOD_ONES.keys())
def test_a_good_archive_is_accepted_and_extracted(tmp_path: Path, data: bytes) -> None:
    assert problem(data, Verify.CONTENTS) is None
    path = tmp_path / "p.zip"
    path.write_bytes(data)
    extract(FolderTree(tmp_path), "p.zip", "p", threading.Event())
    found = [one for one in (tmp_path / hidden_name("p")).rglob("*") if one.is_file()]
    assert len(found) == len(backward(data))
    if UNZIP is not None:
        subprocess.run([UNZIP, "-tqq", path], check=True, capture_output=True)  # noqa: S603 - ours


PACKERS = [
    ["zip", "-qr", "../made.zip", "."],
    ["zip", "-qr0", "../made.zip", "."],
    ["zip", "-qr", "-", "."],
    ["zip", "-qr", "-fd", "../made.zip", "."],
    ["zip", "-qr", "-fz", "../made.zip", "."],
    ["jar", "cf", "../made.zip", "."],
    ["bsdtar", "-acf", "../made.zip", "."],
    [sys.executable, "-m", "zipfile", "-c", "../made.zip", "."],
]


@pytest.mark.fault(85)
@pytest.mark.parametrize(
    "command", [one for one in PACKERS if shutil.which(one[0])], ids=lambda one: " ".join(one[:-1])
)
def test_what_other_programs_make_is_accepted(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "packed"
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    data = made_by(command, folder)
    assert problem(data, Verify.CONTENTS) is None
    files = [name for name in backward(data) if not name.endswith("/")]
    assert len(files) >= len(FILES)


@pytest.mark.fault(85)
@pytest.mark.parametrize("data", GOOD_ONES.values(), ids=GOOD_ONES.keys())
@given(spoils=SPOILS)
def test_whatever_is_accepted_is_read_alike_by_others(
    data: bytes, spoils: list[tuple[int, bytes]]
) -> None:
    spoilt_data = spoilt(data, spoils)
    if problem(spoilt_data, Verify.CONTENTS) is None:
        assert len(backward(spoilt_data)) == len(backward(data))


@pytest.mark.untraced
@pytest.mark.fault(85)
def test_an_archive_of_very_many_members_is_accepted() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for number in range(66_000):
            target.writestr(zipfile.ZipInfo(str(number)), b"")
    assert problem(stream.getvalue()) is None


@pytest.mark.fault(85)
def test_a_crc_that_is_wrong_in_both_headers_is_found_in_the_contents() -> None:
    wrong = archive(dataclasses.replace(A, crc=9))
    assert problem(wrong) is None
    assert "CRC-32" in (problem(wrong, Verify.CONTENTS) or "")
