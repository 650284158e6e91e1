"""aiohttp: the answer read and parsed, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from .calls import KEY, Call, Load, run


@asynccontextmanager
async def caller(load: Load) -> AsyncIterator[Call]:
    """Yield a function that requests a package once."""
    connector = aiohttp.TCPConnector(limit=load.concurrency)
    async with aiohttp.ClientSession(
        load.api_url, connector=connector, headers={"Authorization": KEY}
    ) as session:

        async def call() -> None:
            async with session.put(load.path) as response:
                response.raise_for_status()
                assert (await response.json())["signed_url"]  # noqa: S101 - as for us

        yield call


if __name__ == "__main__":
    run(caller)
