"""Heads, archives and journals with any bytes: refused with a reason, or taken; never a crash."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from pixxel_async import (
    InternalError,
    SinkError,
    StorageError,
    Timeouts,
    TransferError,
    Verify,
)
from pixxel_async.destinations.zip_check import file_problem
from pixxel_async.http.engines import Engine, storage_engine
from pixxel_async.http.storage_client import WITH_LOOPBACK, StorageClient, choose_later
from pixxel_async.http.tls import Certificates
from pixxel_async.journal.journal import Journal
from pixxel_async.sansio.api.proxy_rules import Routes

from ..http.raw_server import RawServer
from .scripted import WHOLE_ANSWER, ScriptedStorage
from .urls import export_urls, saved_of

EACH_ENGINE = pytest.mark.parametrize("engine", [Engine.LIBCURL, Engine.HTTPX], ids=str)

HEAD = (
    b"HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\nContent-Range: bytes 5-14/15\r\n"
    b'ETag: "v1"\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n'
)
SPOILS = st.lists(
    st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4
)


def spoilt(data: bytes, spoils: list[tuple[int, bytes]], length: int | None = None) -> bytes:
    """Write some bytes over others, anywhere, and perhaps cut the end off."""
    found = bytearray(data)
    for at, piece in spoils:
        place = at % len(data)
        found[place : place + len(piece)] = piece
    return bytes(found if length is None else found[: length % (len(data) + 1)])


HEADS = {
    "a field like a status line": b"HTTP/1.1 200 OK\r\nHTTP/x: y\r\nContent-Length: 0\r\n\r\n",
    "two status lines": b"HTTP/1.1 200 OK\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    "a status line without a status": b"HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "blanks for a status": b"HTTP/1.1    \r\nContent-Length: 0\r\n\r\n",
    "a word for a status": b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "status 0": b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
    "a negative status": b"HTTP/1.1 -200 OK\r\nContent-Length: 0\r\n\r\n",
    "a status in other digits": "HTTP/1.1 \u0662\u0660\u0660 OK\r\n\r\n".encode(),
    "no version": b"HTTP/ 200 OK\r\nContent-Length: 0\r\n\r\n",
    "another version": b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2 in text": b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"PK\x03\x04 and no head",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "TLS in place of a head": b"\x15\x03\x01\x00\x02\x02\x46",
    "a folded line first": b"HTTP/1.1 200 OK\r\n folded\r\nContent-Length: 0\r\n\r\n",
    "a field without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n",
    "a field without a name": b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n",
    "NUL in a field": b"HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "an enormous length": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "an unknown transfer coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: odd\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "only interim heads": b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
    "nothing": b"",
}
"""Whole heads: a storage closes the connection after each."""


async def gets(engine: Engine, *heads: bytes) -> list[int]:
    """Send a GET for each head that a storage sends; return the status of those that are taken.

    Raises:
        Exception: A head has caused an error that is not a transfer's.
    """
    statuses, errors = [], []
    found = storage_engine(
        engine,
        client=None,
        certificates=Certificates(),
        timeouts=Timeouts(),
        addresses=WITH_LOOPBACK,
    )
    async with RawServer(*heads) as server, asyncio.timeout(60):
        url = SecretStr(f"{server.url}/a.zip?X-Amz-Signature=canary")
        client = StorageClient(found, Routes())
        try:
            for _ in heads:
                try:
                    async with await client.get(url, {}, choose_writer=choose_later) as response:
                        statuses.append(response.status)
                        await response.read_start(1000)
                except (TransferError, StorageError) as error:
                    errors.append(str(error))
        finally:
            await client.aclose()
    assert "canary" not in " ".join(errors)
    return statuses


@EACH_ENGINE
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
async def test_a_malformed_head_is_refused_or_taken(engine: Engine, head: bytes) -> None:
    assert all(200 <= status <= 999 for status in await gets(engine, head))


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 404 No", b"HTTP/1.1 100 Continue", b"HTTP/1.1 206 Partial Content"]
)
async def test_a_second_status_line_is_refused(line: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 0\r\n\r\n"
    assert await gets(Engine.LIBCURL, head) == []


@EACH_ENGINE
@given(
    heads=st.lists(
        st.one_of(st.binary(min_size=1, max_size=300), st.builds(spoilt, st.just(HEAD), SPOILS)),
        min_size=1,
        max_size=10,
    )
)
@settings(deadline=None, max_examples=30)
def test_any_head_is_refused_or_taken(engine: Engine, heads: list[bytes]) -> None:
    assert all(200 <= status <= 999 for status in asyncio.run(gets(engine, *heads)))


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
@pytest.mark.usefixtures("engine")
async def test_a_malformed_head_ends_its_package_alone_if_at_all(
    tmp_path: Path, head: bytes
) -> None:
    async with RawServer(head) as odd, ScriptedStorage(WHOLE_ANSWER) as storage:
        urls = {"odd": f"{odd.url}/a.zip", "good": f"{storage.url}/b.zip"}
        report = await export_urls(urls, tmp_path)
    assert report.stopped is None
    assert saved_of(report) == {"good"}
    assert not isinstance(report.failed[0].error, InternalError)


def a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", b"text " * 100)
        archive.writestr("c.bin", bytes(range(256)))
    return file.getvalue()


ZIP = a_zip()


@given(spoils=SPOILS, length=st.none() | st.integers(0, 2000))
@settings(deadline=None)
def test_any_archive_is_whole_or_has_a_problem(
    spoils: list[tuple[int, bytes]], length: int | None
) -> None:
    data = spoilt(ZIP, spoils, length)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.zip")
        path.write_bytes(data)
        for verify in Verify:
            with path.open("rb") as file:
                assert file_problem(file, verify) != ""
        with path.open("rb") as file:
            is_whole = file_problem(file, Verify.CONTENTS) is None
        if is_whole:
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None


def a_journal() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.sqlite")

        async def make() -> None:
            await (await Journal.open(path)).aclose()

        asyncio.run(make())
        return path.read_bytes()


JOURNAL = a_journal()


@given(spoils=SPOILS, length=st.none() | st.integers(0, len(JOURNAL)))
@settings(deadline=None, max_examples=60)
def test_any_journal_is_opened_or_refused_and_left_as_it_is(
    spoils: list[tuple[int, bytes]], length: int | None
) -> None:
    data = spoilt(JOURNAL, spoils, length)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.sqlite")
        path.write_bytes(data)

        async def refusal() -> str:
            try:
                journal = await Journal.open(path)
            except SinkError as refused:
                return str(refused)
            await journal.aclose()
            return ""

        said = asyncio.run(refusal())
        if not said:
            connection = sqlite3.connect(path)
            try:
                assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
            finally:
                connection.close()
        else:
            assert str(path) in said
            assert path.read_bytes() == data
