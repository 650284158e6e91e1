"""Threads for disk work: results come back, cancelled or not, and wake-ups are shared."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import anyio
import pytest

from pixxel_async.destinations.thread_pool import ThreadPool

from ..support import PATIENCE_S


@pytest.fixture
def workers() -> ThreadPool:
    return ThreadPool(2, "test-worker")


@pytest.fixture(autouse=True)
def _ends(workers: ThreadPool) -> object:
    yield
    workers.shutdown()
    workers.shutdown()
    assert not [thread for thread in threading.enumerate() if thread.name == "test-worker"]


async def test_a_result_comes_back_from_another_thread(workers: ThreadPool) -> None:
    assert await workers.run(threading.get_ident) != threading.get_ident()


async def test_an_error_comes_back_and_nobody_keeps_it(workers: ThreadPool) -> None:
    class Kept:
        pass

    def fail() -> None:
        kept = Kept()
        seen.append(weakref.ref(kept))
        raise ZeroDivisionError

    seen: list[weakref.ref[Kept]] = []
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(ZeroDivisionError):
            await workers.run(fail)
        assert seen[0]() is None  # no cycle of frames holds it until the collector comes by
    finally:
        gc.enable()


async def test_work_goes_on_in_the_order_in_which_it_was_asked_for() -> None:
    one, done = ThreadPool(1, "test-worker"), list[int]()
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(one.run, lambda number=number: done.append(number))
    assert done == list(range(20))
    one.shutdown()


async def test_no_more_threads_are_started_than_there_may_be(workers: ThreadPool) -> None:
    barrier, running = threading.Barrier(2), list[str]()

    def meet() -> None:
        running.append(threading.current_thread().name)
        barrier.wait(PATIENCE_S)

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(workers.run, meet)
    assert len(running) == 6
    assert sum(thread.name == "test-worker" for thread in threading.enumerate()) == 2


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelled_any_number_of_times_it_waits_and_drops_the_result(
    workers: ThreadPool, times: int
) -> None:
    go = threading.Event()
    dropped: list[bool] = []
    waiting = asyncio.create_task(workers.run(lambda: go.wait(PATIENCE_S), drop=dropped.append))
    for _ in range(times):
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
    assert not waiting.done()
    go.set()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    assert dropped == [True]


async def test_a_cancel_scope_is_obeyed_after_the_end(workers: ThreadPool) -> None:
    done = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        await workers.run(lambda: done.append(1))
        await anyio.lowlevel.checkpoint()
        done.append(2)
    assert done == [1]


async def test_an_error_of_cancelled_work_is_not_raised_and_nothing_is_dropped(
    workers: ThreadPool,
) -> None:
    dropped: list[object] = []
    go = threading.Event()

    def fail() -> float:
        go.wait(PATIENCE_S)
        return 1 / 0

    waiting = asyncio.create_task(workers.run(fail, drop=dropped.append))
    await asyncio.sleep(0)
    waiting.cancel()
    go.set()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    assert dropped == []


async def test_after_their_end_nothing_is_done_any_more(workers: ThreadPool) -> None:
    done: list[int] = []
    await workers.run(lambda: done.append(1))
    workers.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        await workers.run(lambda: done.append(2))
    assert done == [1]


async def test_what_was_asked_for_before_their_end_is_done(workers: ThreadPool) -> None:
    go, done = threading.Event(), list[int]()
    first = asyncio.ensure_future(workers.run(lambda: go.wait(PATIENCE_S)))
    second = asyncio.ensure_future(workers.run(lambda: done.append(1)))
    await asyncio.sleep(0)
    go.set()
    workers.shutdown()
    assert done == [1]
    await asyncio.wait({first, second})


def test_a_library_that_takes_an_executor_gets_futures(workers: ThreadPool) -> None:
    assert workers.submit(divmod, 7, 2).result(PATIENCE_S) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 7, 0).result(PATIENCE_S)


def test_work_whose_future_was_cancelled_is_not_begun(workers: ThreadPool) -> None:
    go, done = threading.Event(), list[int]()
    blocking = [workers.submit(go.wait, 10) for _ in range(2)]
    future = workers.submit(done.append, 1)
    assert future.cancel()
    go.set()
    for each in blocking:
        assert each.result(PATIENCE_S)
    workers.shutdown()
    assert done == []
