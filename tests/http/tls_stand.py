"""Servers with certificates of a made-up CA, and a CONNECT proxy, all on loopback sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from pathlib import Path
from typing import Self

import trustme

from ..socket_server import SocketServer
from .raw_server import RawServer

API_HOST = "api.pixxel.test"
STORAGE_HOST = "storage.pixxel.test"


class TlsServer(RawServer):
    """A raw server that shows a certificate.

    Attributes:
        greeted: How many connections came, those that ended in the handshake included.
    """

    _context: ssl.SSLContext

    def __init__(self, cert: trustme.LeafCert, *answers: bytes) -> None:
        super().__init__(*answers)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        cert.configure_cert(self._context)
        self.greeted = 0

    async def __aenter__(self) -> Self:
        self._context.sni_callback = self._count
        return await super().__aenter__()

    def _count(self, *_: object) -> None:
        self.greeted += 1

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


class ConnectProxy(SocketServer):
    """A proxy that knows some hosts, and takes CONNECT alone (RFC 9110 section 9.3.6).

    Attributes:
        heads: The heads of all requests, byte for byte.
    """

    def __init__(
        self,
        ports: dict[str, int],
        *,
        password: str = "",
        answer: bytes = b"",
        cert: trustme.LeafCert | None = None,
    ) -> None:
        self.heads: list[bytes] = []
        self._ports = ports
        self._wanted = base64.b64encode(password.encode()) if password else b""
        self._answer = answer
        if cert is not None:
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            cert.configure_cert(self._context)

    @property
    def targets(self) -> list[bytes]:
        return [head.split(b" ")[1] for head in self.heads]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            host, _, _ = head.split(b" ")[1].decode("latin-1").rpartition(":")
            if self._wanted and b"Proxy-Authorization: Basic " + self._wanted not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            elif self._answer:
                writer.write(self._answer)
            elif host not in self._ports:
                writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                await self._join(reader, writer, self._ports[host])
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
        finally:
            there_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


def bundle(ca: trustme.CA, folder: Path, name: str = "ca.pem") -> Path:
    """Write the certificate of a CA to a file, in PEM form."""
    path = folder / name
    ca.cert_pem.write_to_path(path)
    return path
