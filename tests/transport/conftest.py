"""A storage client over real sockets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from pixxel_async import Timeouts
from pixxel_async.transport.direct import DirectTransport
from pixxel_async.transport.storage import StorageClient


@pytest.fixture(params=["ours", "httpx"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[StorageClient]:
    """Give a client over our own transport, and over another one, as behind a proxy."""
    transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(trust_env=False)
    if request.param == "ours":
        transport = DirectTransport(ssl.create_default_context(), keep_alive=2)
    async with transport:
        yield StorageClient(transport, timeouts=Timeouts(connect_s=5))
