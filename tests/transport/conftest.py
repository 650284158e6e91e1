"""A storage client over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from pixxel_async import Timeouts
from pixxel_async.settings.network import connections
from pixxel_async.transport.storage import StorageClient


@pytest.fixture(params=["ours", "httpx"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[StorageClient]:
    """Give a client over our own transport, and over another one, as behind a proxy."""
    transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(trust_env=False)
    if request.param == "ours":
        transport = connections(SecretStr("direct"), "auto")(2)
    client = StorageClient(transport, timeouts=Timeouts(connect_s=5))
    async with transport:
        yield client
    client.close()
