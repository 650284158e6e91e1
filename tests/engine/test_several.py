"""A large package that comes by several transfers at once, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import re
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from pixxel_async import (
    FetchInterrupted,
    FetchPolicy,
    FetchProgress,
    FetchStarted,
    JobDownload,
    Limits,
    PixxelClient,
    Report,
)
from pixxel_async.config import Checksum
from pixxel_async.destinations.partial_file import LocalPartial
from pixxel_async.journal.reader import read_record
from pixxel_async.sansio.storage import segments
from pixxel_async.transfer import multipart
from pixxel_async.transfer.body_writer import ranges_from_json

from ..socket_server import SocketServer
from ..support import LOCAL_URL, QUICK_POLL, QUICK_RETRY, final_files, partials

SEGMENT = 64 * 1024
PIECE = 16 * 1024
ETAG = 'ETag: "v1"\r\n'
RANGES = "Accept-Ranges: bytes\r\n"
_RANGE = re.compile(rb"range: bytes=(\d+)-(\d*)", re.IGNORECASE)


def a_zip(size: int = 1_500_000) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.bin", os.urandom(size))
    return file.getvalue()


@dataclass(frozen=True)
class Get:
    """A request: the bytes that it asks for, the last one None where all the rest is meant."""

    first: int
    last: int | None

    @property
    def is_part(self) -> bool:
        return self.last is not None


class Storage(SocketServer):
    """Serves one package, each connection at a rate of its own, and whatever a test says of parts.

    Attributes:
        gets: The requested run.
        sent: Bytes of bodies.
        part: Answers a request for a part, where a test has its own answer.
        bytes_per_s: The rate of each connection.
        headers: Those of whole answers.
        has_part: Set when a part has been asked for.
    """

    def __init__(self, package: bytes, *, bytes_per_s: int = 1_000_000) -> None:
        self.package = package
        self.gets: list[Get] = []
        self.sent = 0
        self.part: Callable[[Get], bytes | None] = lambda _: None
        self.bytes_per_s = bytes_per_s
        self.headers = ETAG + RANGES
        self.has_part = asyncio.Event()

    @property
    def parts(self) -> list[Get]:
        return [get for get in self.gets if get.is_part]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = _RANGE.search(head)
                get = Get(int(found[1]), int(found[2]) if found[2] else None) if found else None
                self.gets.append(get or Get(0, None))
                if self.parts:
                    self.has_part.set()
                if get is not None and get.is_part and (said := self.part(get)) is not None:
                    writer.write(said)
                    return
                await self.answer(writer, get)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone, or has enough
        finally:
            writer.close()

    async def answer(self, writer: asyncio.StreamWriter, get: Get | None) -> None:
        size, first, last = len(self.package), 0, len(self.package) - 1
        if get is not None:
            first, last = get.first, last if get.last is None else get.last
        told = f"Content-Range: bytes {first}-{last}/{size}\r\n" if get else ""
        status = "206 Partial Content" if get else "200 OK"
        length = f"Content-Length: {last - first + 1}\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n{self.headers}{told}{length}\r\n".encode())
        for at in range(first, last + 1, PIECE):
            piece = self.package[at : min(at + PIECE, last + 1)]
            writer.write(piece)
            await writer.drain()
            self.sent += len(piece)
            await asyncio.sleep(len(piece) / self.bytes_per_s)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "SPAWN_S", 0.05)
    monkeypatch.setattr(segments, "WORTH_S", 0.3)


def client_of(storage: Storage, *, fetches: int = 8, **policy: Any) -> PixxelClient:
    def ready(request: httpx.Request) -> httpx.Response:
        job = request.url.path.split("/")[-2]
        url = f"{storage.url}/{job}.zip?X-Amz-Signature=00"
        return httpx.Response(200, json={"id": job, "status": "ready", "signed_url": url})

    quick: dict[str, object] = {"segment_bytes": SEGMENT, "write_s": 0.02, "flush_bytes": SEGMENT}
    return PixxelClient(
        "key",
        base_url=LOCAL_URL,
        retry=QUICK_RETRY,
        poll=QUICK_POLL,
        limits=Limits(fetches=fetches),
        fetch=FetchPolicy.model_validate({**quick, **policy}),
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(ready)),
    )


def job(number: int = 0) -> JobDownload:
    return JobDownload(workflow_id="w", job_id=f"j{number}")


async def export(
    storage: Storage, folder: Path, *, count: int = 1, fetches: int = 8, **policy: Any
) -> Report:
    async with client_of(storage, fetches=fetches, **policy) as client:
        async with client.export([job(number) for number in range(count)], folder) as running:
            return await running.finish()


def check(report: Report, folder: Path, package: bytes) -> None:
    assert [str(item.error) for item in report.failed] == []
    for saved in report.saved:
        assert saved.path.read_bytes() == package
        assert saved.sha256 == hashlib.sha256(package).hexdigest()
    assert set(final_files(folder).values()) == {hashlib.sha256(package).hexdigest()}
    assert partials(folder) == []


async def test_several_transfers_bring_a_large_package_and_hardly_a_byte_twice(
    tmp_path: Path,
) -> None:
    package = a_zip()
    async with Storage(package) as storage:
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert len(storage.parts) >= 3
    assert len({get.first for get in storage.gets}) == len(storage.gets)
    # What was under way when a transfer was cut short: no more than fits into buffers.
    assert report.received <= len(package) + len(storage.gets) * 4 * PIECE
    (run,) = read_record(tmp_path).runs
    assert run.counts["interrupted"] == 0


@pytest.mark.parametrize(
    ("headers", "fetches", "policy"),
    [
        (ETAG, 8, {}),
        (ETAG + "Accept-Ranges: none\r\n", 8, {}),
        ('ETag: W/"v1"\r\n' + RANGES, 8, {}),
        (RANGES, 8, {}),
        (ETAG + RANGES, 1, {}),
        (ETAG + RANGES, 8, {"segment_bytes": 300_000}),
    ],
    ids=["not told", "no ranges", "weak", "no tag", "one place", "small"],
)
async def test_a_package_comes_in_one_piece_where_that_is_all_there_is_to_gain(
    tmp_path: Path, headers: str, fetches: int, policy: dict[str, Any]
) -> None:
    package = a_zip()
    async with Storage(package, bytes_per_s=4_000_000) as storage:
        storage.headers = headers
        report = await export(storage, tmp_path, fetches=fetches, **policy)
    check(report, tmp_path, package)
    assert len(storage.gets) == 1


async def test_a_package_that_is_nearly_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "WORTH_S", 300)  # also on a busy machine, where
    monkeypatch.setattr(multipart, "SPAWN_S", 1.0)  # a short look may see no byte arrive
    package = a_zip()
    async with Storage(package) as storage:
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert len(storage.gets) == 1


def not_a_part(status: str, headers: str = "", body: bytes = b"no") -> bytes:
    told = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return told.encode() + body


ODD: dict[str, Callable[[Get], bytes]] = {
    "all of it": lambda _: not_a_part("200 OK", ETAG, b"PK\3\4" * 9),
    "another part": lambda get: not_a_part(
        "206 Partial Content", f"{ETAG}Content-Range: bytes {get.first + 1}-{get.last}/1500108\r\n"
    ),
    "another object": lambda get: not_a_part(
        "206 Partial Content",
        f'ETag: "v2"\r\nContent-Range: bytes {get.first}-{get.last}/1500108\r\n',
    ),
    "another total": lambda get: not_a_part(
        "206 Partial Content", f"{ETAG}Content-Range: bytes {get.first}-{get.last}/7000000\r\n"
    ),
    "coded": lambda get: not_a_part(
        "206 Partial Content",
        f"{ETAG}Content-Encoding: gzip\r\nContent-Range: bytes {get.first}-{get.last}/1500108\r\n",
    ),
    "changed": lambda _: not_a_part("412 Precondition Failed"),
    "expired": lambda _: not_a_part("403 Forbidden", body=b"<Code>AccessDenied</Code>"),
    "too much": lambda _: not_a_part("503 Slow Down", body=b"<Code>SlowDown</Code>"),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
async def test_a_storage_that_gives_no_parts_is_not_asked_for_ever(
    tmp_path: Path, odd: Callable[[Get], bytes]
) -> None:
    package = a_zip(1_500_000)
    assert len(package) == 1_500_108
    async with Storage(package) as storage:
        storage.part = odd
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    under_way = 24  # as many as may have been requested when a busy machine notices the last one
    assert multipart.MAX_FAILURES <= len(storage.parts) <= multipart.MAX_FAILURES + under_way
    assert storage.gets.count(Get(0, None)) == 1  # the first transfer brought what nobody else did
    assert storage.sent <= 1.1 * len(package)


def part_of(  # noqa: PLR0913 - what an answer says
    package: bytes,
    first: int,
    end: int,
    headers: str = ETAG,
    *,
    status: str = "206 Partial Content",
    total: int | str = "",
) -> bytes:
    """Return an answer with bytes of a package, and their range."""
    told = f"Content-Range: bytes {first}-{end - 1}/{total or len(package)}\r\n"
    return not_a_part(status, headers + told, package[first:end])


OTHER = a_zip()
UNPROVEN: dict[str, Callable[[int, int], bytes]] = {
    "no ETag": lambda first, end: part_of(OTHER, first, end, ""),
    "weak ETag": lambda first, end: part_of(OTHER, first, end, 'ETag: W/"v1"\r\n'),
    "another ETag": lambda first, end: part_of(OTHER, first, end, 'ETag: "v2"\r\n'),
    "two ETags": lambda first, end: part_of(OTHER, first, end, ETAG + 'ETag: "v2"\r\n'),
    "Last-Modified alone": lambda first, end: part_of(
        OTHER, first, end, "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    ),
    "no ETag, unknown total": lambda first, end: part_of(OTHER, first, end, "", total="*"),
    "no ETag, 200": lambda first, end: part_of(OTHER, first, end, "", status="200 OK"),
    "no Content-Range": lambda first, end: not_a_part("206 Partial", ETAG, OTHER[first:end]),
    "another total": lambda first, end: part_of(OTHER, first, end, total=7_000_000),
    "a later byte": lambda first, end: part_of(OTHER, first + 1, end),
    "nothing new": lambda first, _: part_of(OTHER, first - 10, first),
    "several parts": lambda first, end: part_of(
        OTHER, first, end, ETAG + "Content-Type: multipart/byteranges; boundary=x\r\n"
    ),
    "a coding": lambda first, end: part_of(OTHER, first, end, ETAG + "Content-Encoding: br\r\n"),
    "a longer body": lambda first, end: not_a_part(
        "206 Partial",
        f"{ETAG}Content-Range: bytes {first}-{first + 9}/{len(OTHER)}\r\n",
        OTHER[first:end],
    ),
}


@pytest.mark.fault(49)
@pytest.mark.parametrize("unproven", UNPROVEN.values(), ids=UNPROVEN.keys())
async def test_a_segment_without_proof_is_not_used(
    tmp_path: Path, unproven: Callable[[int, int], bytes]
) -> None:
    package = a_zip()
    async with Storage(package) as storage:
        storage.part = lambda get: unproven(get.first, (get.last or 0) + 1)
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert storage.gets.count(Get(0, None)) == 1
    assert storage.sent <= 1.1 * len(package)
    (run,) = read_record(tmp_path).runs
    assert run.counts["interrupted"] == 0


class Unproven(Storage):
    """Sends the rest of its package without an ETag, whatever was requested."""

    async def answer(self, writer: asyncio.StreamWriter, get: Get | None) -> None:
        self.headers = ETAG.replace("v1", "v2") + RANGES if get is None else RANGES
        await super().answer(writer, get)


@pytest.mark.fault(49)
async def test_nothing_without_proof_continues_the_segments_of_an_earlier_run(
    tmp_path: Path,
) -> None:
    async with Storage(a_zip()) as storage:
        await left_early(storage, tmp_path, at=900_000)
    package = a_zip()
    async with Unproven(package) as storage:
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert storage.gets[0].first > 0
    assert storage.gets[1] == Get(0, None)


@pytest.mark.fault(50)
@pytest.mark.parametrize("checksum", list(Checksum))
async def test_segments_of_another_object_under_the_same_etag_are_found_by_the_crcs(
    tmp_path: Path, checksum: Checksum
) -> None:
    package = a_zip()
    async with Storage(package) as storage:
        storage.part = lambda get: part_of(OTHER, get.first, (get.last or 0) + 1)
        report = await export(storage, tmp_path, checksum=checksum)
    (saved,) = report.saved
    assert saved.path.read_bytes() == package
    assert partials(tmp_path) == []
    # The second time it comes in one piece.
    assert storage.gets.count(Get(0, None)) == 2
    assert storage.gets[-1] == Get(0, None)


@pytest.mark.fault(50)
@pytest.mark.parametrize("checksum", list(Checksum))
async def test_segments_of_two_runs_and_two_objects_are_found_by_the_crcs(
    tmp_path: Path, checksum: Checksum
) -> None:
    async with Storage(a_zip()) as storage:
        await left_early(storage, tmp_path, at=900_000, checksum=checksum)
    package = a_zip()
    async with Storage(package) as storage:
        report = await export(storage, tmp_path, checksum=checksum)
    (saved,) = report.saved
    assert saved.path.read_bytes() == package
    assert storage.gets[0].first > 0
    assert storage.gets[-1] == Get(0, None)


USABLE: dict[str, Callable[[bytes, int, int], bytes]] = {
    "aligned to blocks": lambda package, first, end: part_of(
        package, first // 4096 * 4096, min(end // 4096 * 4096 + 4096, len(package))
    ),
    "from the first byte": lambda package, _, end: part_of(package, 0, end),
    "until the last byte": lambda package, first, _: part_of(package, first, len(package)),
    "all of it, as a part": lambda package, *_: part_of(package, 0, len(package)),
    "an earlier end": lambda package, first, end: part_of(package, first, min(end, first + 20_000)),
    "200 with the slice": lambda package, first, end: part_of(package, first, end, status="200 OK"),
    "unknown total": lambda package, first, end: part_of(package, first, end, total="*"),
}


@pytest.mark.fault(69)
@pytest.mark.parametrize("usable", USABLE.values(), ids=USABLE.keys())
async def test_a_segment_is_used_from_where_it_fits(
    tmp_path: Path, usable: Callable[[bytes, int, int], bytes]
) -> None:
    package = a_zip()
    async with Storage(package, bytes_per_s=500_000) as storage:
        storage.part = lambda get: usable(package, get.first, (get.last or 0) + 1)
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert storage.gets.count(Get(0, None)) == 1
    assert storage.sent <= 0.9 * len(package)  # by the first transfer: the others brought the rest
    (run,) = read_record(tmp_path).runs
    assert run.counts["interrupted"] == 0


async def test_what_a_transfer_leaves_of_its_segment_is_brought_by_another(tmp_path: Path) -> None:
    package = a_zip()

    def cut_once(get: Get) -> bytes | None:
        if len(storage.parts) != 1 or get.last is None:
            return None
        told = f"Content-Range: bytes {get.first}-{get.last}/{len(package)}\r\n"
        length = f"Content-Length: {get.last - get.first + 1}\r\n"
        head = f"HTTP/1.1 206 Partial Content\r\n{ETAG}{told}{length}\r\n".encode()
        return head + package[get.first : get.first + 30_000]

    async with Storage(package) as storage:
        storage.part = cut_once
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert storage.parts[0].first + 30_000 in {get.first for get in storage.gets}


async def test_wrong_bytes_of_one_transfer_are_found_and_fetched_again(tmp_path: Path) -> None:
    package = a_zip()

    def spoil_once(get: Get) -> bytes | None:
        if len(storage.parts) != 1 or get.last is None:
            return None
        told = f"Content-Range: bytes {get.first}-{get.last}/{len(package)}\r\n"
        body = bytes(get.last - get.first + 1)
        return not_a_part("206 Partial Content", ETAG + told, body)

    md5 = hashlib.md5(package, usedforsecurity=False).digest()
    async with Storage(package) as storage:
        storage.part = spoil_once
        storage.headers += f"x-goog-hash: md5={base64.b64encode(md5).decode()}\r\n"
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert storage.sent > 1.5 * len(package)  # all of it came again


async def left_early(storage: Storage, folder: Path, *, at: int, **policy: Any) -> None:
    """Leave an export when so many bytes are there."""
    async with client_of(storage, **policy) as client:
        async with client.export([job()], folder) as running:
            async for event in running:
                if isinstance(event, FetchProgress) and event.bytes >= at:
                    break


async def test_a_later_run_goes_on_with_all_that_several_transfers_have_brought(
    tmp_path: Path,
) -> None:
    package = a_zip()
    async with Storage(package) as storage:
        await left_early(storage, tmp_path, at=900_000)
        assert len(storage.parts) >= 2
        before = len(storage.gets)
        (row,) = read_record(tmp_path).rows
        assert row.written < 800_000  # the rest lies behind a gap
        async with client_of(storage) as client:
            async with client.export([job()], tmp_path) as running:
                (offset,) = [e.offset async for e in running if isinstance(e, FetchStarted)]
        assert offset >= row.written
        check(running.report, tmp_path, package)
        assert running.report.received <= len(package) - 900_000 + len(storage.gets) * 4 * PIECE
        assert storage.gets[before].first == offset
    (row,) = read_record(tmp_path).rows
    assert row.stretches == ""


@pytest.mark.parametrize("spoilt", ["a stretch", "the beginning"])
async def test_a_later_run_takes_nothing_that_is_not_right_any_more(
    tmp_path: Path, spoilt: str
) -> None:
    package = a_zip()
    async with Storage(package) as storage:
        await left_early(storage, tmp_path, at=900_000, flush_bytes=10**9)
        (part,) = tmp_path.glob("*.part")
        data = bytearray(part.read_bytes())
        at = len(data) - 1 if spoilt == "a stretch" else 100
        data[at] ^= 1
        part.write_bytes(data)
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)


async def test_an_object_that_has_changed_since_comes_anew(tmp_path: Path) -> None:
    async with Storage(a_zip()) as storage:
        await left_early(storage, tmp_path, at=900_000)
    package = a_zip()
    async with Changed(package) as storage:
        storage.headers = 'ETag: "v2"\r\n' + RANGES
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)


async def test_a_large_package_of_which_a_first_answer_brings_nothing_comes_all_the_same(
    tmp_path: Path,
) -> None:
    package = a_zip()
    async with Headed(package) as storage:
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert storage.gets.count(Get(0, None)) == 2


async def kept(folder: Path, least: int) -> None:
    """Return when the journal vouches for so many bytes of the package."""
    with anyio.fail_after(60):
        while True:
            (row,) = read_record(folder).rows
            behind = sum(each.end - each.begin for each in ranges_from_json(row.stretches))
            if row.written + behind >= least:
                return
            await anyio.sleep(0.02)


@pytest.mark.fault(84)
async def test_nothing_is_forgotten_while_the_file_is_joined_with_what_lies_behind_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, join = a_zip(), LocalPartial.join
    joins: list[int] = []

    async def join_late(partial: LocalPartial, end: int) -> None:
        if 0 < partial.size < end - SEGMENT:
            # But for the last bytes, which came after the last look.
            await kept(tmp_path, end - SEGMENT // 2)
            joins.append(end)
        await join(partial, end)

    monkeypatch.setattr(LocalPartial, "join", join_late)
    async with Storage(package) as storage:
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert joins


@pytest.mark.fault(84)
async def test_what_comes_while_a_mark_is_synced_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, sync = a_zip(), LocalPartial.sync
    syncs: list[int] = []

    async def sync_late(partial: LocalPartial) -> int:
        if not syncs:
            syncs.append(partial.size)
            await kept(tmp_path, partial.size + SEGMENT)
        return await sync(partial)

    monkeypatch.setattr(LocalPartial, "sync", sync_late)
    async with Storage(package) as storage:
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert syncs


class FirstAlone(Storage):
    """Sends no part before the connection of the first answer is closed."""

    def __init__(self, package: bytes) -> None:
        super().__init__(package)
        self.is_closed = asyncio.Event()

    async def answer(self, writer: asyncio.StreamWriter, get: Get | None) -> None:
        if get is not None:
            await self.is_closed.wait()
            await super().answer(writer, get)
            return
        try:
            await super().answer(writer, get)
        finally:
            self.is_closed.set()


@pytest.mark.fault(84)
async def test_the_first_connection_is_closed_where_its_segment_ends(tmp_path: Path) -> None:
    package = a_zip()
    async with FirstAlone(package) as storage:
        report = await export(storage, tmp_path)
    check(report, tmp_path, package)
    assert storage.parts
    assert storage.sent < 1.5 * len(package)


class Headed(Storage):
    """Breaks off after the head of its first answer."""

    async def answer(self, writer: asyncio.StreamWriter, get: Get | None) -> None:
        if len(self.gets) > 1:
            await super().answer(writer, get)
            return
        length = f"Content-Length: {len(self.package)}\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{self.headers}{length}\r\n".encode())
        raise ConnectionResetError


class Changed(Storage):
    """Gives all of it where a rest is asked for: If-Range does not match."""

    async def answer(self, writer: asyncio.StreamWriter, get: Get | None) -> None:
        await super().answer(writer, get if get is not None and get.is_part else None)


async def test_without_a_checksum_it_works_as_well_and_a_later_run_trusts_the_mark_alone(
    tmp_path: Path,
) -> None:
    package = a_zip()
    async with Storage(package) as storage:
        await left_early(storage, tmp_path, at=900_000, checksum=Checksum.NONE)
        report = await export(storage, tmp_path, checksum=Checksum.NONE)
    assert report.saved[0].path.read_bytes() == package


async def test_packages_that_wait_go_before_more_transfers_of_one(tmp_path: Path) -> None:
    package = a_zip(700_000)
    async with Storage(package) as storage:
        report = await export(storage, tmp_path, count=6, fetches=2)
    check(report, tmp_path, package)
    # Places are free only when the last package has begun: until then each comes in one piece.
    first_part = next((at for at, get in enumerate(storage.gets) if get.is_part), 6)
    assert first_part >= 5


async def test_a_transfer_that_helps_gives_way_to_a_package_that_becomes_ready(
    tmp_path: Path,
) -> None:
    package = a_zip()
    async with Storage(package) as storage, client_of(storage, fetches=2) as client:

        async def two_in_turn() -> AsyncIterator[JobDownload]:
            yield job(0)
            await storage.has_part.wait()
            yield job(1)

        started = {}
        async with client.export(two_in_turn(), tmp_path) as running:
            async for event in running:
                if isinstance(event, FetchStarted):
                    started[event.key] = storage.sent
                assert not isinstance(event, FetchInterrupted)
        check(running.report, tmp_path, package)
    # The second package began long before the first was there.
    whole = [get for get in storage.gets if get == Get(0, None)]
    assert len(whole) == 2
    assert storage.gets.index(Get(0, None), 1) <= 4
