"""Retries have a bound, and nothing is sent for an export that has ended."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pycurl
import pytest
from pydantic import SecretStr

from pixxel_async import AuthenticationError, Limits, PixxelClient, Report, events
from pixxel_async.errors import ConnectionBrokenError
from pixxel_async.export.export import Export
from pixxel_async.http.circuit_breaker import CircuitBreaker, News
from pixxel_async.http.curl_response import CurlResponse
from pixxel_async.http.engines import Engine
from pixxel_async.sandbox import Sandbox, Scenario
from pixxel_async.sansio.resilience.circuit_breaker import FAILURES
from pixxel_async.transfer.concurrency_limiter import ConcurrencyLimiter
from pixxel_async.transfer.errors import RetryableError

from ..socket_server import SocketServer
from ..support import LOCAL_URL, QUICK_POLL, QUICK_RETRY, client_of, final_files, some_downloads
from .scripted import WHOLE_ANSWER, jobs

ONE = Limits(fetches=1, requests_per_second=2000)


async def until(is_so: Callable[[], object]) -> None:
    """Give other tasks turns until something is so; the limit is that of a test."""
    while not is_so():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)


@asynccontextmanager
async def waiting_for_a_slot(
    client: PixxelClient, folder: Path, *, held: int = 1
) -> AsyncIterator[Export]:
    """Run an export whose transfers wait for slots that the test holds; connections are there."""
    slots: ConcurrencyLimiter = client._exporter.resources.slots
    async with client.export(some_downloads(4, seed=2), folder / "earlier") as export:
        await export.finish()
    for _ in range(held):
        await slots.__aenter__()
    async with client.export(some_downloads(2 * held), folder) as export:
        await until(lambda: len(slots._semaphore._waiters) == held)
        yield export


@pytest.mark.fault(68)
@pytest.mark.parametrize("first", ["the slot", "the end"])
async def test_a_slot_that_is_free_when_the_export_ends_sends_nothing(
    tmp_path: Path, first: str
) -> None:
    async with Sandbox() as sandbox, client_of(sandbox, limits=ONE) as client:
        async with waiting_for_a_slot(client, tmp_path) as export:
            sandbox.gets.clear()
            if first == "the end":
                export.interrupt()
            await client._exporter.resources.slots.__aexit__()
            if first == "the slot":
                export.interrupt()
            report = await export.finish()
        assert (sandbox.gets, report.left) == ([], 2)
        assert client._exporter.resources.slots.has_room
        report = await finish(client, tmp_path)  # the slot is free again
        assert report.is_complete


async def finish(client: PixxelClient, folder: Path) -> Report:
    async with client.export(some_downloads(2), folder) as export:
        return await export.finish()


@pytest.mark.fault(68)
async def test_a_slot_that_is_free_after_the_key_was_rejected_sends_nothing(tmp_path: Path) -> None:
    async with Sandbox() as sandbox, client_of(sandbox, limits=ONE) as client:
        async with waiting_for_a_slot(client, tmp_path) as export:
            sandbox.gets.clear()
            rejected = AuthenticationError("bad key", status=401, operation="PutJob")
            assert export._running is not None
            pipeline = export._running.pipeline
            stopping = asyncio.create_task(pipeline._stop(rejected))
            await stopping
            await client._exporter.resources.slots.__aexit__()
            report = await export.finish()
        assert sandbox.gets == []
        assert len(report.failed) == 2
        assert {type(failed.error) for failed in report.failed} == {AuthenticationError}


@pytest.mark.fault(68)
async def test_slots_that_are_free_after_the_host_began_to_fail_let_one_request_try_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    went_well = CircuitBreaker._went_well

    def noted(guard: CircuitBreaker) -> News | None:
        if guard.is_failing:
            asked.append(len(sandbox.gets))
        return went_well(guard)

    monkeypatch.setattr(CircuitBreaker, "_went_well", noted)
    limits = Limits(fetches=4, requests_per_second=2000)
    async with Sandbox() as sandbox, client_of(sandbox, limits=limits) as client:
        async with waiting_for_a_slot(client, tmp_path, held=4) as export:
            sandbox.gets.clear()
            guard = client._exporter.resources.hosts.of(SecretStr(f"{sandbox.storage_url}/x"))
            refused = RetryableError(ConnectionBrokenError("refused"))
            for _ in range(FAILURES):
                guard.ended(refused, is_try=False)
            assert guard.is_failing
            for _ in range(4):
                await client._exporter.resources.slots.__aexit__()
            assert (await export.finish()).is_complete
    assert asked == [1]


class Stale(SocketServer):
    """A storage whose connections die when they are used a second time."""

    def __init__(self) -> None:
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            for said in (WHOLE_ANSWER, b""):
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                writer.write(said)
                await writer.drain()
        writer.close()


@pytest.mark.fault(68)
@pytest.mark.parametrize("engine", [Engine.LIBCURL, Engine.HTTPX])
async def test_a_storage_whose_kept_connections_are_all_stale_gets_two_requests_a_package(
    tmp_path: Path, engine: Engine
) -> None:
    async with Stale() as storage:

        def ready(request: httpx.Request) -> httpx.Response:
            job = request.url.path.split("/")[-2]
            url = f"{storage.url}/{job}.zip?sig=00"
            return httpx.Response(200, json={"id": job, "status": "ready", "signed_url": url})

        async with PixxelClient(
            "key",
            base_url=LOCAL_URL,
            retry=QUICK_RETRY,
            poll=QUICK_POLL,
            limits=Limits(fetches=8, requests_per_second=2000),
            http_client=httpx.AsyncClient(transport=httpx.MockTransport(ready)),
            engine=engine,
        ) as client:
            for number in range(3):
                async with client.export(jobs(24), tmp_path / str(number)) as export:
                    report = await export.finish()
                assert report.is_complete
                assert report.interrupted == 0
    assert storage.requests <= 2 * 3 * 24


class Connects:
    """Decides what becomes of each connect: refused at first, then out of descriptors.

    Attributes:
        count: How many there were.
    """

    def __init__(self, *, refused: int, short: int) -> None:
        self.count = 0
        self._refused = refused
        self._short = short

    def failure(self) -> OSError | None:
        """Count a connect, and return how it fails."""
        self.count += 1
        if self.count <= self._refused:
            return ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        if self.count <= self._refused + self._short:
            return OSError(errno.EMFILE, "too many open files")
        return None


def connect_by(connects: Connects, monkeypatch: pytest.MonkeyPatch, *, port: int) -> None:
    """Let the connects of both libraries to a port fail so."""
    by_curl: Any = CurlResponse._open_socket
    by_httpcore: Any = anyio.connect_tcp

    def open_socket(response: CurlResponse, purpose: int, address: Any) -> Any:
        failure = connects.failure() if address.addr[1] == port else None
        if failure is None:
            return by_curl(response, purpose, address)
        if failure.errno == errno.EMFILE:
            response._shortage = failure
        return pycurl.SOCKET_BAD

    async def connect_tcp(*, remote_port: int, **others: Any) -> Any:
        failure = connects.failure() if remote_port == port else None
        if failure is not None:
            raise failure
        return await by_httpcore(remote_port=remote_port, **others)

    monkeypatch.setattr(CurlResponse, "_open_socket", open_socket)
    monkeypatch.setattr(anyio, "connect_tcp", connect_tcp)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.fault(67)
@pytest.mark.parametrize("engine", [Engine.LIBCURL, Engine.HTTPX])
async def test_a_host_that_was_never_asked_for_want_of_descriptors_is_not_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    """The storage refuses; then no descriptors are left; only its first answer means recovery."""
    names: list[str] = []
    connects = Connects(refused=FAILURES + 2, short=6)
    async with (
        Sandbox(Scenario(package_bytes=4096)) as sandbox,
        client_of(sandbox, engine=engine) as client,
    ):
        connect_by(connects, monkeypatch, port=port_of(sandbox.storage_url))
        async with client.export(some_downloads(12), tmp_path) as export:
            async for event in export:
                names.append(type(event).__name__)
                if isinstance(event, events.HostRecovered):
                    names.append(f"answered {bool(sandbox.gets)}")
        assert export.report.is_complete
    assert connects.count > FAILURES + 8
    assert names.count("HostFailed") == names.count("HostRecovered") == 1
    assert "answered True" in names
    assert len(final_files(tmp_path)) == 12


@pytest.mark.fault(67)
async def test_a_service_that_was_never_asked_for_want_of_descriptors_does_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connects = Connects(refused=0, short=FAILURES + 1)
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        connect_by(connects, monkeypatch, port=port_of(sandbox.api_url))
        async with client.export(some_downloads(40), tmp_path) as export:
            names = {type(event).__name__ async for event in export}
    assert export.report.is_complete
    assert connects.count > FAILURES + 1
    assert "HostFailed" not in names
    assert "HostRecovered" not in names
