"""A sandbox with a clock that tests move, and an HTTP client that is not the library's."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from pixxel_async.sandbox import PackagingTime, Sandbox, Scenario

AT_ONCE = PackagingTime.constant(0)
START = 1_800_000_000.0
CREATIONS: dict[str, tuple[str, str, Any]] = {
    "insight": ("PUT", "/v0/aoi/a1/insights/i1/download", {"inputs": ["x"], "outputs": []}),
    "aoi": ("POST", "/v0/aois/a1/downloads", {"asset_ids": ["x", "y"]}),
    "job": ("PUT", "/v0/workflows/w1/jobs/j1/download", None),
    "task": ("PUT", "/v0/workflows/w1/jobs/j1/tasks/t1/download", None),
    "catalog": ("POST", "/v0/catalogs/download", {"catalog_ids": ["x"]}),
}
"""Method, path and body of each creation, as the service documents them."""
JOB_ROW = {"kind": "job", "workflow_id": "w1", "job_id": "j1"}


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Stand:
    """A sandbox that listens, with what is needed to talk to it."""

    sandbox: Sandbox
    http: httpx.AsyncClient
    clock: Clock

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call the service with the right key."""
        return await self.http.request(method, path, json=body)

    async def create(self, kind: str) -> Any:
        """Ask for a package of a kind, and return the document."""
        answer = await self.ask(*CREATIONS[kind])
        assert answer.is_success
        return answer.json()

    async def url(self, job: str = "j1") -> str:
        """Return a signed URL of the package of a job."""
        answer = await self.ask("PUT", f"/v0/workflows/w1/jobs/{job}/download")
        return str(answer.json()["signed_url"])


@asynccontextmanager
async def stand(scenario: Scenario | None = None, **changes: Any) -> AsyncIterator[Stand]:
    """Open a sandbox whose packages are ready at once, unless it is told otherwise."""
    scenario = scenario or Scenario(**{"packaging": AT_ONCE, **changes})
    clock = Clock()
    async with Sandbox(scenario, clock=clock) as sandbox:
        async with httpx.AsyncClient(
            base_url=sandbox.api_url,
            headers={"Authorization": sandbox.api_key},
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # loading CAs would take 50 ms
        ) as http:
            yield Stand(sandbox, http, clock)
