"""Tools that people use with httpx see the calls of the service, as their documentation says."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_httpx import HTTPXMock

from pixxel_async import JobDownload, PixxelClient

from .raw_server import PONG, RawServer, raw
from .script import AT_ONCE, KEY, READY, URL, Script, answer
from .tls_stand import ConnectProxy

API = "https://api.pixxel.space"
JOB = JobDownload(workflow_id="w", job_id="j")
JOB_URL = f"{API}/v0/workflows/w/jobs/j/download"
PONG_RESPONSE = httpx.Response(200, json="pong")
OURS = pytest.mark.parametrize("is_ours", [True, False], ids=["our client", "a user's client"])


def package() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo("image.tif"), bytes(1000))
    return made.getvalue()


@asynccontextmanager
async def client_of(*, is_ours: bool) -> AsyncIterator[PixxelClient]:
    """Give a client that sends everything through httpx."""
    if is_ours:
        async with PixxelClient(KEY, retry=AT_ONCE, engine="httpx") as client:
            yield client
        return
    async with httpx.AsyncClient() as calls, httpx.AsyncClient() as storage:
        async with PixxelClient(
            KEY, retry=AT_ONCE, http_client=calls, storage_client=storage
        ) as client:
            yield client
        assert not calls.is_closed
        assert not storage.is_closed


@OURS
async def test_respx_sees_calls_and_signed_urls(tmp_path: Path, *, is_ours: bool) -> None:
    with respx.mock:
        job = respx.put(JOB_URL).respond(json=READY)
        storage = respx.get(URL).respond(content=package())
        async with client_of(is_ours=is_ours) as client:
            saved = await client.download(JOB, tmp_path)
    assert saved.path.read_bytes() == package()
    assert job.calls.last.request.headers["authorization"] == KEY
    assert "authorization" not in storage.calls.last.request.headers


async def test_respx_sees_the_calls_of_a_client_that_was_made_before() -> None:
    async with PixxelClient(KEY, retry=AT_ONCE) as client:
        with respx.mock(base_url=API) as router:
            router.get("/ping").mock(
                side_effect=[httpx.Response(503), httpx.Response(200, json="pong")]
            )
            await client.ping()
            assert router.calls.call_count == 2


@respx.mock(base_url=API)
async def test_respx_breaks_connections_as_we_expect(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get("/ping").mock(
        side_effect=[httpx.ConnectError, httpx.Response(200, json="pong")]
    )
    async with PixxelClient(KEY, retry=AT_ONCE) as client:
        await client.ping()
    assert route.call_count == 2


@OURS
async def test_pytest_httpx_sees_calls_and_signed_urls(
    tmp_path: Path, httpx_mock: HTTPXMock, *, is_ours: bool
) -> None:
    httpx_mock.add_response(
        method="PUT", url=JOB_URL, json=READY, match_headers={"Authorization": KEY}
    )
    httpx_mock.add_exception(httpx.ReadError("it broke"), url=URL)
    httpx_mock.add_response(url=URL, content=package())
    async with client_of(is_ours=is_ours) as client:
        saved = await client.download(JOB, tmp_path)
    assert saved.path.read_bytes() == package()
    assert [request.method for request in httpx_mock.get_requests()] == ["PUT", "GET", "GET"]


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider


@pytest.fixture
def _instrumented(tracing: TracerProvider) -> Iterator[None]:
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=tracing)
    yield
    instrumentor.uninstrument()


def told(spans: InMemorySpanExporter) -> list[tuple[str, object, object]]:
    return [
        (
            span.name,
            (span.attributes or {}).get("http.url"),
            (span.attributes or {}).get("http.status_code"),
        )
        for span in spans.get_finished_spans()
    ]


@pytest.mark.usefixtures("_instrumented")
@OURS
async def test_opentelemetry_has_a_span_for_each_call(
    spans: InMemorySpanExporter, *, is_ours: bool
) -> None:
    async with RawServer(raw(500), raw(200, PONG)) as server:
        url = f"{server.url}/ping"
        calls = None if is_ours else httpx.AsyncClient()
        async with PixxelClient(
            KEY, base_url=server.url, retry=AT_ONCE, http_client=calls
        ) as client:
            await client.ping()
        if calls is not None:
            await calls.aclose()
    assert told(spans) == [
        ("GET", url, 500),
        ("GET", url, 200),
    ]
    assert KEY not in "".join(span.to_json() for span in spans.get_finished_spans())
    assert "traceparent" in server.headers()


async def test_opentelemetry_instruments_one_client(
    spans: InMemorySpanExporter, tracing: TracerProvider
) -> None:
    async with RawServer(raw(200, PONG)) as server, httpx.AsyncClient() as calls:
        HTTPXClientInstrumentor.instrument_client(calls, tracer_provider=tracing)
        async with PixxelClient(KEY, base_url=server.url, http_client=calls) as client:
            await client.ping()
        async with PixxelClient(KEY, base_url=server.url) as client:
            await client.ping()
        assert told(spans) == [("GET", f"{server.url}/ping", 200)]


async def test_event_hooks_see_every_call_and_its_response() -> None:
    seen: list[tuple[str, str | int]] = []

    async def on_request(request: httpx.Request) -> None:
        request.headers["X-Hook"] = "1"
        seen.append((request.method, request.url.path))

    async def on_response(response: httpx.Response) -> None:
        await response.aread()
        seen.append((response.request.method, response.status_code))

    script = Script(answer(503), answer())
    hooks: dict[str, list[Any]] = {"request": [on_request], "response": [on_response]}
    async with httpx.AsyncClient(transport=script, event_hooks=hooks) as calls:
        async with PixxelClient(KEY, retry=AT_ONCE, http_client=calls) as client:
            created = await client.jobs.create_download("w", "j")
        assert not calls.is_closed
    assert created.signed_url is not None
    path = httpx.URL(JOB_URL).path
    assert seen == [("PUT", path), ("PUT", 503), ("PUT", path), ("PUT", 200)]
    assert all(request.headers["x-hook"] == "1" for request in script.requests)


async def test_mounts_of_a_users_client_carry_the_calls() -> None:
    mounted, other = Script(answer()), Script(answer(500))
    async with httpx.AsyncClient(
        transport=other, mounts={"https://api.pixxel.space": mounted}
    ) as calls:
        async with PixxelClient(KEY, http_client=calls) as client:
            await client.ping()
    assert (len(mounted.requests), len(other.requests)) == (1, 0)


async def test_a_proxy_of_a_users_client_carries_the_calls() -> None:
    async with ConnectProxy({}, answer=b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        async with httpx.AsyncClient(proxy=proxy.url) as calls:
            async with PixxelClient(KEY, http_client=calls, proxy="direct") as client:
                with pytest.raises(Exception, match=r"the proxy refuses api\.pixxel\.space"):
                    await client.ping()
    assert proxy.targets == [b"api.pixxel.space:443"]


async def test_authentication_cookies_and_redirects_of_a_users_client_stay_its_own() -> None:
    script = Script(answer(302, headers={"Location": "https://elsewhere.test/"}))
    async with httpx.AsyncClient(
        transport=script, auth=("me", "theirs"), follow_redirects=True, cookies={"a": "b"}
    ) as calls:
        async with PixxelClient(KEY, http_client=calls, retry=AT_ONCE) as client:
            with pytest.raises(Exception, match="302"):
                await client.jobs.create_download("w", "j")
    assert {request.url.host for request in script.requests} == {"api.pixxel.space"}
    assert {request.headers["authorization"] for request in script.requests} == {KEY}
