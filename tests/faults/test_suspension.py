"""Case 61: a process that was stopped and continued reads its sockets first."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..socket_server import SocketServer
from .scripted import WHOLE
from .services import JsonService, client, output_of, said

pytestmark = [
    pytest.mark.fault(61),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP"),
]

COUNT = 8
LIMIT_S = 2.0
CREATIONS = """
import asyncio, sys, httpx
from pixxel_async import PixxelClient, RetryPolicy, Timeouts
async def main():
    given = httpx.AsyncClient() if sys.argv[2] == "given" else None
    async with PixxelClient(
        "key", base_url=sys.argv[1], proxy="direct", retry=RetryPolicy(initial_s=0.01),
        timeout=Timeouts(answer_s=2.0, creation_s=2.0), http_client=given,
    ) as client:
        make = getattr(client, sys.argv[3]).create_download
        asked = (make("a", ["b"] if sys.argv[3] == "aois" else str(n)) for n in range(8))
        for result in await asyncio.gather(*asked, return_exceptions=True):
            print(getattr(result, "status_word", repr(result)))
asyncio.run(main())
"""
"""Makes eight creations at once, and prints what became of them."""

TRANSFER = """
import asyncio, sys
from pixxel_async import FetchInterrupted, FetchPolicy, JobDownload, PixxelClient
async def main():
    fetch = FetchPolicy(stall_timeout_s=1.0)
    async with PixxelClient(
        "key", base_url=sys.argv[1], fetch=fetch, engine=sys.argv[3]
    ) as client:
        job = JobDownload(workflow_id="w", job_id="j")
        async with client.export([job], sys.argv[2]) as export:
            async for event in export:
                if isinstance(event, FetchInterrupted):
                    print("interrupted:", event.reason)
        print("saved", len(export.report.saved))
asyncio.run(main())
"""
"""Transfers one package, and prints each time that the transfer broke off."""


async def until_stopped(process: subprocess.Popen[str]) -> None:
    """Stop a process, and return when it is stopped."""
    process.send_signal(signal.SIGSTOP)
    while True:
        status = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii")
        if status.rpartition(")")[2].split()[0] == "T":
            return
        await asyncio.sleep(0.01)


linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells whether it is stopped")


def padded(size: int) -> bytes:
    """Return an answer of about so many bytes."""
    return said(download_id="d1", id="d1", status="processing", padding="x" * size)


@linux
@pytest.mark.parametrize(
    ("sender", "kind", "late_s", "size"),
    [
        ("ours", "aois", 0.4, 10),
        ("ours", "aois", 0.4, 100_000),
        ("ours", "aois", 3.0, 7_000_000),
        ("ours", "jobs", 3.0, 10),
        ("given", "aois", 0.4, 100_000),
        ("given", "jobs", 3.0, 7_000_000),
    ],
)
async def test_answers_that_came_while_it_was_stopped_are_read(
    sender: str, kind: str, late_s: float, size: int
) -> None:
    stopped = asyncio.Event()

    async def respond(service: JsonService, _method: str, _path: str) -> bytes:
        service.changed.set()
        await stopped.wait()
        return padded(size)

    async with JsonService(respond) as service:
        with client(CREATIONS, service.url, sender, kind) as process:
            await service.reach(COUNT)
            await until_stopped(process)
            stopped.set()
            await asyncio.sleep(LIMIT_S + late_s)
            process.send_signal(signal.SIGCONT)
            told = (await output_of(process)).split()
        assert told == ["processing"] * COUNT
        assert len(service.calls) == COUNT


@linux
async def test_an_answer_that_does_not_come_is_still_given_up() -> None:
    never = asyncio.Event()
    again = asyncio.Event()

    async def respond(service: JsonService, _method: str, _path: str) -> bytes:
        if len(service.calls) > COUNT:
            again.set()
            return padded(1)
        await never.wait()
        return b""

    async with JsonService(respond) as service:
        with client(CREATIONS, service.url, "ours", "jobs") as process:
            await service.reach(COUNT)
            await until_stopped(process)
            await asyncio.sleep(LIMIT_S + 1.5)
            process.send_signal(signal.SIGCONT)
            told = (await output_of(process)).split()
        never.set()
        assert again.is_set()
        assert told == ["processing"] * COUNT


class Halves(SocketServer):
    """A storage that sends half of a package, and the rest when it is told to.

    Attributes:
        is_half_sent: Set when the first half has gone.
        go: Lets the rest go.
        gets: How many requests there were.
    """

    def __init__(self) -> None:
        self.is_half_sent = asyncio.Event()
        self.go = asyncio.Event()
        self.gets = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.gets += 1
                head = b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n' % len(WHOLE)
                writer.write(head + WHOLE[: len(WHOLE) // 2])
                await writer.drain()
                self.is_half_sent.set()
                await self.go.wait()
                writer.write(WHOLE[len(WHOLE) // 2 :])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()


@linux
@pytest.mark.parametrize("engine", ["libcurl", "httpx"])
async def test_a_transfer_that_was_stopped_is_not_taken_for_a_stall(
    tmp_path: Path, engine: str
) -> None:
    async with Halves() as storage:

        async def respond(_service: JsonService, _method: str, path: str) -> bytes:
            url = f"{storage.url}/{path.split('/')[-2]}.zip?X-Amz-Signature=00"
            return said(id="j", status="ready", signed_url=url)

        async with JsonService(respond) as service:
            with client(TRANSFER, service.url, str(tmp_path / "out"), engine) as process:
                await storage.is_half_sent.wait()
                await until_stopped(process)
                storage.go.set()
                await asyncio.sleep(3)  # three windows of the stall timeout
                process.send_signal(signal.SIGCONT)
                told = await output_of(process)
    assert told == "saved 1\n"
    assert storage.gets == 1
