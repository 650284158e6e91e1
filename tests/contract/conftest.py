"""The documents, a server that judges by one of them, and clients of that server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pixxel_async import PixxelClient, RetryPolicy

from ..support import QUICK_LIMITS
from .document import DOCUMENTS, Contract
from .mock_server import MockServer

KEY = "a-key-of-the-contract"


@pytest.fixture(scope="session", params=DOCUMENTS, ids=lambda path: path.stem)
def contract(request: pytest.FixtureRequest) -> Contract:
    return Contract(request.param)


@pytest.fixture
async def server(contract: Contract) -> AsyncIterator[MockServer]:
    async with MockServer(contract, authorization=KEY) as server:
        yield server


@pytest.fixture
async def client(server: MockServer) -> AsyncIterator[PixxelClient]:
    once = RetryPolicy(attempts=1, recreate=0)
    async with PixxelClient(KEY, base_url=server.url, retry=once, limits=QUICK_LIMITS) as client:
        yield client
