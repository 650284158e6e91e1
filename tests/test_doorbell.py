"""Threads that tell an event loop something."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator

import psutil
import pytest

from pixxel_async import doorbell as doorbell_module
from pixxel_async.doorbell import Doorbell, doorbell

from .http.storages import until
from .support import PATIENCE_S


class Hearing:
    """Notes in which order things are heard, and on which thread."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.threads: set[int] = set()

    def word(self, number: int) -> doorbell_module.News:
        def hear() -> None:
            self.heard.append(number)
            self.threads.add(threading.get_ident())

        return hear


@pytest.fixture(params=["a reader", "no readers", "no descriptors"])
async def bell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Doorbell:
    """Give that of a loop which listens to sockets, of one that cannot, and of a full system."""

    def refuse(*_: object) -> None:
        raise NotImplementedError

    def none_left() -> None:
        raise OSError

    with monkeypatch.context() as patched:
        if request.param == "no readers":
            patched.setattr(asyncio.get_running_loop(), "add_reader", refuse)
        if request.param == "no descriptors":
            patched.setattr(socket, "socketpair", none_left)
        return doorbell()


@pytest.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    before = psutil.Process().num_fds()
    yield
    assert psutil.Process().num_fds() <= before
    assert not doorbell_module._DOORBELLS


async def test_what_threads_tell_is_heard_by_the_loop_in_its_order(bell: Doorbell) -> None:
    hearing = Hearing()

    def tell(first: int) -> None:
        for number in range(first, first + 1000):
            bell.tell(hearing.word(number))

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
    bell.give_back()


async def test_no_word_waits_for_another(bell: Doorbell) -> None:
    """Each is told when the one before was heard: a ring that is lost would be the last."""
    for _ in range(500):
        heard = asyncio.Event()
        thread = threading.Thread(target=bell.tell, args=(heard.set,))
        thread.start()
        await asyncio.wait_for(heard.wait(), PATIENCE_S)
        thread.join()
    bell.give_back()


async def test_what_was_told_at_once_is_heard_in_one_turn(bell: Doorbell) -> None:
    hearing, turns = Hearing(), list[int]()
    for number in range(100):
        bell.tell(hearing.word(number))
    while len(hearing.heard) < 100:
        turns.append(len(hearing.heard))
        await asyncio.sleep(0)
    assert set(turns) == {0}
    bell.give_back()


async def test_all_of_a_loop_share_one_until_the_last_gives_it_back(bell: Doorbell) -> None:
    hearing = Hearing()
    assert doorbell() is bell
    bell.give_back()
    bell.tell(hearing.word(1))
    await until(lambda: hearing.heard == [1])
    bell.give_back()
    another = doorbell()
    assert another is not bell
    another.give_back()


async def test_what_was_told_before_it_was_given_back_is_heard_and_what_came_later_too(
    bell: Doorbell,
) -> None:
    hearing = Hearing()
    bell.tell(hearing.word(1))
    bell.give_back()
    await until(lambda: hearing.heard == [1])
    bell.tell(hearing.word(2))
    await until(lambda: hearing.heard == [1, 2])


def test_a_loop_that_is_over_hears_nothing_and_may_be_told() -> None:
    async def take() -> Doorbell:
        return doorbell()

    bell = asyncio.run(take())
    bell.tell(lambda: pytest.fail("nobody hears it"))
    bell.give_back()
    bell.tell(lambda: pytest.fail("nobody hears it"))
