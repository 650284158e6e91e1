"""Ends of waits, in virtual time: each in its time, over one timer."""

from __future__ import annotations

import asyncio
import random

import pytest

from pixxel_async.transport.deadlines import Deadlines
from pixxel_async.transport.waiting import Waiting

from ..support import PATIENCE_S

pytestmark = pytest.mark.looptime


async def wait(deadlines: Deadlines, within_s: float) -> float:
    """Wait for nothing, and return how long that took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        await Waiting(deadlines).wait(began + within_s)
    return loop.time() - began


async def test_each_wait_ends_in_its_time_in_whatever_order_they_came() -> None:
    deadlines = Deadlines()
    times = [random.Random(number).uniform(1, 100) for number in range(200)]  # noqa: S311 - a test
    times += [50.0, 50.0]
    took = await asyncio.gather(*(wait(deadlines, within_s) for within_s in times))
    assert took == pytest.approx(times, abs=0.001)
    assert len(deadlines._ends) == 0


async def test_a_wait_that_begins_while_others_are_under_way_ends_in_its_time() -> None:
    deadlines = Deadlines()
    long = asyncio.create_task(wait(deadlines, 60))
    await asyncio.sleep(10)
    assert await wait(deadlines, 5) == pytest.approx(5, abs=0.001)
    assert await wait(deadlines, 30) == pytest.approx(30, abs=0.001)
    assert await long == pytest.approx(60, abs=0.001)


async def test_one_that_is_woken_is_forgotten() -> None:
    deadlines, waiting = Deadlines(), Waiting(Deadlines())
    for _ in range(1000):
        waiting = Waiting(deadlines)
        asyncio.get_running_loop().call_later(0.01, waiting.wake)
        await waiting.wait(asyncio.get_running_loop().time() + 60)
    assert len(deadlines._ends) == 0
    assert await wait(deadlines, 60) == pytest.approx(60, abs=0.001)  # the timer rang before


async def test_one_that_is_cancelled_is_forgotten() -> None:
    deadlines = Deadlines()
    waiting = asyncio.create_task(Waiting(deadlines).wait(10))
    await asyncio.sleep(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(deadlines._ends) == 0


async def test_one_that_is_woken_and_late_at_once_is_in_time() -> None:
    waiting = Waiting(Deadlines())
    loop = asyncio.get_running_loop()
    loop.call_at(10, waiting.wake)
    await waiting.wait(10)
    loop.call_at(30, waiting.wake)
    with pytest.raises(TimeoutError):
        await waiting.wait(20)


def test_another_event_loop_has_a_timer_of_its_own() -> None:
    deadlines = Deadlines()

    async def leave() -> None:
        left.append(asyncio.get_running_loop().create_future())
        deadlines.add(left[0], asyncio.get_running_loop().time() + 0.05)

    async def use() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(TimeoutError):
                await Waiting(deadlines).wait(loop.time() + 0.1)

    left: list[asyncio.Future[bool]] = []
    asyncio.run(leave())
    asyncio.run(use())
    assert not left[0].done()
