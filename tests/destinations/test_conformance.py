"""What every sink promises; a new sink is added to `SINKS`."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from unittest import mock

import anyio
import pytest

from pixxel_async import SinkError, Verify
from pixxel_async.config import Checksum, Sync, UnknownFiles
from pixxel_async.destinations.local_sink import LocalSink
from pixxel_async.destinations.sink import FROM_START, ResumePoint, Sink, WritePolicy

SINKS: dict[str, Callable[[Path], Sink]] = {"local": LocalSink}
NAME = "job-j-0123456789abcdef.zip"
REFUSE = UnknownFiles.REFUSE


def a_zip(size: int = 300_000) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.bin"), bytes(range(256)) * (size // 256))
    return file.getvalue()


@pytest.fixture(params=SINKS, name="sink")
async def _sink(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sink]:
    sink = SINKS[request.param](tmp_path / "out")
    yield sink
    await sink.aclose()
    await sink.aclose()


async def test_what_is_written_gets_its_final_name_at_the_commit(sink: Sink) -> None:
    data = a_zip()
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(data[:100_000])
    await partial.write(bytearray(data[100_000:]))
    assert partial.size == len(data)
    assert await sink.size(NAME) is None
    await partial.commit(REFUSE)
    path = sink.path(NAME)
    await partial.aclose()
    assert path == sink.path(NAME)
    assert path.read_bytes() == data
    assert await sink.size(NAME) == len(data)
    assert await sink.digest(NAME) == hashlib.sha256(data).hexdigest()
    assert [file.name for file in path.parent.iterdir()] == [NAME]


async def test_a_partial_goes_on_from_what_is_kept(sink: Sink) -> None:
    data = a_zip()
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(data[:150_000])
    assert await partial.sync() == 150_000
    await partial.aclose()
    partial = await sink.open(NAME, ResumePoint(synced=100_000), REFUSE)
    assert partial.size == 100_000
    await partial.write(data[100_000:])
    found = await partial.digests(frozenset({"sha256", "md5", "crc32", "sha1"}))
    assert found == {
        "sha256": hashlib.sha256(data).digest(),
        "sha1": hashlib.sha1(data).digest(),  # noqa: S324 - as storages offer it
        "md5": hashlib.md5(data).digest(),  # noqa: S324 - likewise
        "crc32": zlib.crc32(data).to_bytes(4, "big"),
    }
    await partial.commit(REFUSE)
    path = sink.path(NAME)
    assert path.read_bytes() == data


async def test_a_partial_that_is_shorter_than_what_is_kept_starts_again(sink: Sink) -> None:
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(b"PK")
    await partial.aclose()
    partial = await sink.open(NAME, ResumePoint(synced=1000), REFUSE)
    assert partial.size == 0
    await partial.aclose()


async def test_a_restart_empties_the_partial_and_its_digests(sink: Sink) -> None:
    data = a_zip()
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(b"of another object")
    await partial.restart(frozenset({"md5"}))
    assert partial.size == 0
    await partial.write(data)
    found = await partial.digests(frozenset({"md5", "sha256"}))
    assert found["md5"] == hashlib.md5(data).digest()  # noqa: S324 - as storages offer it
    assert found["sha256"] == hashlib.sha256(data).digest()
    await partial.commit(REFUSE)
    assert sink.path(NAME).read_bytes() == data


async def test_what_is_discarded_is_gone(sink: Sink) -> None:
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(b"PK")
    await partial.discard()
    await partial.aclose()
    assert list(sink.path(NAME).parent.iterdir()) == []


async def test_a_name_that_is_taken_is_never_overwritten(sink: Sink) -> None:
    early = await sink.open(NAME, FROM_START, REFUSE)
    await early.write(a_zip())
    path = sink.path(NAME)
    path.write_text("mine")
    with pytest.raises(SinkError, match="no export has saved"):
        await early.commit(REFUSE)
    await early.aclose()
    late = await sink.open(NAME, FROM_START, REFUSE)
    with pytest.raises(SinkError, match="no export has saved"):
        await late.write(a_zip())
    assert path.read_text() == "mine"


@pytest.mark.fault(38)
async def test_a_cancelled_write_is_waited_for(sink: Sink) -> None:
    data = a_zip(8_000_000)
    for _ in range(5):
        partial = await sink.open(NAME, FROM_START, REFUSE)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await partial.write(data)
        # The thread has ended: the size is that of the whole piece, or of none.
        assert partial.size in {0, len(data)}
        size = partial.size
        await partial.aclose()
        again = await sink.open(NAME, ResumePoint(synced=size), REFUSE)
        assert again.size == size
        await again.discard()


@pytest.mark.fault(38)
async def test_a_cancelled_opening_leaves_nothing_open(sink: Sink) -> None:
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(a_zip())
    size = partial.size
    await partial.aclose()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await sink.open(NAME, ResumePoint(synced=size), REFUSE)
    assert scope.cancelled_caught
    gc.collect()  # a file that is still open warns now, and a warning fails a test


@pytest.mark.parametrize("verify", list(Verify))
async def test_a_whole_zip_has_no_problem(sink: Sink, verify: Verify) -> None:
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(a_zip())
    assert await partial.problem(verify) is None
    await partial.discard()


@pytest.mark.parametrize(
    ("spoil", "structure", "contents"),
    [
        (lambda data: data[:-1], "end record", "end record"),
        (lambda data: b"XX" + data[2:], "header", "header"),
        (lambda data: data[:1000] + b"\0" + data[1001:], None, "CRC"),
    ],
)
async def test_a_spoilt_zip_is_found(
    sink: Sink, spoil: Callable[[bytes], bytes], structure: str | None, contents: str
) -> None:
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(spoil(a_zip()))
    found = await partial.problem(Verify.STRUCTURE)
    assert found is None if structure is None else structure in (found or "")
    assert contents in (await partial.problem(Verify.CONTENTS) or "")
    await partial.discard()


async def test_a_spoilt_compressed_member_is_found(sink: Sink) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "some words " * 1000)
    data = bytearray(file.getvalue())
    data[40:60] = bytes(20)
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(data)
    assert await partial.problem(Verify.STRUCTURE) is None
    assert await partial.problem(Verify.CONTENTS) is not None
    await partial.discard()


@pytest.mark.parametrize("name", [NAME, f"job/{NAME}"])
async def test_files_that_are_set_aside_keep_their_bytes(sink: Sink, name: str) -> None:
    path = sink.path(name)
    path.parent.mkdir(parents=True)
    for text in ("one", "two"):
        path.write_text(text)
        aside = await sink.set_aside(name)
        assert aside.parent == path.parent
        assert aside.read_text() == text
    assert not path.exists()


async def test_what_was_written_and_not_synced_is_kept_if_it_is_still_right(sink: Sink) -> None:
    data = a_zip()
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(data[:150_000])
    held = partial.written()
    assert held == ResumePoint(written=150_000, sha256=hashlib.sha256(data[:150_000]).hexdigest())
    await partial.write(data[150_000:180_000])
    await partial.aclose()
    partial = await sink.open(NAME, held, REFUSE)
    assert partial.size == 150_000
    assert partial.written() == held
    await partial.write(data[150_000:])
    assert (await partial.digests(frozenset({"sha256"})))["sha256"] == hashlib.sha256(data).digest()
    await partial.commit(REFUSE)
    assert sink.path(NAME).read_bytes() == data


@pytest.mark.parametrize("synced", [0, 60_000, 150_000])
async def test_what_was_written_and_is_not_right_any_more_is_cut_off(
    sink: Sink, synced: int
) -> None:
    data = a_zip()
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(data[:150_000])
    wrong = ResumePoint(synced=synced, written=150_000, sha256="00" * 32)
    await partial.aclose()
    partial = await sink.open(NAME, wrong, REFUSE)
    assert partial.size == synced
    await partial.write(data[synced:])
    await partial.commit(REFUSE)
    assert sink.path(NAME).read_bytes() == data


async def test_a_file_in_the_way_is_replaced_only_if_that_is_wanted(sink: Sink) -> None:
    first = await sink.open(NAME, FROM_START, REFUSE)
    await first.write(b"other")
    await first.commit(REFUSE)
    refused = await sink.open(NAME, FROM_START, REFUSE)
    with pytest.raises(SinkError, match="--overwrite"):
        await refused.write(b"ours")
    partial = await sink.open(NAME, FROM_START, UnknownFiles.REPLACE)
    await partial.write(b"ours")
    with pytest.raises(SinkError, match="no export has saved"):
        await partial.commit(REFUSE)
    await partial.commit(UnknownFiles.REPLACE)
    path = sink.path(NAME)
    assert path.read_bytes() == b"ours"
    await sink.remove(NAME)
    assert await sink.size(NAME) is None


async def test_the_free_space_is_known(sink: Sink) -> None:
    partial = await sink.open(NAME, FROM_START, REFUSE)
    await partial.write(b"something")
    await partial.aclose()
    disk = await sink.disk()
    assert 0 < disk.free_bytes <= disk.total_bytes


async def test_without_a_checksum_nothing_is_hashed(sink: Sink) -> None:
    data, care = a_zip(), WritePolicy(checksum=Checksum.NONE)
    partial = await sink.open(NAME, FROM_START, REFUSE, care)
    await partial.restart(frozenset({"md5"}))
    with mock.patch.object(hashlib, "new", side_effect=AssertionError):
        await partial.write(data)
        assert await partial.digests(frozenset()) == {}
    assert partial.written() == FROM_START
    await partial.commit(REFUSE)
    assert sink.path(NAME).read_bytes() == data


async def test_without_a_checksum_a_partial_goes_on_from_its_mark(sink: Sink) -> None:
    care = WritePolicy(checksum=Checksum.NONE)
    partial = await sink.open(NAME, FROM_START, REFUSE, care)
    await partial.write(a_zip()[:1000])
    await partial.aclose()
    partial = await sink.open(
        NAME, ResumePoint(synced=600, written=1000, sha256="00" * 32), REFUSE, care
    )
    assert partial.size == 600
    await partial.aclose()
    partial = await sink.open(NAME, ResumePoint(synced=601), REFUSE, care)
    assert partial.size == 0
    await partial.aclose()


@pytest.mark.parametrize(("sync", "synced"), [(Sync.DISK, True), (Sync.NONE, False)])
async def test_files_are_synced_if_that_is_wanted(sink: Sink, sync: Sync, *, synced: bool) -> None:
    with mock.patch.object(os, "fsync", wraps=os.fsync) as fsync:
        partial = await sink.open(NAME, FROM_START, REFUSE, WritePolicy(sync=sync))
        await partial.write(b"PK\3\4")
        assert await partial.sync() == 4
        assert fsync.called is synced
        await partial.commit(REFUSE)
        path = sink.path(NAME)
    assert fsync.called is synced
    assert path.read_bytes() == b"PK\3\4"
