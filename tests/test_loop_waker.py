"""Threads that schedule callbacks on an event loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import psutil
import pytest

from pixxel_async import loop_waker as loop_waker_module
from pixxel_async.loop_waker import LoopWaker, loop_waker

from .http.storages import until
from .support import PATIENCE_S


class Hearing:
    """Records the order and the thread of callbacks."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.threads: set[int] = set()

    def word(self, number: int) -> loop_waker_module.News:
        def hear() -> None:
            self.heard.append(number)
            self.threads.add(threading.get_ident())

        return hear


@pytest.fixture(params=["a reader", "no readers", "no descriptors"])
async def waker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LoopWaker:
    """Return the waker of a loop with readers, of one without, and without descriptors left."""

    def refuse(*_: object) -> None:
        raise NotImplementedError

    def none_left() -> None:
        raise OSError

    with monkeypatch.context() as patched:
        if request.param == "no readers":
            patched.setattr(asyncio.get_running_loop(), "add_reader", refuse)
        if request.param == "no descriptors":
            patched.setattr(socket, "socketpair", none_left)
        return loop_waker()


@pytest.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    before = psutil.Process().num_fds()
    yield
    assert psutil.Process().num_fds() <= before
    assert not loop_waker_module._WAKERS


async def test_what_threads_tell_is_heard_by_the_loop_in_its_order(waker: LoopWaker) -> None:
    hearing = Hearing()

    def tell(first: int) -> None:
        for number in range(first, first + 1000):
            waker.tell(hearing.word(number))

    threads = [threading.Thread(target=tell, args=(first,)) for first in (0, 1000)]
    for thread in threads:
        thread.start()
    await until(lambda: len(hearing.heard) == 2000)
    for thread in threads:
        thread.join()
    for first in (0, 1000):
        told = list(range(first, first + 1000))
        assert [number for number in hearing.heard if number in set(told)] == told
    assert hearing.threads == {threading.get_ident()}
    waker.give_back()


async def test_no_word_waits_for_another(waker: LoopWaker) -> None:
    """Each callback is scheduled after the previous one ran: a lost wake-up would be the last."""
    for _ in range(500):
        heard = asyncio.Event()
        thread = threading.Thread(target=waker.tell, args=(heard.set,))
        thread.start()
        await asyncio.wait_for(heard.wait(), PATIENCE_S)
        thread.join()
    waker.give_back()


async def test_what_was_told_at_once_is_heard_in_one_turn(waker: LoopWaker) -> None:
    hearing, turns = Hearing(), list[int]()
    for number in range(100):
        waker.tell(hearing.word(number))
    while len(hearing.heard) < 100:
        turns.append(len(hearing.heard))
        await asyncio.sleep(0)
    assert set(turns) == {0}
    waker.give_back()


async def test_all_of_a_loop_share_one_until_the_last_gives_it_back(waker: LoopWaker) -> None:
    hearing = Hearing()
    assert loop_waker() is waker
    waker.give_back()
    waker.tell(hearing.word(1))
    await until(lambda: hearing.heard == [1])
    waker.give_back()
    another = loop_waker()
    assert another is not waker
    another.give_back()


async def test_what_was_told_before_it_was_given_back_is_heard_and_what_came_later_too(
    waker: LoopWaker,
) -> None:
    hearing = Hearing()
    waker.tell(hearing.word(1))
    waker.give_back()
    await until(lambda: hearing.heard == [1])
    waker.tell(hearing.word(2))
    await until(lambda: hearing.heard == [1, 2])


def test_a_loop_that_is_over_hears_nothing_and_may_be_told() -> None:
    async def take() -> LoopWaker:
        return loop_waker()

    waker = asyncio.run(take())
    waker.tell(lambda: pytest.fail("nobody hears it"))
    waker.give_back()
    waker.tell(lambda: pytest.fail("nobody hears it"))
