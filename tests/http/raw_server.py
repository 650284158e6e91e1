"""A server that keeps every byte it gets and answers with bytes that it was given."""

from __future__ import annotations

import asyncio

from ..socket_server import SocketServer


class RawServer(SocketServer):
    """Answers each request with the next of some raw answers; the last one is repeated.

    Attributes:
        heads: All request heads so far, byte for byte.
    """

    def __init__(self, *answers: bytes) -> None:
        self.heads: list[bytes] = []
        self.answers = list(answers)

    @property
    def targets(self) -> list[bytes]:
        return [head.split(b" ")[1] for head in self.heads]

    def headers(self, number: int = 0) -> dict[str, str]:
        """Return the headers of a request, by lower-case name."""
        lines = self.heads[number].decode("latin-1").strip().split("\r\n")[1:]
        pairs = (line.split(": ", 1) for line in lines)
        return {name.lower(): value for name, value in pairs}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            writer.write(answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone, or never meant to ask
        finally:
            writer.close()


PONG = b'"pong"'
"""The documented answer to `GET /ping`."""

NO_AOIS = b'{"aois": []}'
"""A documented answer to the check of the key."""


def raw(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return an answer in bytes; underscores in the names of headers stand for hyphens."""
    lines = {"Content-Length": str(len(body)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode("latin-1") + body
