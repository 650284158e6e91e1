"""Whose turn it is: calls that nobody holds up go at once, the others in their order."""

from __future__ import annotations

import asyncio

import anyio
import httpx
import pytest

from pixxel_async import Limits
from pixxel_async.http.rate_limiter import RateLimiter
from pixxel_async.sansio.resilience.gcra import LEAST_WAIT_S

from .script import CALLS, POSTS, READY, ClientCall, Script, answer, client_of

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("library")]
EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=str)


class Held(httpx.AsyncBaseTransport):
    """A service that answers when it is told to.

    Attributes:
        paths: What was asked for, in order.
        may_answer: Set when it may.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.may_answer = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        await self.may_answer.wait()
        return httpx.Response(200, json=READY)


@pytest.mark.parametrize("call", POSTS, ids=str)
async def test_a_creation_that_is_cancelled_already_is_not_sent(call: ClientCall) -> None:
    script = Script(answer())
    limits = Limits(requests=1, requests_per_second=1)
    async with client_of(script, limits=limits) as client:
        for _ in range(10):
            with anyio.CancelScope() as scope:
                scope.cancel()
                await call.send(client)
            assert scope.cancelled_caught
        assert script.requests == []
        await call.send(client)
        assert anyio.current_time() == 0  # neither the bound nor the rate was used up


async def test_who_comes_later_waits_behind_those_who_wait() -> None:
    rate, went = RateLimiter(10), []

    async def go(number: int) -> None:
        if not rate.try_acquire():
            await rate.acquire()
        went.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(go, number)
        for number in range(20, 40):  # each comes just when the turn is handed on
            await anyio.sleep(0.1)
            tasks.start_soon(go, number)
    assert went == list(range(40))
    assert anyio.current_time() == pytest.approx(40 / 10, abs=0.4)


async def test_nobody_gets_in_just_before_one_who_waits_is_woken() -> None:
    rate = RateLimiter(10)
    while rate.try_acquire():
        pass
    waiting = asyncio.create_task(rate.acquire())
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    turn_at = loop.time() + rate._pace.wait(loop.time())
    came: list[bool] = []
    loop.call_at(turn_at - LEAST_WAIT_S / 2, lambda: came.append(rate.try_acquire()))
    await waiting
    assert came == [False]
    assert loop.time() == pytest.approx(turn_at)


async def test_one_that_gives_up_waiting_takes_nobodys_turn() -> None:
    rate = RateLimiter(1)
    while rate.try_acquire():
        pass
    with anyio.move_on_after(0.5) as scope:
        await rate.acquire()
    assert scope.cancelled_caught
    await rate.acquire()
    assert anyio.current_time() == pytest.approx(1, abs=0.3)


async def test_calls_take_free_places_in_the_order_in_which_they_came() -> None:
    held = Held()
    limits = Limits(requests=2, requests_per_second=10_000)
    async with client_of(held, limits=limits) as client:
        calls = [
            asyncio.create_task(client.jobs.create_download("w", str(number)))
            for number in range(6)
        ]
        await anyio.sleep(1)
        assert len(held.paths) == 2
        calls[1].cancel()  # in flight
        calls[3].cancel()  # waits for a place
        await anyio.sleep(1)
        assert len(held.paths) == 3
        held.may_answer.set()
        ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in ended] == [
        number in {1, 3} for number in range(6)
    ]
    assert [path.split("/")[5] for path in held.paths] == ["0", "1", "2", "4", "5"]
