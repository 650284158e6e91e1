"""A client of its own for the sandbox: one request over a plain socket, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came until the other side ended it.

    Attributes:
        status: The HTTP status; 0 if no head came.
        headers: By lower-case name.
        body: All bytes after the head, as they came; a chunked body with its chunk sizes.
        was_reset: Whether the end was a broken connection.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    was_reset: bool = False

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def is_whole(self) -> bool:
        return len(self.body) == int(self.headers["content-length"])


@asynccontextmanager
async def sent(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> AsyncIterator[asyncio.StreamReader]:
    """Send one request to a URL, without rewriting a byte of it, and leave the reading open."""
    authority, slash, target = url.removeprefix("http://").partition("/")
    host, _, port = authority.rpartition(":")
    lines = {"Host": authority, "Connection": "close", **(headers or {})}
    if body:
        lines["Content-Length"] = str(len(body))
    head = f"{method} {slash}{target} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        writer.write(head.encode("latin-1") + b"\r\n" + body)
        await writer.drain()
        yield reader
    finally:
        writer.close()


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read status and headers; status 0 if none come."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return 0, {}
    first, *lines = head.strip().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), {name.lower(): value for name, value in pairs}


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read until the connection ends, in whatever way."""
    status, body = 0, bytearray()
    headers: dict[str, str] = {}
    try:
        status, headers = await read_head(reader)
        while piece := await reader.read(1 << 20):
            body += piece
    except ConnectionError:
        return Answer(status, headers, bytes(body), was_reset=True)
    return Answer(status, headers, bytes(body))


async def fetch(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """Send one request and read until the connection ends."""
    async with sent(url, method=method, headers=headers, body=body) as reader:
        return await read_answer(reader)
