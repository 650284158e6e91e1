"""Opening and closing: ports, threads, and the server that runs until it is cancelled."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from pixxel_async.sandbox import (
    Sandbox,
    Scenario,
    StorageFault,
    sandbox_in_thread,
    serve,
)

from ..support import PATIENCE_S
from .raw import fetch, read_head, sent
from .stand import AT_ONCE, stand

THREAD = "pixxel-async sandbox"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as was_free:
        return int(was_free.getsockname()[1])


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    return True


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Read until the connection ends, in whatever way."""
    found = b""
    try:
        while piece := await reader.read(1 << 20):
            found += piece
    except ConnectionError:
        pass
    return found


async def test_two_ports_listen_while_it_is_open_and_not_after() -> None:
    sandbox = Sandbox()
    async with sandbox as entered:
        assert entered is sandbox
        ports = {port_of(sandbox.api_url), port_of(sandbox.storage_url)}
        assert len(ports) == 2
        assert all(listens(port) for port in ports)
    assert not any(listens(port) for port in ports)


async def test_wished_ports_are_taken_and_freed() -> None:
    api_port, storage_port = free_port(), free_port()
    for _ in range(2):
        async with Sandbox(api_port=api_port, storage_port=storage_port) as sandbox:
            assert port_of(sandbox.api_url) == api_port
            assert port_of(sandbox.storage_url) == storage_port


async def test_a_taken_api_port_is_an_os_error_and_nothing_listens(taken_port: int) -> None:
    storage_port = free_port()
    with pytest.raises(OSError, match="address already in use"):
        await Sandbox(api_port=taken_port, storage_port=storage_port).__aenter__()
    assert not listens(storage_port)


async def test_a_taken_storage_port_is_an_os_error_and_nothing_listens(taken_port: int) -> None:
    api_port = free_port()
    with pytest.raises(OSError, match="address already in use"):
        await Sandbox(api_port=api_port, storage_port=taken_port).__aenter__()
    assert not listens(api_port)


async def test_it_listens_on_ipv6_too() -> None:
    async with Sandbox(host="::1") as sandbox:
        assert sandbox.api_url.startswith("http://[::1]:")
        assert (await fetch(f"{sandbox.api_url}/ping")).document == "pong"


async def test_leaving_breaks_what_is_under_way_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with stand(faults=(StorageFault("stall"),)) as it:
        async with sent(await it.url()) as reader:
            _, headers = await read_head(reader)
            await it.sandbox.__aexit__(None, None, None)
            assert len(await rest(reader)) < int(headers["content-length"])
    assert asyncio.all_tasks() == before


def test_a_thread_of_its_own_serves_code_without_a_loop() -> None:
    with sandbox_in_thread(Scenario(packaging=AT_ONCE, api_key="k-1")) as sandbox:
        assert THREAD in {thread.name for thread in threading.enumerate()}
        assert sandbox.api_key == "k-1"
        with httpx.Client(trust_env=False, headers={"Authorization": "k-1"}) as http:
            made = http.put(f"{sandbox.api_url}/v0/workflows/w/jobs/j/download").json()
            assert http.get(f"{sandbox.api_url}/ping").json() == "pong"
        assert made["status"] == "ready"
        assert sandbox.counts == {"downloadJob": 1, "ping": 1}
        ports = {port_of(sandbox.api_url), port_of(sandbox.storage_url)}
    assert not any(listens(port) for port in ports)
    assert THREAD not in {thread.name for thread in threading.enumerate()}


def test_an_error_within_the_context_ends_the_thread() -> None:
    urls: list[str] = []

    def fail() -> None:
        with sandbox_in_thread() as sandbox:
            urls.append(sandbox.api_url)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not listens(port_of(urls[0]))
    assert THREAD not in {thread.name for thread in threading.enumerate()}


def test_an_error_while_opening_comes_out_of_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_port(_sandbox: Sandbox) -> Sandbox:
        raise OSError(98, "address already in use")

    monkeypatch.setattr(Sandbox, "__aenter__", no_port)
    with pytest.raises(OSError, match="address already in use"), sandbox_in_thread():
        raise AssertionError
    assert THREAD not in {thread.name for thread in threading.enumerate()}


async def test_serve_announces_once_and_ends_when_it_is_cancelled() -> None:
    announced: asyncio.Queue[Sandbox] = asyncio.Queue()
    task = asyncio.create_task(
        serve(Scenario(seed=5), api_port=0, storage_port=0, announce=announced.put_nowait)
    )
    sandbox = await announced.get()
    assert sandbox.scenario.seed == 5
    assert (await fetch(f"{sandbox.api_url}/ping")).document == "pong"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert announced.empty()
    assert not listens(port_of(sandbox.api_url))
    assert not listens(port_of(sandbox.storage_url))


async def test_serve_on_a_taken_port_is_an_os_error_without_an_announcement(
    taken_port: int,
) -> None:
    announced: list[Sandbox] = []
    with pytest.raises(OSError, match="address already in use"):
        await serve(api_port=taken_port, storage_port=0, announce=announced.append)
    assert announced == []


async def test_neither_a_client_that_leaves_nor_the_end_is_logged_as_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # One request that waits for its body, and one that waits for its answer.
    slow = Scenario(answer_delay_s=60)
    async with Sandbox(slow) as sandbox:
        port = port_of(sandbox.api_url)
        _, leaving = await asyncio.open_connection("127.0.0.1", port)
        leaving.write(
            b"POST /v0/catalogs/download HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
        )
        await leaving.drain()
        _, staying = await asyncio.open_connection("127.0.0.1", port)
        staying.write(b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n")
        await staying.drain()
        for _ in range(100):  # turns of the loop, so that both requests are being served
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 3
        leaving.close()
        await leaving.wait_closed()
    staying.close()
    assert [record.getMessage() for record in caplog.records] == []
