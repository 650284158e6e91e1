"""Answers on a kept connection that belong to another request."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ..socket_server import SocketServer
from ..support import final_files
from .scripted import ETAG, a_zip, answer, export

pytestmark = pytest.mark.usefixtures("engine")

COUNT = 6
ZIPS = [a_zip(number) for number in range(COUNT)]
STRAYS = {
    "four bytes of a ZIP": answer("200 OK", body=b"PK\x03\x04"),
    "page": answer("200 OK", body=b"<html>We will be back soon</html>"),
    "408": answer("408 Request Timeout", body=b"too slow"),
    "503": answer("503 Slow Down", body=b"too fast"),
    "408 without a body": answer("408 Request Timeout"),
    "200 without a body": answer("200 OK"),
    "broken ZIP": answer("200 OK", body=b"PK\x03\x04" + bytes(300)),
}


class OneBehind(SocketServer):
    """Sends an answer that nobody has asked for, and from then on answers one request late.

    The stray answer comes after the first right one, when its connection is used again, so that
    nothing lies in the socket while the connection is idle.
    """

    def __init__(self, stray: bytes) -> None:
        self._stray = stray

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due: list[bytes] = []
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                number = int(head.split(b".zip", 1)[0].rsplit(b"j", 1)[1])
                due.append(answer("200 OK", ETAG, body=ZIPS[number]))
                writer.write(due.pop(0))
                if len(due) == 0 and number == 0:
                    due.append(self._stray)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()


@pytest.mark.fault(7)
@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS.keys())
async def test_a_connection_that_gave_a_wrong_answer_is_not_used_again(
    tmp_path: Path, stray: bytes
) -> None:
    async with OneBehind(stray) as storage:
        report = await export(storage.url, tmp_path, count=COUNT, fetches=1, attempts=4)
    assert len(final_files(tmp_path)) == len(report.saved)
    for saved in report.saved:
        number = int(getattr(saved.download, "job_id", "")[1:])
        assert saved.path.read_bytes() == ZIPS[number]
