"""Cases 55 and 56: limits hold while bytes come, of memory and of the disk."""

from __future__ import annotations

import asyncio
import gzip
import io
import re
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from pixxel_async import (
    ApiError,
    AuthenticationError,
    Extraction,
    FolderPolicy,
    Limits,
    PixxelClient,
    PixxelError,
    Report,
    ResponseError,
    RetryPolicy,
    SinkError,
)
from pixxel_async.http.engines import Engine

from ..http.raw_server import PONG, RawServer, raw
from ..socket_server import SocketServer
from ..support import QUICK_POLL, QUICK_RETRY, final_files, partials, quick_fetch
from .scripted import WHOLE, WHOLE_ANSWER, ScriptedStorage, jobs
from .services import JsonService, client, output_of, said
from .test_disk import _small_disk as _small_disk  # noqa: PLC0414 - a fixture

MIB = 1024 * 1024
LIMIT = 8 * MIB
MEASURED = """
import asyncio, sys, tracemalloc
from pixxel_async import Limits, PixxelClient, PixxelError, RetryPolicy
async def main():
    once, limits = RetryPolicy(attempts=1, recreate=0), Limits(max_answer_bytes=8 * 1024 * 1024)
    async with PixxelClient(
        "key-of-a-test", base_url=sys.argv[1], proxy="direct", retry=once, limits=limits
    ) as client:
        await client.ping()  # what is loaded and made once is not of the answer
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        try:
            await client.jobs.create_download("w", "j")
            print("answered")
        except PixxelError as error:
            print(type(error).__name__, str(error)[:300])
        print(tracemalloc.get_traced_memory()[1] - before)
asyncio.run(main())
"""
"""Calls once, and prints what became of it and how much memory that took at its height."""


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n", head: bytes = b"200 OK") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 " + head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + body + end


def bomb(size: int, layers: int) -> bytes:
    data = bytes(size)
    for _ in range(layers):
        data = gzip.compress(data)
    return data


WIDE = b'{"x":[' + b"[]," * (LIMIT // 4) + b"0]}"
TWICE = raw(200, bomb(64 * MIB, 2), Content_Encoding="gzip")
HOSTILE = {
    "one layer": (raw(200, bomb(96 * MIB, 1), Content_Encoding="gzip"), "ResponseError.*longer"),
    "two layers": (
        raw(200, bomb(256 * MIB, 2), Content_Encoding="gzip, gzip"),
        "ResponseError.*2 content codings",
    ),
    "two headers": (
        TWICE.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n", 1),
        "ResponseError.*2 content codings",
    ),
    "another coding": (
        raw(200, b"\x0b\x00\x80{}\x03", Content_Encoding="br"),
        "ResponseError.*'br', which was not requested",
    ),
    "deflate": (
        raw(200, zlib.compress(bytes(96 * MIB)), Content_Encoding="deflate"),
        "ResponseError.*longer",
    ),
    "of an error": (
        raw(404, bomb(96 * MIB, 1), Content_Encoding="gzip"),
        "ResponseError.*longer",
    ),
    "an error of characters that take four bytes": (
        raw(404, ("\U0001f600" + "x" * (7 * MIB)).encode()),
        "NotFoundError 404",
    ),
    "wide": (raw(200, WIDE), "ResponseError.*more than 50000 values"),
    "wide and packed": (
        raw(200, gzip.compress(WIDE), Content_Encoding="gzip"),
        "ResponseError.*more than 50000 values",
    ),
    "deep": (raw(200, b"[" * (LIMIT - 1)), "ResponseError.*values"),
    "a trailer": (
        chunked(b"{}", end=b"0\r\nX: " + b"y" * (64 * MIB) + b"\r\n\r\n"),
        "TransportError.*buffer too long",
    ),
    "an extension": (
        chunked(end=b"2;" + b"y" * (64 * MIB) + b"\r\n{}\r\n0\r\n\r\n"),
        "TransportError.*buffer too long",
    ),
    "a head": (
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * (64 * MIB) + b"\r\n\r\n",
        "TransportError.*buffer too long",
    ),
    "the largest that may be": (
        raw(200, b'{"status":"ready","other":"' + b"x" * (LIMIT - 29) + b'"}'),
        "answered",
    ),
}


@pytest.mark.fault(55)
@pytest.mark.parametrize(("answer", "outcome"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_no_answer_takes_more_than_twice_its_limit(answer: bytes, outcome: str) -> None:
    async with RawServer(raw(200, PONG), answer) as server:
        with client(MEASURED, server.url) as process:
            told, peak = (await output_of(process)).splitlines()
    assert re.search(outcome, told), told
    assert int(peak) <= 2 * LIMIT


@pytest.mark.fault(55)
@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "gzip"])
@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (404, ApiError)])
async def test_the_status_of_an_error_counts_whatever_its_body_is(
    status: int, kind: type[PixxelError], coding: str
) -> None:
    once = RetryPolicy(attempts=1, recreate=0)
    async with RawServer(raw(status, b"not encoded at all", Content_Encoding=coding)) as server:
        async with httpx.AsyncClient() as theirs:
            for client in (None, theirs):
                async with PixxelClient(
                    "key", base_url=server.url, proxy="direct", retry=once, http_client=client
                ) as pixxel:
                    with pytest.raises(kind):
                        await pixxel.jobs.create_download("w", "j")


