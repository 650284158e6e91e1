"""What holds bodies back: nothing comes before its time, and what waits can be cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from pixxel_async.transfer.bandwidth_limiter import Bandwidth

from .scripted_server import BODY, CHUNKED, CLOSE, LONG, UNTIL_CLOSE, Answer, Server
from .storages import (
    Found,
    get,
    get_at_once,
    response_of,
    storage_client,
    until,
)

pytestmark = pytest.mark.usefixtures("engine", "way", "nothing_left")

Get = Callable[..., Awaitable[bytes]]


class Metronome:
    """Lets nothing come for a while after each piece.

    Attributes:
        came: How many bytes came at once, each time.
        early: How often bytes came before their time.
    """

    def __init__(self, chunk_bytes: int, delay_s: float) -> None:
        self.chunk_bytes = chunk_bytes
        self.came: list[int] = []
        self.early = 0
        self._delay_s = delay_s
        self._next_at = float("-inf")

    def take(self, count: int) -> float:
        now = time.monotonic()
        self.early += now < self._next_at
        self.came.append(count)
        self._next_at = now + self._delay_s
        return self._delay_s


@pytest.mark.parametrize("get", [get, get_at_once])
@pytest.mark.parametrize(
    "answer",
    [[LONG], [CHUNKED], [UNTIL_CLOSE, CLOSE]],
    ids=["length", "chunks", "until close"],
)
@pytest.mark.parametrize("chunk_bytes", [100, 10_000])
async def test_nothing_comes_before_its_time(get: Get, answer: Answer, chunk_bytes: int) -> None:
    throttle = Metronome(chunk_bytes, 0.01)
    async with Server(answer) as server, storage_client() as storage:
        assert await get(storage, server, bandwidth=throttle) == BODY
    assert throttle.early == 0
    assert sum(throttle.came) == len(BODY)


async def test_the_limit_of_an_export_holds_for_all_transfers_together() -> None:
    body = bytes(150_000)
    answer = [LONG.replace(b"%d" % len(BODY), b"%d" % len(body)).replace(BODY, body)]
    limit = 500_000
    async with Server(answer, answer, answer) as server, storage_client() as storage:
        throttle, began = Bandwidth(limit), time.monotonic()
        gets = (get(storage, server, bandwidth=throttle) for _ in range(3))
        assert await asyncio.gather(*gets) == [body] * 3
        took_s = time.monotonic() - began
    # A quarter of a second's worth may come at once, and each transfer's last piece counts later.
    assert took_s >= (3 * len(body) - limit / 4 - 3 * throttle.chunk_bytes) / limit


@pytest.mark.parametrize("at_once", [False, True])
async def test_who_is_held_back_can_be_cancelled(at_once: bool) -> None:  # noqa: FBT001 - a case
    throttle = Metronome(10, 3600)
    async with Server([LONG[:-1]], [LONG]) as server, storage_client() as storage:
        use = (get_at_once if at_once else get)(storage, server, bandwidth=throttle)
        task = asyncio.ensure_future(use)
        await until(lambda: bool(throttle.came))
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.wait_for(server.ended.wait(), 5)
        assert await get(storage, server) == BODY
    assert len(throttle.came) == 1


async def test_a_transfer_is_paused_until_it_has_a_writer_and_while_it_is_throttled() -> None:
    throttle = Metronome(10, 3600)
    async with Server([LONG[:-1]], [LONG[:-1]]) as server, storage_client() as storage:
        async with await response_of(storage, server, bandwidth=throttle) as answer:
            assert answer.is_paused(time.monotonic(), 1)
            answer.start_receiving(Found())
            await until(lambda: answer.received > 0 and answer.is_paused(time.monotonic(), 1))
        async with await response_of(storage, server) as answer:
            answer.start_receiving(Found())
            await until(lambda: answer.received == len(BODY) - 1)
            assert not answer.is_paused(time.monotonic(), 1)
