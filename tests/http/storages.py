"""Storage clients over both engines, writers for bodies, and what a test may leave behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import anyio.to_thread
import httpx
import psutil
from pydantic import SecretStr

from pixxel_async import Timeouts
from pixxel_async.http.engines import storage_engine
from pixxel_async.http.httpx_engine import HttpxEngine
from pixxel_async.http.storage_client import WITH_LOOPBACK, StorageClient, choose_later
from pixxel_async.http.storage_response import (
    BandwidthLimiter,
    BodyWriter,
    ChooseWriter,
    StorageResponse,
)
from pixxel_async.http.tls import Certificates
from pixxel_async.sansio.api.proxy_rules import Routes

from .scripted_server import Scripted, Way

SIGNATURE = "canary-signature"


@asynccontextmanager
async def storage_client(
    *, connect_s: float = 30, proxy: str | None = None
) -> AsyncIterator[StorageClient]:
    """Give a client over the engine of the test, and close it twice."""
    storage = StorageClient(
        storage_engine(
            Way.engine,
            client=None,
            certificates=Certificates(file=Way.ca_file),
            timeouts=Timeouts(connect_s=connect_s),
            addresses=WITH_LOOPBACK,
        ),
        Routes({} if proxy is None else {"all": SecretStr(proxy)}),
    )
    try:
        yield storage
    finally:
        await storage.aclose()
        await storage.aclose()


def scripted_client(script: httpx.AsyncBaseTransport) -> StorageClient:
    """Return a storage client over no network at all."""
    client = httpx.AsyncClient(transport=script)
    engine = HttpxEngine(
        lambda *_: client, timeouts=Timeouts(), addresses=WITH_LOOPBACK, closes=False
    )
    return StorageClient(engine, Routes())


class Found:
    """Keeps what is written into it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: memoryview) -> None:
        self.data += data

    async def take(self, data: memoryview) -> None:
        await anyio.to_thread.run_sync(self.write, data)  # which waits when it is cancelled


async def whole_body(response: StorageResponse) -> bytes:
    """Read a body to its end."""
    found = Found()
    response.start_receiving(found)
    assert await response.wait()
    return bytes(found.data)


def url_of(server: Scripted) -> SecretStr:
    return SecretStr(f"{server.url}/a?sig={SIGNATURE}")


async def response_of(
    storage: StorageClient,
    server: Scripted,
    *,
    choose_writer: ChooseWriter = choose_later,
    bandwidth: BandwidthLimiter | None = None,
) -> StorageResponse:
    """Send a GET; the caller closes the response."""
    return await storage.get(url_of(server), {}, choose_writer=choose_writer, bandwidth=bandwidth)


async def get(
    storage: StorageClient, server: Scripted, *, bandwidth: BandwidthLimiter | None = None
) -> bytes:
    """Send a GET, choose a writer when the headers are there, and return the body."""
    async with await response_of(storage, server, bandwidth=bandwidth) as response:
        return await whole_body(response)


async def get_at_once(
    storage: StorageClient, server: Scripted, *, bandwidth: BandwidthLimiter | None = None
) -> bytes:
    """Send a GET whose writer is chosen without asking the event loop, and return the body."""
    found = Found()
    async with await response_of(
        storage, server, choose_writer=into(found), bandwidth=bandwidth
    ) as response:
        assert response.is_complete
    return bytes(found.data)


def into(writer: BodyWriter) -> ChooseWriter:
    """Choose a writer at once."""

    def choose(_: StorageResponse) -> BodyWriter:
        return writer

    return choose


class Blocked(Found):
    """A writer that blocks its thread, like a slow disk, from its first bytes until it is freed.

    Attributes:
        is_entered: Set while it blocks.
        free: Frees it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_entered = threading.Event()
        self.free = threading.Event()

    def write(self, data: memoryview) -> None:
        self.is_entered.set()
        assert self.free.wait(60)
        super().write(data)

    async def entered(self) -> None:
        await until(self.is_entered.is_set)


async def until(is_so: Callable[[], bool], within_s: float = 60) -> None:
    """Wait for a condition of which no event tells."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110 - no event of the loop tells
            await asyncio.sleep(0.001)


async def some_turns(number: int = 20) -> None:
    """Let the event loop turn."""
    for _ in range(number):
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Left:
    """What a test may leave behind.

    Attributes:
        descriptors: How many are open.
        threads: Those of libcurl.
        tasks: Those of the event loop, but for the one that looks.
    """

    descriptors: int
    threads: int
    tasks: int

    @classmethod
    def now(cls) -> Self:
        threads = [each for each in threading.enumerate() if "libcurl" in each.name]
        return cls(
            psutil.Process().num_fds(),
            len(threads),
            len(asyncio.all_tasks() - {asyncio.current_task()}),
        )

    def is_no_more_than(self, other: Left) -> bool:
        return (
            self.descriptors <= other.descriptors
            and self.threads <= other.threads
            and self.tasks <= other.tasks
        )