@pytest.mark.fault(55)
@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip"])
async def test_over_a_client_that_was_given_the_limits_are_the_same(coding: str) -> None:
    once, limits = RetryPolicy(attempts=1, recreate=0), Limits(max_answer_bytes=MIB)
    body = bomb(64 * MIB, 2 if "," in coding else 1)
    async with RawServer(raw(200, body, Content_Encoding=coding)) as server:
        async with (
            httpx.AsyncClient() as theirs,
            PixxelClient(
                "key", base_url=server.url, retry=once, limits=limits, http_client=theirs
            ) as pixxel,
        ):
            with pytest.raises(ResponseError, match=r"longer than|2 content codings"):
                await pixxel.jobs.create_download("w", "j")


# The disk.

LEAST_FREE = MIB + MIB // 2


class Endless(SocketServer):
    """A storage whose package `j0` never ends, and whose other packages are small and whole.

    Attributes:
        least_free: The least free space that was seen while it was sent.
        sent: Bytes of it.
    """

    def __init__(self, disk: Path, *headers: bytes) -> None:
        self.sent = 0
        self.least_free = shutil.disk_usage(disk).free
        self._disk = disk
        self._headers = headers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_chunked = b"Transfer-Encoding: chunked" in self._headers
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"/j0.zip" not in head:
                    writer.write(WHOLE_ANSWER)
                    continue
                writer.write(b"\r\n".join((b"HTTP/1.1 200 OK", *self._headers, b"", b"")))
                piece = b"PK\x03\x04" + bytes(16 * 1024 - 4)
                while not writer.is_closing():
                    writer.write(b"4000\r\n%b\r\n" % piece if is_chunked else piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                    self.sent += len(piece)
                    self.least_free = min(self.least_free, shutil.disk_usage(self._disk).free)
                return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()


async def export(
    storage: SocketServer,
    folder: Path,
    *,
    count: int = 6,
    engine: Engine = Engine.AUTO,
    **policy: Any,
) -> Report:
    """Export jobs from a storage, over sockets alone."""

    async def respond(_service: JsonService, _method: str, path: str) -> bytes:
        job = path.split("/")[-2]
        url = f"{storage.url}/{job}.zip?X-Amz-Signature=00"
        return said(id=job, status="ready", signed_url=url)

    async with (
        JsonService(respond) as service,
        PixxelClient(
            "key",
            base_url=service.url,
            retry=QUICK_RETRY,
            poll=QUICK_POLL,
            limits=Limits(fetches=3, requests_per_second=2000),
            fetch=quick_fetch(attempts=3),
            engine=engine,
        ) as pixxel,
        pixxel.export(
            jobs(count),
            folder,
            folder=FolderPolicy(
                **{"least_free_bytes": LEAST_FREE, "space_timeout_s": 30, **policy}
            ),
        ) as running,
    ):
        return await running.finish()


@pytest.mark.fault(56)
@pytest.mark.parametrize("engine", [Engine.LIBCURL, Engine.HTTPX])
@pytest.mark.parametrize(
    "headers",
    [
        (b"Transfer-Encoding: chunked",),
        (b"Transfer-Encoding: chunked", b'ETag: "v1"'),
        (b"Connection: close",),
        (b"Connection: close", b'ETag: "v1"'),
        (b"Connection: close", b"Content-Length: 99999999999999999999999"),
    ],
    ids=["chunked", "chunked with an ETag", "until the end", "until the end with an ETag", "huge"],
)
async def test_a_body_of_unknown_size_leaves_the_space_that_has_to_stay(
    small_disk: Path,
    headers: tuple[bytes, ...],
    engine: Engine,
) -> None:
    out = small_disk / "out"
    for run in (1, 2):  # the next one is not in the way of what this one has left
        async with Endless(small_disk, *headers) as storage:
            report = await export(storage, out, engine=engine)
        assert storage.least_free >= LEAST_FREE
        assert report.stopped is None
        (failed,) = report.failed
        assert len(final_files(out)) == 5, (run, report)
        assert partials(out) == []
        if b"Content-Length" in headers[-1]:  # refused as soon as it comes
            continue
        assert isinstance(failed.error, SinkError)
        assert "--min-free" in str(failed.error)
        assert storage.sent > MIB


@pytest.mark.fault(56)
async def test_several_of_unknown_size_that_fit_are_saved(small_disk: Path) -> None:
    body = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + WHOLE
    async with ScriptedStorage(body) as storage:
        report = await export(storage, small_disk / "out")
    assert report.is_complete
    assert len(final_files(small_disk / "out")) == 6


@pytest.mark.fault(56)
async def test_one_that_was_outgrown_together_with_others_is_tried_again(small_disk: Path) -> None:
    """Two packages without a size do not fit together; one of them does."""
    (small_disk / "ballast").write_bytes(bytes(MIB))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.bin", bytes(2 * MIB))
    body = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + file.getvalue()
    async with ScriptedStorage(body) as storage:
        report = await export(storage, small_disk / "out", count=2, least_free_bytes=MIB // 2)
    assert report.stopped is None
    assert len(report.saved) + len(report.failed) == 2
    assert partials(small_disk / "out") == []


@pytest.mark.fault(56)
async def test_a_length_that_lies_writes_no_more_than_it_says(small_disk: Path) -> None:
    lie = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE + bytes(20 * MIB)
    async with ScriptedStorage(lie) as storage:
        report = await export(storage, small_disk / "out", count=2)
    assert report.is_complete
    assert {path.stat().st_size for path in (small_disk / "out").glob("*.zip")} == {len(WHOLE)}


@pytest.mark.fault(56)
@pytest.mark.parametrize("files", [1, 1500], ids=["one large", "many small"])
async def test_an_extraction_leaves_the_space_that_has_to_stay(
    small_disk: Path, files: int
) -> None:
    """A file of one byte takes a page of the disk."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(files):
            archive.writestr(str(number), bytes(4 * MIB if files == 1 else 1))
    body = file.getvalue()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    seen = [shutil.disk_usage(small_disk).free]

    async def watch() -> None:
        while True:
            await asyncio.sleep(0)
            seen.append(min(seen.pop(), shutil.disk_usage(small_disk).free))

    async with ScriptedStorage(head + body) as storage:
        watching = asyncio.create_task(watch())
        report = await export(storage, small_disk / "out", count=1, extraction=Extraction.KEEP_ZIP)
        watching.cancel()
    assert min(seen) >= LEAST_FREE
    (failed,) = report.failed
    assert isinstance(failed.error, SinkError)
    assert "extracting needs" in str(failed.error)
    assert len(final_files(small_disk / "out")) == 1
    assert not list((small_disk / "out").glob(".*.extracting"))
