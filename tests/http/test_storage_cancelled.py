"""Cancellation of GETs to the storage: at each wait, in both ways, once and twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pixxel_async.http.storage_client import StorageClient

from .scripted_server import BODY, LONG, OK, Scripted, Server
from .storages import (
    Blocked,
    get,
    into,
    response_of,
    some_turns,
    storage_client,
    whole_body,
)

pytestmark = pytest.mark.usefixtures("engine", "way", "nothing_left")

MUCH = OK + b"Content-Length: 1000000\r\n\r\n" + bytes(999_999)
"""Most of a body, and more than is gathered before it is written."""


async def pour_into_blocked(storage: StorageClient, server: Scripted, blocked: Blocked) -> None:
    async with await response_of(storage, server) as answer:
        answer.start_receiving(blocked)
        await answer.wait()


async def pour_at_once(storage: StorageClient, server: Scripted, blocked: Blocked) -> None:
    await response_of(storage, server, choose_writer=into(blocked))


async def close_early(storage: StorageClient, server: Scripted, blocked: Blocked) -> None:
    async with await response_of(storage, server) as answer:
        answer.start_receiving(blocked)
        await blocked.entered()


ClientLifetime = Callable[[StorageClient, Scripted, Blocked], Awaitable[None]]


@pytest.mark.fault(38)
@pytest.mark.parametrize("use", [pour_into_blocked, pour_at_once, close_early])
@pytest.mark.parametrize("times", [1, 3])
async def test_who_is_cancelled_waits_for_what_is_being_written(
    use: ClientLifetime, times: int
) -> None:
    async with Server([MUCH], [LONG]) as server, storage_client() as storage:
        blocked = Blocked()
        task = asyncio.ensure_future(use(storage, server, blocked))
        await blocked.entered()
        for _ in range(times):
            await some_turns()
            task.cancel()
        await some_turns()
        assert not task.done()
        blocked.free.set()
        await asyncio.wait([task])
        assert task.cancelled()
        written = len(blocked.data)
        await asyncio.wait_for(server.ended.wait(), 5)
        assert await get(storage, server) == BODY
        assert len(blocked.data) == written
        assert server.connections == 2


async def test_an_answer_that_is_closed_twice_gives_its_connection_back_once() -> None:
    async with Server([LONG], [LONG], [LONG]) as server, storage_client() as storage:
        async with await response_of(storage, server) as first:
            assert await whole_body(first) == BODY
        async with await response_of(storage, server) as second:
            await first.aclose()
            assert await get(storage, server) == BODY  # on a channel of its own
            assert await whole_body(second) == BODY
        assert server.connections == 2
