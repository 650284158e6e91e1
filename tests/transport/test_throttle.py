"""What holds bodies back: nothing comes before its time, and what waits can be cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from pixxel_async.engine.bandwidth import Bandwidth
from pixxel_async.transport.exchange import Exchange
from pixxel_async.transport.storage import leave_open

from ..support import PATIENCE_S
from .bodies import Found
from .scripted_server import BODY, CHUNKED, CLOSE, LONG, UNTIL_CLOSE, Answer, Server
from .storages import (
    MESSAGE,
    answer_of,
    channel_to,
    get,
    get_at_once,
    held_up,
    reactor,
    some_turns,
    storage_client,
    until,
)

pytestmark = pytest.mark.usefixtures("way", "nothing_left")

Get = Callable[..., Awaitable[bytes]]


class Metronome:
    """Lets nothing come for a while after each piece.

    Attributes:
        came: How many bytes came at once, each time.
        early: How often bytes came before their time.
    """

    def __init__(self, piece_bytes: int, delay_s: float) -> None:
        self.piece_bytes = piece_bytes
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
@pytest.mark.parametrize("piece_bytes", [100, 10_000])
async def test_nothing_comes_before_its_time(get: Get, answer: Answer, piece_bytes: int) -> None:
    throttle = Metronome(piece_bytes, 0.01)
    async with Server(answer) as server, storage_client() as storage:
        assert await get(storage, server, throttle=throttle) == BODY
    assert throttle.early == 0
    assert max(throttle.came) <= piece_bytes or get is not get_at_once
    assert sum(throttle.came) == len(BODY)


async def test_the_end_that_came_with_a_body_is_in_good_order_after_a_pause() -> None:
    goes_on = asyncio.Event()
    throttle = Metronome(10_000, 0.01)
    async with Server([goes_on, UNTIL_CLOSE, CLOSE]) as server, channel_to(server) as channel:
        with reactor() as by:
            exchange = Exchange(by, channel, MESSAGE, at_once=leave_open, throttle=throttle)
            answering = asyncio.ensure_future(exchange.answer())
            await server.asked.wait()
            with held_up(by):  # until head, body and end are there
                goes_on.set()
                await some_turns()
            await answering
            found = Found()
            exchange.begin_to_pour(found)
            assert await exchange.poured()
            assert found.data == BODY
            await exchange.aclose()


async def test_the_limit_of_an_export_holds_for_all_transfers_together() -> None:
    body = bytes(150_000)
    answer = [LONG.replace(b"%d" % len(BODY), b"%d" % len(body)).replace(BODY, body)]
    limit = 500_000
    async with Server(answer, answer, answer) as server, storage_client() as storage:
        throttle, began = Bandwidth(limit), time.monotonic()
        gets = (get(storage, server, throttle=throttle) for _ in range(3))
        assert await asyncio.gather(*gets) == [body] * 3
        took_s = time.monotonic() - began
    # A quarter of a second's worth may come at once, and each transfer's last piece counts later.
    assert took_s >= (3 * len(body) - limit / 4 - 3 * throttle.piece_bytes) / limit


@pytest.mark.parametrize("at_once", [False, True])
async def test_who_is_held_back_can_be_cancelled(at_once: bool) -> None:  # noqa: FBT001 - a case
    throttle = Metronome(10, 3600)
    async with Server([LONG], [LONG]) as server, storage_client() as storage:
        use = (get_at_once if at_once else get)(storage, server, throttle=throttle)
        task = asyncio.ensure_future(use)
        await until(lambda: bool(throttle.came))
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        assert await get(storage, server) == BODY
    assert throttle.came == [10]


async def test_a_transfer_that_is_held_back_is_held_up_by_us() -> None:
    throttle = Metronome(10, 3600)
    async with Server([LONG[:-1]]) as server, storage_client() as storage:
        async with await answer_of(storage, server, throttle=throttle) as answer:
            assert not answer.exchange.is_held_up(time.monotonic(), 1)
            answer.begin_to_pour(Found())
            await until(lambda: answer.exchange.is_held_up(time.monotonic(), 1))
