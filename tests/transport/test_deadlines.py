"""Ends of waits, in virtual time: each in its time, over one timer."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from pixxel_async.transport import deadlines as module
from pixxel_async.transport.deadlines import ROUNDS, Deadlines, within
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


@pytest.mark.fault(61)
async def test_what_comes_within_some_rounds_is_in_time() -> None:
    loop = asyncio.get_running_loop()
    waiting = Waiting(Deadlines())

    def after(rounds: int) -> None:
        if rounds:
            loop.call_soon(after, rounds - 1)
        else:
            waiting.wake()

    loop.call_at(10, after, ROUNDS - 2)
    await waiting.wait(10)
    loop.call_at(20, after, ROUNDS + 10)
    with pytest.raises(TimeoutError):
        await waiting.wait(20)


@pytest.mark.fault(61)
@pytest.mark.looptime(False)  # noqa: FBT003 - the marker has it so
async def test_when_the_event_loop_did_not_run_every_wait_gets_some_more_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LATE_S", 0.1)
    loop = asyncio.get_running_loop()
    deadlines = Deadlines()
    waits = [Waiting(deadlines) for _ in range(2)]
    began = loop.time()
    tasks = [asyncio.create_task(each.wait(began + 0.1)) for each in waits]
    await asyncio.sleep(0)
    time.sleep(0.5)  # noqa: ASYNC251 - it is what is tested
    await asyncio.sleep(0.2)
    assert not any(task.done() for task in tasks)
    for each in waits:
        each.wake()
    await asyncio.gather(*tasks)
    assert len(deadlines._ends) == 0


async def test_a_context_ends_in_its_time() -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines()
    began = loop.time()
    with pytest.raises(TimeoutError):
        async with within(5, deadlines):
            await asyncio.sleep(100)
    assert loop.time() - began == pytest.approx(5, abs=0.001)
    async with within(5, deadlines):
        await asyncio.sleep(4)
    with pytest.raises(ZeroDivisionError):
        async with within(5, deadlines):
            _ = 1 / 0
    await asyncio.sleep(10)  # nothing is left that would cancel this
    assert len(deadlines._ends) == 0
