"""A service that is scripted: it answers requests one after the other, over no network at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
import httpx2

from pixxel_async import Limits, Package, PixxelClient, RetryPolicy

KEY = "canary-key-0f5b"
URL = "https://storage.test/package.zip?sig=canary-signature"
READY = {"id": "d1", "download_id": "d1", "status": "success", "signed_url": URL}
DOCUMENTS = {"ping": "pong", "aois": {"aois": []}}
AT_ONCE = RetryPolicy(initial_s=0, attempts=4, reach_s=0)
FAST = Limits(requests_per_second=10_000)
Step: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]


def answer(status: int = 200, **parts: Any) -> Step:
    """Answer with a response, by default with what the call documents, or with an error."""
    has_body = bool(parts.keys() & {"content", "json", "text", "html", "stream"})

    async def step(request: httpx.Request) -> httpx.Response:
        if has_body:
            return httpx.Response(status, **parts)
        error = {"error": {"code": "CODE", "message": "a message", "details": [1]}}
        found = DOCUMENTS.get(request.url.path.rpartition("/")[2], READY) if status < 400 else error
        return httpx.Response(status, json=found, **parts)

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


class Library:
    """Which library carries the calls of a test; the fixture `library` sets it."""

    is_httpx2 = False

    @classmethod
    def client(cls, transport: httpx.AsyncBaseTransport) -> Any:
        """Return an `AsyncClient` of it."""
        if cls.is_httpx2:
            return httpx2.AsyncClient(transport=Transport2(transport))
        return httpx.AsyncClient(transport=transport)


class Transport2(httpx2.AsyncBaseTransport):
    """Lets a transport of httpx serve a client of httpx2."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        theirs = httpx.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=await request.aread(),
            extensions=request.extensions,
        )
        with translated(request):
            response = await self._inner.handle_async_request(theirs)
        return httpx2.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=Stream2(response, request),
            extensions=response.extensions,
        )


class Stream2(httpx2.AsyncByteStream):
    """Gives the bytes of a response of httpx to httpx2."""

    def __init__(self, response: httpx.Response, request: httpx2.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        with translated(self._request):
            async for chunk in stream:
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


@contextmanager
def translated(request: httpx2.Request) -> Iterator[None]:
    """Raise errors of httpx as those of httpx2."""
    try:
        yield
    except httpx.TransportError as error:
        kind = getattr(httpx2, type(error).__name__)
        raise kind(str(error), request=request) from error


def client_of(script: httpx.AsyncBaseTransport, **parts: Any) -> PixxelClient:
    """Return a client that loses no time between attempts."""
    parts = {
        "retry": AT_ONCE,
        "limits": FAST,
        "storage_client": httpx.AsyncClient(transport=script),
        **parts,
    }
    return PixxelClient(KEY, http_client=Library.client(script), **parts)


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
