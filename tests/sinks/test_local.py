"""What the local disk adds: modes, and errors that name a remedy."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from pixxel_async import SinkError
from pixxel_async.config import ForeignFiles
from pixxel_async.sinks.base import NOTHING_HELD
from pixxel_async.sinks.local import LocalSink
from pixxel_async.sinks.trouble import sink_error

REFUSE = ForeignFiles.REFUSE

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


@pytest.mark.fault(48)
@posix
async def test_only_the_owner_may_read_a_package(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        sink = LocalSink(tmp_path / "new")
        partial = await sink.open("a.zip", NOTHING_HELD, REFUSE)
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
    partial = await sink.open("a.zip", NOTHING_HELD, REFUSE)
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


@pytest.mark.fault(30)
async def test_a_full_disk_fails_the_write(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    sink = LocalSink(tmp_path)
    partial = await sink.open("a.zip", NOTHING_HELD, REFUSE)
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
    partial = await sink.open("a.zip", NOTHING_HELD, REFUSE)
    await partial.write(b"PK\5\6")
    await partial.commit(REFUSE)
    await sink.aclose()
    assert steps == ["file", "rename", "folder"]
