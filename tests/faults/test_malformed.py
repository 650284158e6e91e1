"""Heads, archives and journals with any bytes: refused with a reason, or taken; never a crash."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import tempfile
import zipfile
from pathlib import Path

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st
from pixxel_async.transport.heads import AnswerParser

from pixxel_async import SinkError, Verify
from pixxel_async.engine.journal import Journal
from pixxel_async.sinks.zip_check import file_problem

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


@given(
    data=st.one_of(st.binary(max_size=300), st.builds(spoilt, st.just(HEAD), SPOILS)),
    cuts=st.lists(st.integers(1, 100), max_size=5),
)
def test_any_head_is_taken_or_refused_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    parser = AnswerParser()
    rest: bytes | None = None
    try:
        for count in [*cuts, len(data)]:
            piece, data = data[:count], data[count:]
            rest = parser.feed_head(memoryview(piece))
            if rest is not None:
                break
    except httpx.RemoteProtocolError:
        return
    assert (rest is None) == (parser.head is None)
    if parser.head is not None:
        assert 100 <= parser.head.status <= 999
        assert parser.head.length is None or parser.head.length >= 0


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
