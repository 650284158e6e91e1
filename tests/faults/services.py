"""A service whose answers a test writes itself, and clients in processes of their own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from ..socket_server import SocketServer
from .scripted import answer

Respond: TypeAlias = Callable[["JsonService", str, str], Awaitable[bytes]]
"""Returns the whole answer to a method and a path."""


class JsonService(SocketServer):
    """Answers each request by what a function returns.

    Attributes:
        calls: Method and path of each request.
        changed: Set at each request; who waits for it clears it.
    """

    def __init__(self, respond: Respond, *, closes_after_s: float | None = None) -> None:
        """Take requests; `closes_after_s` ends each connection so long after its first answer."""
        self.calls: list[tuple[str, str]] = []
        self.changed = asyncio.Event()
        self._respond = respond
        self._closes_after_s = closes_after_s

    def count(self, method: str) -> int:
        """Return how many requests had a method."""
        return sum(sent == method for sent, _ in self.calls)

    async def reach(self, count: int) -> None:
        """Return when there have been so many requests."""
        while len(self.calls) < count:
            self.changed.clear()
            await self.changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split(" ", 2)
                for line in head.lower().split("\r\n"):
                    if line.startswith("content-length:"):
                        await reader.readexactly(int(line.partition(":")[2]))
                self.calls.append((method, path))
                self.changed.set()
                writer.write(await self._respond(self, method, path))
                await writer.drain()
                if self._closes_after_s is not None:
                    await asyncio.sleep(self._closes_after_s)
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()


def said(**fields: Any) -> bytes:
    """Return a whole answer with a JSON object."""
    return answer("200 OK", "Content-Type: application/json", body=json.dumps(fields).encode())


@contextmanager
def client(code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a client as a process of its own; one that is left is ended."""
    command = [sys.executable, "-c", code, *words]
    with subprocess.Popen(  # noqa: S603 - the command is ours
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def output_of(process: subprocess.Popen[str]) -> str:
    """Wait for the end of a process, which has to end well, and return what it wrote."""
    stdout, stderr = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0, stderr[-3000:]
    return stdout
