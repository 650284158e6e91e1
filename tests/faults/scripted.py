"""A storage on a socket that answers GETs from a script, and an export from it."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path

import httpx

from pixxel_async import FolderPolicy, JobDownload, Limits, PixxelClient, Report
from pixxel_async.http.engines import Engine

from ..socket_server import SocketServer
from ..support import LOCAL_URL, QUICK_POLL, QUICK_RETRY, quick_fetch


def a_zip(seed: int = 0) -> bytes:
    """Return a whole ZIP of about 250 kB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            zipfile.ZipInfo("a.bin"), bytes((value + seed) % 256 for value in range(256)) * 1000
        )
    return file.getvalue()


WHOLE = a_zip()
HALF = len(WHOLE) // 2
ETAG = 'ETag: "v1"'


def answer(status: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    """Return an answer in bytes, with a length unless that is -1."""
    told = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", *headers]
    if told >= 0:
        lines.append(f"Content-Length: {told}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def part(data: bytes, at: int = HALF, total: int | None = None, etag: str = ETAG) -> bytes:
    """Return a 206 with what follows `at`."""
    size = len(WHOLE) if total is None else total
    content_range = f"Content-Range: bytes {at}-{size - 1}/{size}"
    return answer("206 Partial Content", etag, content_range, body=data)


BROKEN_HALF = answer("200 OK", ETAG, body=WHOLE[:HALF], length=len(WHOLE))
WHOLE_ANSWER = answer("200 OK", ETAG, body=WHOLE)


class ScriptedStorage(SocketServer):
    """Gives one answer a request; one that is shorter than its length ends the connection.

    Attributes:
        heads: The heads of all requests, byte for byte.
        connections: How many were made.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.heads: list[bytes] = []
        self.connections = 0

    @property
    def ranges(self) -> list[str]:
        """The Range headers, empty where there was none."""
        found = []
        for head in self.heads:
            lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"range:")]
            found.append(lines[0].partition(b":")[2].strip().decode() if lines else "")
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                writer.write(said)
                await writer.drain()
                head, _, body = said.partition(b"\r\n\r\n")
                length = [
                    line.partition(b":")[2]
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ]
                is_chunked = b"chunked" in head and said.endswith(b"0\r\n\r\n")
                if not is_chunked and (not length or int(length[0]) > len(body)):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone, or never meant to ask
        finally:
            writer.close()


class Chosen:
    """What transfers the packages of `export`; the fixture `export` sets it."""

    engine = Engine.AUTO


def jobs(count: int) -> list[JobDownload]:
    """Return so many downloads."""
    return [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(count)]


async def export(  # noqa: PLR0913 - settings of a test, keyword-only
    storage_url: str,
    folder: Path,
    *,
    count: int = 1,
    fetches: int = 1,
    query: str = "?X-Amz-Signature=00",
    engine: str = "",
    folder_policy: FolderPolicy | None = None,
    **policy: object,
) -> Report:
    """Export jobs whose packages are `storage_url/ID.zip`, over sockets."""

    def ready(request: httpx.Request) -> httpx.Response:
        job = request.url.path.split("/")[-2]
        url = f"{storage_url}/{job}.zip{query}"
        return httpx.Response(200, json={"id": job, "status": "ready", "signed_url": url})

    async with PixxelClient(
        "key",
        base_url=LOCAL_URL,
        retry=QUICK_RETRY,
        poll=QUICK_POLL,
        limits=Limits(fetches=fetches, requests_per_second=2000),
        fetch=quick_fetch(**{"attempts": 3, **policy}),
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(ready)),
        engine=engine or Chosen.engine,
    ) as client:
        async with client.export(jobs(count), folder, folder=folder_policy) as running:
            return await running.finish()
