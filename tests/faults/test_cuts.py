"""Case 6 for every byte: an answer of the storage that breaks off after each of its bytes."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from ..socket_server import SocketServer
from ..support import final_files, partials
from .scripted import export

pytestmark = pytest.mark.usefixtures("engine")


def tiny_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a"), bytes(range(200)))
    return file.getvalue()


TINY = tiny_zip()
ETAG = b'ETag: "v1"\r\n'
SIZED = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (ETAG, len(TINY), TINY)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n80\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n"
)
CHUNKED = CHUNKED % (ETAG, TINY[:128], len(TINY) - 128, TINY[128:])


class CutAnswers(SocketServer):
    """Breaks off the first answer for `/jN.zip` after N bytes, and gives the next ones whole."""

    def __init__(self, whole: bytes) -> None:
        self.whole = whole
        self.gets: dict[int, int] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                number = int(head.partition(b"/j")[2].partition(b".zip")[0])
                self.gets[number] = self.gets.get(number, 0) + 1
                if self.gets[number] == 1:
                    writer.write(self.whole[:number])
                    return
                writer.write(answer_to(head))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()


def answer_to(head: bytes) -> bytes:
    if b"bytes=" not in head:
        return SIZED
    at = int(head.partition(b"bytes=")[2].partition(b"-")[0])
    if at == len(TINY):
        return b"HTTP/1.1 416 No\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n" % at
    told = b"Content-Range: bytes %d-%d/%d\r\n" % (at, len(TINY) - 1, len(TINY))
    lengths = b"%s%sContent-Length: %d\r\n" % (ETAG, told, len(TINY) - at)
    return b"HTTP/1.1 206 Partial Content\r\n%s\r\n%s" % (lengths, TINY[at:])


@pytest.mark.fault(6)
@pytest.mark.parametrize("whole", [SIZED, CHUNKED], ids=["sized", "chunked"])
async def test_an_answer_that_breaks_off_after_any_byte_is_made_up_for(
    tmp_path: Path, whole: bytes
) -> None:
    async with CutAnswers(whole) as storage:
        report = await export(storage.url, tmp_path, count=len(whole), fetches=4, attempts=3)
    assert [str(item.error) for item in report.failed] == []
    digests = list(final_files(tmp_path).values())
    assert digests == [hashlib.sha256(TINY).hexdigest()] * len(whole)
    assert partials(tmp_path) == []
    # One that broke off, one that did not. Where not a byte came over a connection that had been
    # idle, it is taken for stale, and the same request is sent over another one.
    assert storage.gets.pop(0) in {2, 3}
    assert set(storage.gets.values()) == {2}
