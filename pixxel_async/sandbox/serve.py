"""The sandbox as a server of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .sandbox import HOST, Sandbox
from .scenario import Scenario

API_PORT = 8080
STORAGE_PORT = 8081


async def serve(
    scenario: Scenario | None = None,
    *,
    host: str = HOST,
    api_port: int = API_PORT,
    storage_port: int = STORAGE_PORT,
    announce: Callable[[Sandbox], None] = lambda _: None,
) -> None:
    """Serve until cancelled.

    Args:
        scenario: What the sandbox does.
        host: The address to listen on.
        api_port: The service's port; 0 lets the system choose.
        storage_port: The storage's port, likewise.
        announce: Called once, when both ports listen.

    Raises:
        OSError: A port is taken.
    """
    async with Sandbox(
        scenario, host=host, api_port=api_port, storage_port=storage_port
    ) as sandbox:
        announce(sandbox)
        await asyncio.get_running_loop().create_future()
