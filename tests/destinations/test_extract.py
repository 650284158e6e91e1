"""Extraction of real archives, good and hostile ones."""

from __future__ import annotations

import asyncio
import io
import os
import resource
import shutil
import stat
import struct
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import anyio
import pytest

from pixxel_async import ArchiveError, SinkError
from pixxel_async.config import UnknownFiles
from pixxel_async.destinations import extract as module
from pixxel_async.destinations import local_sink
from pixxel_async.destinations.extract import StoppedError, hidden_name
from pixxel_async.destinations.folder_tree import FolderTree, OpenFolder
from pixxel_async.destinations.local_sink import LocalSink
from pixxel_async.destinations.sink import FROM_START, HasRoom

from ..support import PATIENCE_S

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
GO = threading.Event()


def extract(archive: Path, folder: Path, stop: threading.Event) -> None:
    """Extract an archive beside itself."""
    module.extract(FolderTree(folder.parent), archive.name, folder.name, stop)


def reveal(folder: Path) -> None:
    module.reveal(FolderTree(folder.parent), folder.name)


def hidden_folder(folder: Path) -> Path:
    return folder.with_name(hidden_name(folder.name))


def a_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write an archive."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_all_files_come_out_right_and_at_once(tmp_path: Path, method: int) -> None:
    files = {"a/b.tif": os.urandom(3_000_000), "c.json": b"{}", "empty": b""}
    archive = a_zip(tmp_path / "p.zip", files, method)
    folder = tmp_path / "p"
    extract(archive, folder, GO)
    assert not folder.exists()
    reveal(folder)
    assert tree(folder) == files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "p.zip"]


