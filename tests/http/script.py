"""A service that is scripted: it answers requests one after the other, over no network at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from pixxel_async import Limits, Package, PixxelClient, RetryPolicy

KEY = "canary-key-0f5b"
URL = "https://storage.test/package.zip?sig=canary-signature"
READY = {"id": "d1", "download_id": "d1", "status": "success", "signed_url": URL}
AT_ONCE = RetryPolicy(initial_s=0, attempts=4)
FAST = Limits(requests_per_second=10_000)
Step: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]


def answer(status: int = 200, **parts: Any) -> Step:
    """Answer with a response, by default with the document of a ready package."""
    if not parts.keys() & {"content", "json", "text", "html", "stream"}:
        error = {"error": {"code": "CODE", "message": "a message", "details": [1]}}
        parts["json"] = READY if status < 400 else error

    async def step(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, **parts)

    return step


def broken(error: type[httpx.HTTPError], text: str = "it broke") -> Step:
    """Break the connection in one of httpx's ways."""

    async def step(request: httpx.Request) -> httpx.Response:
        raise error(text, request=request)  # type: ignore[call-arg]  # all of ours take it

    return step


class Script(httpx.AsyncBaseTransport):
    """A transport that takes one step for each request; the last step is repeated.

    Attributes:
        requests: All requests so far.
    """

    def __init__(self, *steps: Step) -> None:
        self.requests: list[httpx.Request] = []
        self._steps = list(steps)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        return await step(request)


def client_of(script: httpx.AsyncBaseTransport, **parts: Any) -> PixxelClient:
    """Return a client that loses no time between attempts."""
    parts = {
        "retry": AT_ONCE,
        "limits": FAST,
        "storage_client": httpx.AsyncClient(transport=script),
        **parts,
    }
    return PixxelClient(KEY, http_client=httpx.AsyncClient(transport=script), **parts)


@dataclass(frozen=True)
class ClientCall:
    """One call of the client, and what sending it twice would mean."""

    name: str
    operation: str
    method: str
    send: Callable[[PixxelClient], Awaitable[Package | None]]

    def __str__(self) -> str:
        return self.name


PUTS = (
    ClientCall(
        "insight",
        "downloadInsights",
        "PUT",
        lambda client: client.insights.create_download("a", "i"),
    ),
    ClientCall("job", "downloadJob", "PUT", lambda client: client.jobs.create_download("w", "j")),
    ClientCall(
        "task", "downloadTask", "PUT", lambda client: client.tasks.create_download("w", "j", "t")
    ),
)
GETS = (
    ClientCall(
        "AOI status", "GetDownloadStatus", "GET", lambda client: client.aois.get_download("a", "d1")
    ),
    ClientCall(
        "catalog status", "GetDownloadById", "GET", lambda client: client.catalogs.get_download("d")
    ),
    ClientCall("ping", "ping", "GET", lambda client: client.ping()),
)
POSTS = (
    ClientCall(
        "AOI", "AOICreateDownload", "POST", lambda client: client.aois.create_download("a", ["x"])
    ),
    ClientCall(
        "catalog",
        "CreateDownload",
        "POST",
        lambda client: client.catalogs.create_download(catalog_ids=["x"]),
    ),
)
CALLS = PUTS + GETS + POSTS
