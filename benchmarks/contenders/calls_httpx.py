"""httpx as it comes: the answer read and parsed, and nothing else.

It opens no more than 100 connections. With one for each of 256 calls, its pool needed more than a
minute for the first of them, and nginx gave up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from .calls import KEY, Call, Load, run


@asynccontextmanager
async def caller(load: Load) -> AsyncIterator[Call]:
    """Yield a function that requests a package once."""
    async with httpx.AsyncClient(
        base_url=load.api_url,
        headers={"Authorization": KEY},
        timeout=None,  # noqa: S113 - its pool would run into it at 1,000
        trust_env=False,
    ) as client:

        async def call() -> None:
            response = await client.put(load.path)
            response.raise_for_status()
            assert response.json()["signed_url"]  # noqa: S101 - as for us

        yield call


if __name__ == "__main__":
    run(caller)