@posix
def test_only_the_owner_may_read_what_came_out(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        extract(a_zip(tmp_path / "p.zip", {"a/b/c": b"x", "d/e/": b""}), tmp_path / "p", GO)
    finally:
        os.umask(previous)
    hidden = hidden_folder(tmp_path / "p")
    modes = {
        path.relative_to(hidden).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in (hidden, *hidden.rglob("*"))
    }
    folders = dict.fromkeys((".", "a", "a/b", "d", "d/e"), 0o700)
    assert modes == {**folders, "a/b/c": 0o600}


@posix
def test_all_is_synced_before_the_folder_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    extract(a_zip(tmp_path / "p.zip", {"a/b/c": b"x", "d/": b""}), tmp_path / "p", GO)
    hidden = hidden_folder(tmp_path / "p")
    assert {path.stat().st_ino for path in (hidden, *hidden.rglob("*"))} == set(synced)
    reveal(tmp_path / "p")
    assert synced[-1] == tmp_path.stat().st_ino


def test_zip64_and_data_descriptors_come_out(tmp_path: Path) -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("big", "w", force_zip64=True) as entry:
            entry.write(b"z" * 100_000)
    (tmp_path / "p.zip").write_bytes(stream.getvalue())
    extract(tmp_path / "p.zip", tmp_path / "p", GO)
    assert tree(hidden_folder(tmp_path / "p")) == {"big": b"z" * 100_000}


def slip(path: Path) -> None:
    a_zip(path, {"good": b"1", "../evil": b"2"})


def link(path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc")
        archive.writestr("link/passwd", "x")


def duplicate(path: Path) -> None:
    a_zip(path, {"a.tif": b"1", "A.TIF": b"2"})


def overlap(path: Path) -> None:
    """Two directory entries of one local entry, as overlapping bombs have them."""
    data = a_zip(path, {"a": b"0" * 1000}).read_bytes()
    directory = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[directory:end]
    twin = entry[:-1] + b"b"
    fields = list(struct.unpack("<4s4H2LH", data[end:]))
    fields[3:6] = [2, 2, 2 * len(entry)]
    path.write_bytes(data[:end] + twin + struct.pack("<4s4H2LH", *fields))


def bomb(path: Path) -> None:
    """Six entries of 200 MB each, of which one is compressed, and copied under other names."""
    data = a_zip(path, {"0": bytes(200_000_000)}).read_bytes()
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    local, entry = data[:directory], bytearray(data[directory:end])
    fields = list(struct.unpack("<4s4H2LH", data[end:]))
    locals_, entries = bytearray(), bytearray()
    for number in range(6):
        struct.pack_into("<L", entry, 42, len(locals_))
        entry[46] = ord(str(number))
        locals_ += local[:30] + str(number).encode() + local[31:]
        entries += entry
    fields[3:7] = [6, 6, len(entries), len(locals_)]
    path.write_bytes(bytes(locals_ + entries) + struct.pack("<4s4H2LH", *fields))
    with zipfile.ZipFile(path) as archive:
        assert archive.open("5").read(2) == b"\0\0"


def encrypted(path: Path) -> None:
    data = bytearray(a_zip(path, {"a": b"1"}).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


def wrong_crc(path: Path) -> None:
    data = a_zip(path, {"a": b"1234567890"}, zipfile.ZIP_STORED).read_bytes()
    path.write_bytes(data.replace(b"1234567890", b"1234567891"))


def shorter_than_told(path: Path) -> None:
    data = bytearray(a_zip(path, {"a": b"1" * 1000}).read_bytes())
    struct.pack_into("<L", data, 22, 2000)
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, 2000)
    path.write_bytes(data)


def understated(path: Path, method: int, *, summed: int) -> None:
    """An entry says to have ten bytes and has more; its CRC-32 is that of some of them."""
    content = b"1234567890" * 100
    data = bytearray(a_zip(path, {"a": content}, method).read_bytes())
    directory = data.index(b"PK\x01\x02")
    for crc_at, size_at in ((14, 22), (directory + 16, directory + 24)):
        struct.pack_into("<L", data, crc_at, zlib.crc32(content[:summed]))
        struct.pack_into("<L", data, size_at, 10)
    path.write_bytes(data)


def longer_than_told(path: Path) -> None:
    """`zipfile` alone takes this for ten good bytes."""
    understated(path, zipfile.ZIP_DEFLATED, summed=10)


def more_than_stored(path: Path) -> None:
    understated(path, zipfile.ZIP_STORED, summed=10)


def one_byte_more(path: Path) -> None:
    understated(path, zipfile.ZIP_DEFLATED, summed=11)


def inflating(path: Path) -> None:
    """Some hundred bytes that would become 30 MB in memory, and say to be ten."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        with archive.open("a", "w") as entry:
            for _ in range(30):
                entry.write(bytes(1_000_000))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, 10)
    path.write_bytes(data)


def no_zip(path: Path) -> None:
    path.write_bytes(b"not a zip" * 100)


@pytest.mark.fault(44)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (slip, "leaves its folder"),
        (link, "symbolic link"),
        (duplicate, "path of another entry"),
        (overlap, "shares bytes"),
        (bomb, "more than 200 times"),
        (encrypted, "is encrypted"),
        (wrong_crc, "CRC"),
        (shorter_than_told, "size of its entry"),
        (longer_than_told, "CRC"),
        (more_than_stored, "CRC"),
        (one_byte_more, "size of its entry"),
        (inflating, "method 12"),
        (no_zip, "cannot be read"),
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_nothing_but_itself(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    archive = inside / "p.zip"
    make(archive)
    before = archive.read_bytes()
    with pytest.raises(ArchiveError, match=reason):
        extract(archive, inside / "p", GO)
    assert tree(tmp_path) == {"inside/p.zip": before}
    assert list(inside.iterdir()) == [archive]


def test_a_directory_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = a_zip(tmp_path / "p.zip", {str(number): b"" for number in range(3000)})
    monkeypatch.setattr(module, "MAX_DIRECTORY_BYTES", 100_000)
    with pytest.raises(ArchiveError, match=r"directory has \d+ bytes; the limit is 100000"):
        extract(archive, tmp_path / "p", GO)
    assert list(tmp_path.iterdir()) == [archive]


def test_what_a_killed_try_has_left_is_replaced(tmp_path: Path) -> None:
    hidden = hidden_folder(tmp_path / "p")
    hidden.mkdir()
    (hidden / "stale").write_text("old")
    extract(a_zip(tmp_path / "p.zip", {"a": b"1"}), tmp_path / "p", GO)
    assert tree(hidden) == {"a": b"1"}


def test_what_stands_where_it_would_be_hidden_is_removed_and_never_followed(
    tmp_path: Path,
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("precious")
    archive = a_zip(tmp_path / "p.zip", {"a": b"1"})
    hidden = hidden_folder(tmp_path / "p")
    hidden.symlink_to(precious)
    extract(archive, tmp_path / "p", GO)
    assert tree(precious) == {"data": b"precious"}
    assert tree(hidden) == {"a": b"1"}
    shutil.rmtree(hidden)
    hidden.write_text("a file")
    extract(archive, tmp_path / "p", GO)
    assert tree(hidden) == {"a": b"1"}


def test_what_has_the_folders_name_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("mine")
    with pytest.raises(SinkError, match="move it away"):
        extract(a_zip(tmp_path / "p.zip", {"a": b"1"}), tmp_path / "p", GO)
    assert (tmp_path / "p").read_text() == "mine"


@pytest.mark.parametrize("inside", [(), ("mine",)], ids=["empty", "full"])
def test_a_folder_that_came_meanwhile_is_not_replaced(
    tmp_path: Path, inside: tuple[str, ...]
) -> None:
    folder = tmp_path / "p"
    extract(a_zip(tmp_path / "p.zip", {"a": b"1"}), folder, GO)
    folder.mkdir()
    for name in inside:
        (folder / name).touch()
    with pytest.raises(SinkError, match="move it away"):
        reveal(folder)
    assert tuple(path.name for path in folder.iterdir()) == inside


def test_too_little_space_is_told_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SinkError, match="needs 100 bytes") as caught:
        extract(a_zip(tmp_path / "p.zip", {"a": b"1" * 100}), tmp_path / "p", GO)
    assert caught.value.code == "ENOSPC"
    assert [path.name for path in tmp_path.iterdir()] == ["p.zip"]


@posix
async def test_a_disk_that_refuses_in_the_middle_leaves_the_zip_alone(tmp_path: Path) -> None:
    """A limit of the system on the size of a file stands in for a full disk."""
    a_zip(tmp_path / "p.zip", {"a": os.urandom(3_000_000)})
    sink = LocalSink(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(SinkError, match=r"p\.zip"):
            await sink.extract("p.zip", "p")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await sink.aclose()
    assert [path.name for path in tmp_path.iterdir()] == ["p.zip"]


async def test_a_cancelled_extraction_stops_soon_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    began = threading.Event()
    write = module._write

    def held(  # noqa: PLR0913, PLR0917 - as what it stands for
        source: IO[bytes],
        folder: OpenFolder,
        name: str,
        info: zipfile.ZipInfo,
        stop: threading.Event,
        has_room: HasRoom,
    ) -> None:
        begun.append(info.filename)
        began.set()
        stop.wait()
        write(source, folder, name, info, stop, has_room)

    monkeypatch.setattr(module, "_write", held)
    a_zip(tmp_path / "p.zip", {str(number): bytes(2000) for number in range(10)})
    sink = LocalSink(tmp_path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sink.extract, "p.zip", "p")
        await asyncio.to_thread(began.wait)
        tasks.cancel_scope.cancel()
    await sink.aclose()
    assert begun == ["0"]
    assert [path.name for path in tmp_path.iterdir()] == ["p.zip"]


async def test_one_that_is_cancelled_at_its_very_end_leaves_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go = threading.Event(), threading.Event()

    def held(where: FolderTree, archive: str, folder: str, *_: object) -> None:
        began.set()
        go.wait()
        module.extract(where, archive, folder, GO)  # what was to stop it came too late

    monkeypatch.setattr(local_sink, "extract", held)
    a_zip(tmp_path / "p.zip", {"a": b"1"})
    sink = LocalSink(tmp_path)
    waiting = asyncio.create_task(sink.extract("p.zip", "p"))
    await asyncio.to_thread(began.wait)
    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    go.set()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    await sink.aclose()
    assert [path.name for path in tmp_path.iterdir()] == ["p.zip"]


async def test_transfers_write_while_many_packages_are_extracted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(local_sink, "extract", lambda *_: go.wait())
    sink = LocalSink(tmp_path)
    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(sink.extract(f"{number}.zip", str(number)))
        await asyncio.sleep(0)
        try:
            with anyio.fail_after(PATIENCE_S):
                partial = await sink.open("a.zip", FROM_START, UnknownFiles.REFUSE)
                await partial.write(b"PK")
                await partial.aclose()
        finally:
            go.set()
    await sink.aclose()
    assert (tmp_path / "a.zip.part").read_bytes() == b"PK"


@pytest.mark.parametrize("files", [{"a": b"1"}, {"a": b""}, {"a/": b"", "b": b""}], ids=str)
def test_an_extraction_that_is_told_to_stop_says_so_and_leaves_nothing(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    stop = threading.Event()
    stop.set()
    archive = a_zip(tmp_path / "p.zip", files)
    with pytest.raises(StoppedError):
        extract(archive, tmp_path / "p", stop)
    assert list(tmp_path.iterdir()) == [archive]


def test_it_stops_within_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    read = zipfile.ZipExtFile.read
    pieces: list[int] = []

    def count(file: zipfile.ZipExtFile, size: int) -> bytes:
        pieces.append(size)
        if len(pieces) == 3:
            stop.set()
        return read(file, size)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", count)
    archive = a_zip(tmp_path / "p.zip", {"a": bytes(20_000_000)})
    with pytest.raises(StoppedError):
        extract(archive, tmp_path / "p", stop)
    assert len(pieces) == 3
    assert list(tmp_path.iterdir()) == [archive]


@posix
def test_a_large_file_is_synced_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):
            sizes.append(found.st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(module, "PIECE_BYTES", 1000)
    monkeypatch.setattr(module, "SYNC_BYTES", 2500)
    archive = a_zip(tmp_path / "p.zip", {"a": bytes(7000)}, zipfile.ZIP_STORED)
    extract(archive, tmp_path / "p", GO)
    assert sizes == [3000, 6000, 7000]
