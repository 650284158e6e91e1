"""Cases 79 and 80: creations that take long, and connections that close right after an answer."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import trustme

from pixxel_async import (
    AoiDownload,
    CatalogDownload,
    InsightDownload,
    JobDownload,
    Limits,
    PixxelClient,
    PixxelError,
    RetryPolicy,
    TaskDownload,
    Timeouts,
    TransportError,
)
from pixxel_async.cli.client_factory import client_of
from pixxel_async.cli.options.export import RunOptions
from pixxel_async.cli.options.service import ServiceOptions
from pixxel_async.downloads import Download

from ..cli.commands import run
from ..http.script import Script
from ..http.tls_stand import API_HOST, ConnectProxy, bundle
from ..socket_server import SocketServer
from ..support import QUICK_RETRY
from .services import JsonService, said

CREATIONS = 150
CLOSES_AFTER_S = 0.02
STALE = 5
PENDING = {"id": "d1", "download_id": "d1", "status": "processing"}
ALL_KINDS: tuple[Download, ...] = (
    AoiDownload(aoi_id="a", asset_ids=["s"]),
    CatalogDownload(catalog_ids=["c"]),
    InsightDownload(aoi_id="a", insight_id="i"),
    JobDownload(workflow_id="w", job_id="j"),
    TaskDownload(workflow_id="w", job_id="j", task_id="t"),
)


def slow(seconds: float) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
    async def step(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(seconds)
        return httpx.Response(200, json="pong" if request.url.path == "/ping" else PENDING)

    return step


def client_over(script: Script, **parts: Any) -> PixxelClient:
    parts = {"retry": QUICK_RETRY, **parts}
    return PixxelClient("key", http_client=httpx.AsyncClient(transport=script), **parts)


@pytest.mark.fault(79)
@pytest.mark.looptime
@pytest.mark.parametrize("download", ALL_KINDS, ids=lambda download: download.kind)
@pytest.mark.parametrize("seconds", [65.0, 299.0])
async def test_a_creation_that_takes_long_is_sent_once(download: Download, seconds: float) -> None:
    script = Script(slow(seconds))
    async with client_over(script) as client:
        package = await client._api.create(download)
    assert package.status_word == "processing"
    assert len(script.requests) == 1


@pytest.mark.fault(79)
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("timeouts", "limit_s"),
    [
        (Timeouts(), 300),
        (Timeouts(answer_s=400), 400),
        (Timeouts(answer_s=400, creation_s=20), 20),
        (Timeouts(creation_s=900), 900),
    ],
)
async def test_a_creation_that_does_not_end_is_given_up_with_the_remedy(
    timeouts: Timeouts, limit_s: float
) -> None:
    script = Script(slow(10_000))
    once = RetryPolicy(attempts=1, recreate=0)
    async with client_over(script, retry=once, timeout=timeouts) as client:
        began = anyio.current_time()
        with pytest.raises(TransportError) as caught:
            await client.aois.create_download("a", ["s"])
    assert anyio.current_time() - began == pytest.approx(limit_s, abs=0.1)
    assert f"no complete answer to AOICreateDownload within {limit_s} s" in str(caught.value)
    assert "--answer-timeout" in str(caught.value)


@pytest.mark.fault(79)
@pytest.mark.looptime
@pytest.mark.parametrize(("answer_s", "sent"), [(60, 6), (120, 1)])
async def test_other_calls_keep_to_the_answer_timeout(answer_s: float, sent: int) -> None:
    script = Script(slow(65))
    async with client_over(script, timeout=Timeouts(answer_s=answer_s)) as client:
        if sent == 1:
            await client.ping()
        else:
            with pytest.raises(TransportError, match="within 60 s"):
                await client.ping()
    assert len(script.requests) == sent


@pytest.mark.fault(79)
async def test_a_slow_creation_is_awaited_over_a_socket() -> None:
    """Longer than an ordinary answer may take, and over a connection of our own."""

    async def respond(_service: JsonService, _method: str, _path: str) -> bytes:
        await asyncio.sleep(0.5)
        return said(**PENDING)

    async with JsonService(respond) as service:
        timeout = Timeouts(answer_s=0.1)
        async with PixxelClient("key", base_url=service.url, timeout=timeout) as client:
            await asyncio.gather(
                client.aois.create_download("a", ["s"]), client.jobs.create_download("w", "j")
            )
        assert len(service.calls) == 2


@pytest.mark.fault(79)
async def test_the_answer_timeout_is_an_option_a_variable_and_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXXEL_API_KEY", "a-key-of-a-test")
    async with client_of(RunOptions(out=tmp_path, answer_timeout=7)) as client:
        assert client._service._timeouts == Timeouts(answer_s=7)
    async with client_of(ServiceOptions()) as client:
        assert client._service._timeouts == Timeouts()
    monkeypatch.setenv("PIXXEL_ANSWER_TIMEOUT", "90")
    async with PixxelClient.from_env() as client:
        assert client._service._timeouts.answer_s == 90
    monkeypatch.setenv("PIXXEL_ANSWER_TIMEOUT", "none")
    told = run("auth", "status")
    assert told.exit_code == 2
    assert "PIXXEL_ANSWER_TIMEOUT" in told.stderr
    assert "Traceback" not in told.stderr
    refused = run("export", "m.jsonl", "--out", "out", "--answer-timeout", "0")
    assert refused.exit_code == 2
    assert "above 0" in refused.stderr


async def create_many(client: PixxelClient, *, at_once: int) -> list[BaseException]:
    """Make many AOI creations, and return what went wrong."""
    failed: list[BaseException] = []
    numbers = iter(range(CREATIONS))

    async def work() -> None:
        for number in numbers:
            try:
                await client.aois.create_download(f"a{number}", ["s"])
            except PixxelError as error:
                failed.append(error)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())
    return failed


async def respond_at_once(_service: JsonService, _method: str, _path: str) -> bytes:
    return said(**PENDING)


@pytest.mark.fault(80)
@pytest.mark.parametrize("closes_after_s", [0.0, 0.001, CLOSES_AFTER_S])
@pytest.mark.parametrize("at_once", [1, 8])
async def test_no_creation_is_lost_to_a_connection_that_closes_after_an_answer(
    at_once: int, closes_after_s: float
) -> None:
    async with JsonService(respond_at_once, closes_after_s=closes_after_s) as service:
        async with PixxelClient(
            "key",
            base_url=service.url,
            proxy="direct",
            retry=QUICK_RETRY,
            limits=Limits(requests_per_second=2000),
        ) as client:
            assert await create_many(client, at_once=at_once) == []
        paths = [path for _, path in service.calls]
    assert len(paths) == len(set(paths)) == CREATIONS


@pytest.mark.fault(80)
async def test_creations_and_polls_side_by_side_are_not_lost_either() -> None:
    """A poll may find its connection closed, and is sent again at once; a creation never is."""
    async with JsonService(respond_at_once, closes_after_s=CLOSES_AFTER_S) as service:
        async with PixxelClient(
            "key",
            base_url=service.url,
            proxy="direct",
            retry=RetryPolicy(attempts=1),  # that the connection was closed is no failure
            limits=Limits(requests_per_second=2000),
        ) as client:

            async def poll() -> None:
                for number in range(CREATIONS):
                    await client.jobs.create_download("w", str(number))

            async with asyncio.TaskGroup() as tasks:
                for _ in range(3):
                    tasks.create_task(poll())
                assert await create_many(client, at_once=4) == []
        assert service.count("POST") == CREATIONS
        assert 3 * CREATIONS <= service.count("PUT") <= 2 * 3 * CREATIONS


class SecureService(JsonService):
    """A service with a certificate."""

    def __init__(self, cert: trustme.LeafCert, *, closes_after_s: float) -> None:
        super().__init__(respond_at_once, closes_after_s=closes_after_s)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        cert.configure_cert(self._context)


@pytest.mark.fault(80)
@pytest.mark.parametrize("is_proxied", [False, True], ids=["direct", "through a proxy"])
async def test_over_tls_and_through_a_proxy_no_creation_is_lost_either(
    tmp_path: Path,
    is_proxied: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    ca = trustme.CA()
    cert = ca.issue_cert(API_HOST, "localhost")
    async with (
        SecureService(cert, closes_after_s=CLOSES_AFTER_S) as service,
        ConnectProxy({API_HOST: service.port}) as proxy,
        PixxelClient(
            "key",
            base_url=f"https://{API_HOST}" if is_proxied else f"https://localhost:{service.port}",
            proxy=proxy.url if is_proxied else "direct",
            ca_bundle=bundle(ca, tmp_path),
            retry=QUICK_RETRY,
            limits=Limits(requests_per_second=2000),
        ) as client,
    ):
        assert await create_many(client, at_once=8) == []
        assert service.count("POST") == CREATIONS


@pytest.mark.fault(80)
async def test_a_new_connection_that_is_lost_is_no_stale_one() -> None:
    """The creation may have been carried out: it is sent again as a lost one, and bounded."""

    async def respond(service: JsonService, _method: str, _path: str) -> bytes:
        if len(service.calls) == 1:
            raise ConnectionError
        return said(**PENDING)

    async with JsonService(respond) as service:
        once = RetryPolicy(initial_s=0.01, recreate=0)
        async with PixxelClient("key", base_url=service.url, retry=once) as client:
            with pytest.raises(TransportError) as caught:
                await client.aois.create_download("a", ["s"])
            assert caught.value.sent
        assert len(service.calls) == 1


class OnceEach(SocketServer):
    """Answers the first request of a connection, and closes or resets it on the second."""

    def __init__(self, *, resets: bool) -> None:
        self.requests = 0
        self._resets = resets
        self._all_connected = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            if self.requests == STALE:
                self._all_connected.set()
            await self._all_connected.wait()  # so that each has a connection of its own
            writer.write(said(**PENDING))
            await reader.readuntil(b"\r\n\r\n")
            if self._resets:
                end_with_reset(writer)


def end_with_reset(writer: asyncio.StreamWriter) -> None:
    endpoint: socket.socket = writer.get_extra_info("socket")
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.fault(80)
@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("is_users", [False, True], ids=["our client", "a user's client"])
async def test_a_call_goes_past_all_the_connections_that_the_service_has_closed(
    *, resets: bool, is_users: bool
) -> None:
    async with OnceEach(resets=resets) as service, httpx.AsyncClient() as users:
        async with PixxelClient(
            "key",
            base_url=service.url,
            retry=RetryPolicy(attempts=1),
            limits=Limits(requests=STALE, requests_per_second=2000),
            http_client=users if is_users else None,
        ) as client:
            async with asyncio.TaskGroup() as tasks:
                for number in range(STALE):
                    tasks.create_task(client.jobs.create_download("w", str(number)))
            for number in range(STALE):
                await client.jobs.create_download("w", str(number))
