"""httpx: the answer read and parsed, and nothing else; as many connections as calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from .calls import KEY, Call, Load, run


@asynccontextmanager
async def caller(load: Load) -> AsyncIterator[Call]:
    """Yield what asks for a package once."""
    limits = httpx.Limits(
        max_connections=load.concurrency, max_keepalive_connections=load.concurrency
    )
    async with httpx.AsyncClient(
        base_url=load.api_url,
        headers={"Authorization": KEY},
        limits=limits,
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
