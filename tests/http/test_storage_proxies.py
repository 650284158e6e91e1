"""Proxies and certificates between us and the storage, over both engines."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from pixxel_async import StorageHostError
from pixxel_async.errors import ConnectionBrokenError, PixxelError
from pixxel_async.http.storage_client import StorageClient

from ..socket_server import SocketServer
from ..test_secrets import told_of
from .raw_server import raw
from .scripted_server import Way
from .storages import SIGNATURE, storage_client, whole_body
from .tls_stand import STORAGE_HOST, ConnectProxy, TlsServer, bundle

pytestmark = pytest.mark.usefixtures("engine", "nothing_left")

PASSWORD = "me:pass-word-canary"
TARGET = f"/a%2Fb//c+d?sig={SIGNATURE}%2B"
URL = SecretStr(f"https://{STORAGE_HOST}{TARGET}")
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def _trusted(ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Way, "ca_file", str(bundle(ca, tmp_path)))


@pytest.fixture
async def server(ca: trustme.CA) -> AsyncIterator[TlsServer]:
    async with TlsServer(ca.issue_cert(STORAGE_HOST), raw(200, b"PK")) as server:
        yield server


async def body_of(storage: StorageClient, url: SecretStr = URL) -> bytes:
    async with await storage.get(url, {}) as response:
        return await whole_body(response)


async def refusal(*, port: int, scheme: str = "http") -> PixxelError:
    """Return the error of a GET through a proxy of this machine."""
    async with storage_client(proxy=f"{scheme}://{PASSWORD}@127.0.0.1:{port}") as storage:
        with pytest.raises(PixxelError) as caught:
            await body_of(storage)
    assert SIGNATURE not in told_of(caught.value)
    assert PASSWORD not in told_of(caught.value)
    return caught.value


@pytest.mark.parametrize("is_https", [False, True], ids=["http proxy", "https proxy"])
@pytest.mark.parametrize("password", ["", PASSWORD], ids=["no password", "password"])
async def test_a_proxy_sees_the_host_and_nothing_else(
    server: TlsServer, ca: trustme.CA, password: str, *, is_https: bool
) -> None:
    cert = ca.issue_cert("localhost") if is_https else None
    ports = {STORAGE_HOST: server.port}
    async with ConnectProxy(ports, password=password, cert=cert) as proxy:
        user = f"{password}@" if password else ""
        scheme, host = ("https", "localhost") if is_https else ("http", "127.0.0.1")
        async with storage_client(proxy=f"{scheme}://{user}{host}:{proxy.port}") as storage:
            assert await body_of(storage) == b"PK"
    assert proxy.targets == [f"{STORAGE_HOST}:443".encode()]
    assert SIGNATURE.encode() not in b"".join(proxy.heads)
    assert server.targets == [TARGET.encode()]
    assert "proxy-authorization" not in server.headers()


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "407; proxy .*NAME:PASSWORD@"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403; proxy .*NO_PROXY"),
        (b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", "405; proxy .*--proxy"),
    ],
)
async def test_a_proxy_that_refuses_is_named_with_the_remedy(answer: bytes, words: str) -> None:
    async with ConnectProxy({}, password="" if answer else "x:y", answer=answer) as proxy:
        error = await refusal(port=proxy.port)
        assert f"http://127.0.0.1:{proxy.port}" in error.message
    assert isinstance(error, StorageHostError)
    with pytest.raises(StorageHostError, match=words):
        raise error


@pytest.mark.parametrize("status", [b"502 Bad Gateway", b"429 Slow", b"408 Late"])
async def test_a_proxy_that_cannot_now_may_later(status: bytes) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"
    async with ConnectProxy({}, answer=answer) as proxy:
        error = await refusal(port=proxy.port)
        assert f"proxy http://127.0.0.1:{proxy.port}" in error.message
    assert isinstance(error, ConnectionBrokenError)
    assert "the proxy refused" in error.message
    assert status[:3].decode() in error.message


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_named(scheme: str, unused_tcp_port: int) -> None:
    error = await refusal(scheme=scheme, port=unused_tcp_port)
    assert isinstance(error, ConnectionBrokenError)
    assert f"proxy {scheme}://127.0.0.1:{unused_tcp_port}" in error.message


async def test_junk_of_a_proxy_is_a_broken_connection() -> None:
    async with ConnectProxy({}, answer=b"junk\r\n\r\n") as proxy:
        assert isinstance(await refusal(port=proxy.port), ConnectionBrokenError)


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("host", "not_after", "words"),
    [
        ("another.test", None, "belongs to another host"),
        (STORAGE_HOST, NOW - dt.timedelta(days=1), "clock"),
    ],
)
async def test_a_certificate_that_is_refused_comes_with_the_remedy(
    ca: trustme.CA, host: str, not_after: dt.datetime | None, words: str
) -> None:
    cert = ca.issue_cert(host, not_after=not_after)
    async with (
        TlsServer(cert, raw(200)) as server,
        ConnectProxy({STORAGE_HOST: server.port}) as proxy,
    ):
        error = await refusal(port=proxy.port)
        assert server.heads == []
    assert isinstance(error, StorageHostError)
    assert f"the certificate of {STORAGE_HOST} is refused" in error.message
    assert words in error.message


@pytest.mark.fault(11)
async def test_a_certificate_of_an_unknown_ca_comes_with_the_remedy() -> None:
    async with TlsServer(trustme.CA().issue_cert("localhost"), raw(200)) as server:
        url = SecretStr(server.url + TARGET)
        async with storage_client() as storage:
            with pytest.raises(StorageHostError, match="--ca-bundle FILE") as caught:
                await body_of(storage, url)
    assert SIGNATURE not in told_of(caught.value)


async def test_a_server_without_tls_is_a_broken_connection() -> None:
    class Plain(SocketServer):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

    async with Plain() as server, storage_client() as storage:
        with pytest.raises(ConnectionBrokenError):
            await body_of(storage, SecretStr(f"https://127.0.0.1:{server.port}/a"))


async def test_old_versions_of_tls_are_refused(ca: trustme.CA) -> None:
    server = TlsServer(ca.issue_cert("localhost"), raw(200))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        server._context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with server, storage_client() as storage:
        with pytest.raises(ConnectionBrokenError):
            await body_of(storage, SecretStr(f"{server.url}/a"))
    assert server.heads == []


async def socks5(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
    """Let a client in without a password, and return where it wants to go (RFC 1928)."""
    _, count = await reader.readexactly(2)
    await reader.readexactly(count)
    writer.write(b"\5\0")
    *_, kind = await reader.readexactly(4)
    assert kind == 3  # a name, which the proxy resolves
    host = await reader.readexactly((await reader.readexactly(1))[0])
    port = int.from_bytes(await reader.readexactly(2))
    writer.write(b"\5\0\0\1\0\0\0\0\0\0")
    return host.decode(), port


class SocksProxy(ConnectProxy):
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = await socks5(reader, writer)
        assert port == 443
        self.heads.append(host.encode())
        await self._join(reader, writer, self._ports[host])


async def test_a_socks_proxy_resolves_the_host(server: TlsServer) -> None:
    async with SocksProxy({STORAGE_HOST: server.port}) as proxy:
        async with storage_client(proxy=f"socks5h://127.0.0.1:{proxy.port}") as storage:
            assert await body_of(storage) == b"PK"
    assert proxy.heads == [STORAGE_HOST.encode()]
