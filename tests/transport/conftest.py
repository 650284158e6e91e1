"""A storage client over real sockets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx
import pytest
import trustme
from pydantic import SecretStr

from pixxel_async import Timeouts
from pixxel_async.settings.network import connections
from pixxel_async.transport.storage import StorageClient

from ..support import PATIENCE_S
from .scripted_server import Way
from .storages import Left, until


@pytest.fixture(params=["ours", "httpx"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[StorageClient]:
    """Give a client over our own transport, and over another one, as behind a proxy."""
    transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(trust_env=False)
    if request.param == "ours":
        transport = connections(SecretStr("direct"), "auto")(2)
    client = StorageClient(transport, timeouts=Timeouts(connect_s=PATIENCE_S))
    async with transport:
        yield client
    client.close()


@pytest.fixture(scope="package", name="tls")
def _tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give what a server and a client speak over TLS with."""
    ca = trustme.CA()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours = ssl.create_default_context(cadata=ca.cert_pem.bytes().decode("ascii"))
    ca.issue_cert("127.0.0.1").configure_cert(theirs)
    return theirs, ours


@pytest.fixture(params=["http", "https"])
def way(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Let the servers and clients of a test speak in plain, and then over TLS."""
    if request.param == "https":
        monkeypatch.setattr(Way, "server", tls[0])
        monkeypatch.setattr(Way, "client", tls[1])


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """Hold that a test leaves no descriptor, no reactor and no task behind."""
    before = Left.now()
    yield
    await until(lambda: Left.now().is_no_more_than(before))
