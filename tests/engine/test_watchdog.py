"""Stalls are found by least throughput, in virtual time."""

from __future__ import annotations

import time

import anyio
import pytest

from pixxel_async import FetchPolicy, StalledError
from pixxel_async.transfer.stall_monitor import StallMonitor

POLICY = FetchPolicy(stall_timeout_s=30, least_bytes_per_s=1000, write_s=1)


async def watched_for(seconds: float, *, each_second: int, excuse_each: float = 0) -> float:
    """Bring some bytes each second; return when it ended."""
    dog = StallMonitor(POLICY)
    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dog.run)
        try:
            async with dog.watch() as watched:
                for second in range(int(seconds)):
                    await anyio.sleep(1)
                    watched.received(each_second)
                    if excuse_each and second % excuse_each == 0:
                        watched.excuse()
        finally:
            tasks.cancel_scope.cancel()
    return anyio.current_time() - began


@pytest.mark.fault(10)
@pytest.mark.looptime
@pytest.mark.parametrize("each_second", [0, 10, 900])
async def test_a_stall_or_a_drip_ends_within_two_windows(each_second: int) -> None:
    began = anyio.current_time()
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group around the one error
        await watched_for(1000, each_second=each_second)
    assert caught.group_contains(StalledError, match="fewer than 30000 bytes in 30 s")
    assert 30 <= anyio.current_time() - began <= 61


@pytest.mark.untraced
@pytest.mark.looptime
async def test_enough_throughput_is_left_alone() -> None:
    assert await watched_for(500, each_second=1100) == pytest.approx(500)


@pytest.mark.untraced
@pytest.mark.looptime
async def test_time_on_our_side_does_not_count() -> None:
    assert await watched_for(500, each_second=0, excuse_each=10) == pytest.approx(500)


@pytest.mark.fault(61)
@pytest.mark.parametrize("suspended_s", [0.4, 1.0])
async def test_time_in_which_the_event_loop_did_not_run_does_not_count(suspended_s: float) -> None:
    """A call that blocks stands for a process that was stopped."""
    dog = StallMonitor(FetchPolicy(stall_timeout_s=0.3, least_bytes_per_s=1000, write_s=0.02))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dog.run)
        async with dog.watch() as watched:
            await anyio.sleep(0.05)
            time.sleep(suspended_s)  # noqa: ASYNC251 - it is what is tested
            await anyio.sleep(0.05)
            watched.received(1000)
        tasks.cancel_scope.cancel()
