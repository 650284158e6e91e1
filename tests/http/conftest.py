"""Storage clients over real sockets, over both engines, in plain and over TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from pixxel_async.http import storage_response
from pixxel_async.http.engines import Engine
from pixxel_async.http.storage_client import StorageClient

from .script import Library
from .scripted_server import Way
from .storages import Left, storage_client, until


@pytest.fixture(params=[Engine.LIBCURL, Engine.HTTPX], ids=str)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Let the clients of a test use one engine, and then the other."""
    monkeypatch.setattr(Way, "engine", request.param)
    # The bodies of these tests are short; tests/faults/test_desync.py has the real bound.
    monkeypatch.setattr(storage_response, "MIN_PACKAGE_BYTES", 0)
    chosen: Engine = request.param
    return chosen


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let httpx carry the calls of a test, and then httpx2."""
    monkeypatch.setattr(Library, "is_httpx2", request.param == "httpx2")


@pytest.fixture
async def storage(engine: Engine) -> AsyncIterator[StorageClient]:
    """Give a client."""
    del engine
    async with storage_client() as client:
        yield client


@pytest.fixture(scope="package", name="tls")
def _tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """Give what a server speaks TLS with, and the certificate that a client trusts."""
    ca = trustme.CA()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(theirs)
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return theirs, file


@pytest.fixture(params=["http", "https"])
def way(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tls: tuple[ssl.SSLContext, Path],
) -> None:
    """Let the servers and clients of a test speak in plain, and then over TLS."""
    if request.param == "https":
        monkeypatch.setattr(Way, "server", tls[0])
        monkeypatch.setattr(Way, "ca_file", str(tls[1]))


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """Check that a test leaves no descriptor, no thread and no task behind."""
    before = Left.now()
    yield
    await until(lambda: Left.now().is_no_more_than(before))
