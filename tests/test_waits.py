"""Work on a thread is waited for, cancelled or not, and its result is never lost."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from pixxel_async.waits import to_end


async def test_a_result_comes_back() -> None:
    assert await to_end(asyncio.to_thread(lambda: 7)) == 7


async def test_an_error_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        await to_end(asyncio.to_thread(lambda: 1 // 0))


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelled_any_number_of_times_it_waits_and_drops_the_result(times: int) -> None:
    go = threading.Event()
    dropped: list[bool] = []
    waiting = asyncio.create_task(to_end(asyncio.to_thread(go.wait), drop=dropped.append))
    for _ in range(times):
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
    assert not waiting.done()
    go.set()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    assert dropped == [True]


async def test_a_cancel_scope_is_obeyed_after_the_end() -> None:
    done = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        await to_end(asyncio.to_thread(lambda: done.append(1)))
        await anyio.lowlevel.checkpoint()
        done.append(2)
    assert done == [1]


async def test_an_error_of_cancelled_work_is_seen_and_not_raised() -> None:
    waiting = asyncio.create_task(to_end(asyncio.to_thread(lambda: 1 // 0)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
