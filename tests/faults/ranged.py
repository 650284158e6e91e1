"""A storage that serves ranges of one file."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from ..socket_server import SocketServer

_RANGE = re.compile(rb"\r\nrange: bytes=(\d*)-(\d*)\r\n", re.IGNORECASE)
PIECE = 64 * 1024


class RangedStorage(SocketServer):
    """Serves a file, with a strong ETag, to any path.

    Attributes:
        ranges: The first byte and the one after the last of each answer.
    """

    def __init__(self, path: Path, *, has_suffixes: bool = True) -> None:
        self.path = path
        self.has_suffixes = has_suffixes
        self.ranges: list[tuple[int, int]] = []

    @property
    def sent(self) -> int:
        """The bytes of all bodies."""
        return sum(end - first for first, end in self.ranges)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._answer(await reader.readuntil(b"\r\n\r\n"), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        size = self.path.stat().st_size
        found = _RANGE.search(head)
        if found is None or not (found[1] or self.has_suffixes):
            first, end, status = 0, size, "200 OK"
        else:
            first = int(found[1]) if found[1] else max(0, size - int(found[2]))
            end = min(size, int(found[2]) + 1) if found[1] and found[2] else size
            status = "206 Partial Content"
        self.ranges.append((first, end))
        lines = [f"HTTP/1.1 {status}", 'ETag: "v1"', f"Content-Length: {end - first}"]
        if found is not None and status.startswith("206"):
            lines.append(f"Content-Range: bytes {first}-{end - 1}/{size}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        with self.path.open("rb") as file:
            file.seek(first)
            while first < end:
                piece = file.read(min(PIECE, end - first))
                writer.write(piece)
                await writer.drain()
                first += len(piece)
