"""A storage client over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from pixxel_async import Timeouts
from pixxel_async.transport.storage import StorageClient


@pytest.fixture
async def storage() -> AsyncIterator[StorageClient]:
    async with httpx.AsyncHTTPTransport(trust_env=False) as transport:
        yield StorageClient(transport, timeouts=Timeouts(connect_s=5))
