"""Storage clients over our own connections, targets for bodies, and a look at what is left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Self

import psutil
from pydantic import SecretBytes, SecretStr

from pixxel_async import Timeouts
from pixxel_async.sansio.routes import Routes
from pixxel_async.transport.answers import PouredAnswer
from pixxel_async.transport.channel import Channel
from pixxel_async.transport.exchange import AtOnce, Exchange
from pixxel_async.transport.pool import Origin
from pixxel_async.transport.reactor import Reactor
from pixxel_async.transport.routed import RoutedTransport
from pixxel_async.transport.storage import StorageClient, leave_open
from pixxel_async.transport.target import Target, Throttle

from ..support import PATIENCE_S
from .bodies import Found, whole_body
from .scripted_server import Scripted, Way

SIGNATURE = "canary-signature"


@asynccontextmanager
async def storage_client(
    *, keep_alive: int = 4, connect_s: float = PATIENCE_S
) -> AsyncIterator[StorageClient]:
    """Give a client that speaks as the test's way says, and close it."""
    transport = RoutedTransport(Routes(), Way.client, keep_alive=keep_alive)
    storage = StorageClient(transport, timeouts=Timeouts(connect_s=connect_s))
    try:
        yield storage
    finally:
        await transport.aclose()
        storage.close()
        storage.close()


def url_of(server: Scripted) -> SecretStr:
    return SecretStr(f"{server.url}/a?sig={SIGNATURE}")


async def answer_of(
    storage: StorageClient,
    server: Scripted,
    *,
    at_once: AtOnce = leave_open,
    throttle: Throttle | None = None,
) -> PouredAnswer:
    """Send a GET; whoever asks closes the answer."""
    answer = await storage.get(url_of(server), {}, at_once=at_once, throttle=throttle)
    assert isinstance(answer, PouredAnswer)
    return answer


async def get(
    storage: StorageClient, server: Scripted, *, throttle: Throttle | None = None
) -> bytes:
    """Send a GET, say where its body goes when the head is there, and return it."""
    async with await answer_of(storage, server, throttle=throttle) as answer:
        return await whole_body(answer)


async def get_at_once(
    storage: StorageClient, server: Scripted, *, throttle: Throttle | None = None
) -> bytes:
    """Send a GET whose body goes where it belongs without a word from the event loop."""
    found = Found()
    async with await answer_of(storage, server, at_once=into(found), throttle=throttle) as answer:
        assert await answer.poured()
    return bytes(found.data)


def into(target: Target) -> AtOnce:
    """Let a body go into a target at once."""

    def at_once(_: Exchange) -> Target:
        return target

    return at_once


class Pieces:
    """A throttle that holds nothing back, and lets no more come at once than it is told."""

    def __init__(self, piece_bytes: int) -> None:
        self.piece_bytes = piece_bytes

    def take(self, count: int) -> float:
        assert count <= self.piece_bytes
        return 0.0


class Blocked(Found):
    """A target that blocks its thread, as a slow disk does, from its first bytes until it is freed.

    Attributes:
        is_entered: Set while it blocks.
        free: Frees it.
        thread: Whom it blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_entered = threading.Event()
        self.free = threading.Event()
        self.thread: threading.Thread | None = None

    def write(self, data: memoryview) -> None:
        self.thread = threading.current_thread()
        self.is_entered.set()
        assert self.free.wait(2 * PATIENCE_S)
        super().write(data)

    async def entered(self) -> None:
        await until(self.is_entered.is_set)


async def until(is_so: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Wait until something is so of which nobody tells."""
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
        threads: Those of reactors.
        tasks: Those of the event loop, but for the one that looks.
    """

    descriptors: int
    threads: int
    tasks: int

    @classmethod
    def now(cls) -> Self:
        process = psutil.Process()
        threads = [each for each in threading.enumerate() if each.name == "pixxel-reactor"]
        return cls(
            process.num_fds(),
            len(threads),
            len(asyncio.all_tasks() - {asyncio.current_task()}),
        )

    def is_no_more_than(self, other: Left) -> bool:
        return (
            self.descriptors <= other.descriptors
            and self.threads <= other.threads
            and self.tasks <= other.tasks
        )


@asynccontextmanager
async def channel_to(server: Scripted) -> AsyncIterator[Channel]:
    """Connect to a server."""
    origin = Origin(is_tls=Way.server is not None, host="127.0.0.1", port=server.port)
    channels = RoutedTransport(Routes(), Way.client, keep_alive=0).channels_to(origin)
    assert channels is not None
    channel = await channels.connect(origin, 5)
    try:
        yield channel
    finally:
        channel.close()


@contextmanager
def reactor() -> Iterator[Reactor]:
    """Give a reactor, and end it."""
    made = Reactor()
    try:
        yield made
    finally:
        made.close()


MESSAGE = SecretBytes(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")


@contextmanager
def held_up(by: Reactor) -> Iterator[None]:
    """Let a reactor's thread do nothing for a while."""
    goes_on = threading.Event()

    def wait() -> None:
        goes_on.wait(10)

    by.submit(wait)
    try:
        yield
    finally:
        goes_on.set()
