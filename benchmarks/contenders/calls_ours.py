"""Our client: with retries, typed errors, the key, and a rate limit that is out of reach.

However many tasks call, `IN_FLIGHT` calls are sent at a time, and the others wait: that is how an
export calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pixxel_async import Limits, PixxelClient

from .calls import KEY, Call, Load, run
from .export import NO_LIMIT_PER_S

IN_FLIGHT = 16


@asynccontextmanager
async def caller(load: Load) -> AsyncIterator[Call]:
    """Yield a function that requests a package once."""
    limits = Limits(requests=IN_FLIGHT, requests_per_second=NO_LIMIT_PER_S)
    workflow, job = load.workflow_and_job
    async with PixxelClient(KEY, base_url=load.api_url, proxy="direct", limits=limits) as client:

        async def call() -> None:
            package = await client.jobs.create_download(workflow, job)
            assert package.signed_url is not None  # noqa: S101 - a wrong answer does not count

        yield call


if __name__ == "__main__":
    run(caller)
