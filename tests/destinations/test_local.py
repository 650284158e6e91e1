"""What the local disk adds: modes, and errors that name a remedy."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest

from pixxel_async import SinkError
from pixxel_async.config import UnknownFiles
from pixxel_async.destinations.local_sink import LocalSink
from pixxel_async.destinations.os_errors import sink_error
from pixxel_async.destinations.sink import FROM_START, ResumePoint, VerifiedRange

REFUSE = UnknownFiles.REFUSE

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


@pytest.mark.fault(48)
@posix
async def test_only_the_owner_may_read_a_package(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        sink = LocalSink(tmp_path / "new")
        partial = await sink.open("a.zip", FROM_START, REFUSE)
        await partial.write(b"PK\5\6")
        await partial.commit(REFUSE)
        path = sink.path("a.zip")
        await sink.aclose()
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@posix
async def test_a_partial_that_is_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    (tmp_path / "a.zip.part").symlink_to(target)
    sink = LocalSink(tmp_path)
    partial = await sink.open("a.zip", FROM_START, REFUSE)
    await partial.write(b"PK")
    await partial.aclose()
    await sink.aclose()
    assert target.read_text() == "precious"
    part = tmp_path / "a.zip.part"
    assert not part.is_symlink()
    assert part.read_bytes() == b"PK"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "choose a folder that you may write to"),
        (errno.EMFILE, "use fewer transfers at once"),
        (errno.ENAMETOOLONG, "choose a folder with a shorter one"),
    ],
)
def test_an_error_of_the_disk_names_the_file_and_a_remedy(number: int, remedy: str) -> None:
    error = sink_error(OSError(number, "no"), Path("folder/a.zip"))
    assert "a.zip" in error.message
    assert remedy in error.message
    assert error.code == errno.errorcode[number]


DATA = bytes(range(256)) * 4


def held_of(written: int, *ranges: tuple[int, int]) -> ResumePoint:
    """Return what a run notes of a partial that holds `DATA`."""

    def sha256(begin: int, end: int) -> str:
        return hashlib.sha256(DATA[begin:end]).hexdigest()

    return ResumePoint(
        written=written,
        sha256=sha256(0, written),
        ranges=tuple(VerifiedRange(begin, end, sha256(begin, end)) for begin, end in ranges),
    )


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    ("held", "size", "left"),
    [
        (held_of(100, (200, 300)), 100, [(200, 300)]),
        (held_of(100, (100, 300)), 300, []),
        (held_of(100, (100, 200), (200, 300), (400, 500)), 300, [(400, 500)]),
        (held_of(100, (50, 300), (400, 500)), 100, [(400, 500)]),
        (held_of(100, (200, 300), (250, 400), (300, 350)), 100, [(200, 300), (300, 350)]),
        (held_of(100, (200, 200), (300, 250)), 100, []),
    ],
    ids=["behind a gap", "no gap", "several", "from before the end", "overlap", "empty"],
)
async def test_a_file_is_taken_up_with_the_stretches_that_lie_right_behind_it(
    tmp_path: Path, held: ResumePoint, size: int, left: list[tuple[int, int]]
) -> None:
    (tmp_path / "a.zip.part").write_bytes(DATA)
    sink = LocalSink(tmp_path)
    partial = await sink.open("a.zip", held, REFUSE)
    assert partial.size == size
    assert [(each.begin, each.end) for each in partial.ranges] == left
    await partial.write(DATA[size : size + 50])
    digests = await partial.digests(frozenset({"sha256"}))
    assert digests["sha256"] == hashlib.sha256(DATA[: size + 50]).digest()
    await partial.aclose()
    await sink.aclose()
    assert (tmp_path / "a.zip.part").read_bytes()[: size + 50] == DATA[: size + 50]


@pytest.mark.fault(30)
async def test_a_full_disk_fails_the_write(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    sink = LocalSink(tmp_path)
    partial = await sink.open("a.zip", FROM_START, REFUSE)
    await partial.write(b"PK")
    assert partial._file is not None
    device = os.open(full, os.O_RDWR)
    os.dup2(device, partial._file.fileno())
    os.close(device)
    with pytest.raises(SinkError, match="disk is full"):
        await partial.write(b"PK" * 100)
    await partial.aclose()
    await sink.aclose()


@posix
async def test_a_file_is_synced_before_it_gets_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(source: str, target: str, **relative_to: int) -> None:
        steps.append("rename")
        rename(source, target, **relative_to)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    sink = LocalSink(tmp_path)
    partial = await sink.open("a.zip", FROM_START, REFUSE)
    await partial.write(b"PK\5\6")
    await partial.commit(REFUSE)
    await sink.aclose()
    assert steps == ["file", "rename", "folder"]
