"""Threads that wait for sockets: order, wake-ups, timers, their number, and their end."""

from __future__ import annotations

import asyncio
import errno
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixxel_async.errors import ConnectionBrokenError, OutOfDescriptorsError
from pixxel_async.transport import reactor as reactor_module
from pixxel_async.transport.reactor import ClosedError, Reactor, Reactors

from ..support import PATIENCE_S
from .bodies import Found
from .scripted_server import BODY, LONG, Server
from .storages import (
    Blocked,
    answer_of,
    get,
    get_at_once,
    held_up,
    into,
    reactor,
    some_turns,
    storage_client,
    until,
)

pytestmark = pytest.mark.usefixtures("nothing_left")


class Listening:
    """A handler that takes what comes, and tells it."""

    def __init__(self, by: Reactor) -> None:
        self.theirs, self._ours = socket.socketpair()
        self.heard: list[bytes] = []
        self._by = by

    def fileno(self) -> int:
        return self._ours.fileno()

    def ready(self) -> None:
        data = self._ours.recv(100)
        if not data:
            self._by.unwatch(self)
        self._by.tell(lambda: self.heard.append(data))

    def close(self) -> None:
        self.theirs.close()
        self._ours.close()


async def test_work_is_done_in_its_order_on_one_thread_and_news_are_told_in_theirs() -> None:
    done: list[tuple[int, int]] = []
    told: list[tuple[int, int]] = []
    with reactor() as by:

        def work(number: int) -> None:
            done.append((number, threading.get_ident()))
            by.tell(lambda: told.append((number, threading.get_ident())))

        for round_ in range(50):  # it sleeps in between, sometimes
            for number in range(20):
                by.submit(lambda number=20 * round_ + number: work(number))  # type: ignore[misc]
            await asyncio.sleep(0)
        await until(lambda: len(told) == 1000)
    assert [number for number, _ in done] == [number for number, _ in told] == list(range(1000))
    assert {thread for _, thread in done} == {by._thread.ident}
    assert {thread for _, thread in told} == {threading.get_ident()}


async def test_no_work_waits_for_other_work() -> None:
    """Each is submitted when the one before is done: a wake-up that is lost would be the last."""
    with reactor() as by:
        for _ in range(2000):
            done = asyncio.Event()
            by.submit(lambda done=done: by.tell(done.set))  # type: ignore[misc]
            await asyncio.wait_for(done.wait(), PATIENCE_S)


async def test_work_may_hand_over_more_work() -> None:
    done = asyncio.Event()
    with reactor() as by:
        by.submit(lambda: by.submit(lambda: by.submit(lambda: by.tell(done.set))))
        await asyncio.wait_for(done.wait(), PATIENCE_S)


async def test_a_thread_that_is_busy_is_rung_for_no_more_often_than_there_is_room_for() -> None:
    done: list[int] = []
    with reactor() as by:
        with held_up(by):
            for number in range(10_000):
                by._is_asleep = True  # as if it had just gone to sleep, each time
                by.submit(lambda number=number: done.append(number))  # type: ignore[misc]
                by._wake()
        await until(lambda: len(done) == 10_000)


async def test_who_is_watched_hears_of_what_comes() -> None:
    with reactor() as by:
        listening = Listening(by)
        by.submit(lambda: by.watch(listening))
        for word in (b"one", b"two"):
            listening.theirs.sendall(word)
            await until(lambda word=word: listening.heard[-1:] == [word])  # type: ignore[misc]
        listening.theirs.close()
        await until(lambda: listening.heard[-1:] == [b""])
        listening.close()


async def test_what_is_due_later_comes_in_the_order_of_its_time() -> None:
    came: list[str] = []
    with reactor() as by:

        def begin() -> None:
            by.after(0.02, lambda: came.append("third"))
            by.after(0.01, lambda: came.append("first"))
            by.after(0.01, lambda: came.append("second"))
            by.after(3600, lambda: came.append("never"))

        by.submit(begin)
        await until(lambda: len(came) == 3)
    assert came == ["first", "second", "third"]


async def test_a_reactor_ends_when_it_has_done_what_was_submitted_and_may_be_closed_twice() -> None:
    done: list[int] = []
    by = Reactor()
    with ThreadPoolExecutor(1) as threads:
        with held_up(by):
            for number in range(100):
                by.submit(lambda number=number: done.append(number))  # type: ignore[misc]
            closing = threads.submit(by.close)
        closing.result(PATIENCE_S)
    assert done == list(range(100))
    assert not by._thread.is_alive()
    by.close()


def test_what_is_told_to_a_loop_that_is_over_is_told_to_nobody() -> None:
    over = threading.Event()

    async def make() -> Reactor:
        by = Reactor()

        def work() -> None:
            assert over.wait(10)
            by.tell(lambda: pytest.fail("nobody hears it"))

        by.submit(work)
        await some_turns()
        return by

    by = asyncio.run(make())
    over.set()
    by.close()


async def test_news_of_what_is_done_at_once_are_told_at_once() -> None:
    turns: list[int] = []
    told: list[int] = []
    with reactor() as by:
        for number in range(20):
            by.submit(lambda number=number: by.tell(lambda: told.append(number)))  # type: ignore[misc]
        while len(told) < 20:
            turns.append(len(told))
            await asyncio.sleep(0)
    assert set(turns) == {0}


async def test_a_reactor_keeps_up_unless_it_is_blocked_or_works_most_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with reactor() as by:
        await until(lambda: by.keeps_up)
        with held_up(by):
            await until(lambda: by.busy_since is not None)
            assert by.busy_since is not None
            monkeypatch.setattr(time, "monotonic", lambda: float(by.busy_since or 0) + 0.049)
            assert by.keeps_up
            monkeypatch.setattr(time, "monotonic", lambda: float(by.busy_since or 0) + 0.051)
            assert not by.keeps_up
            monkeypatch.undo()
        await until(lambda: by.busy_since is None)
        by._note_share(0, 1)
        assert not by.keeps_up
        by._note_share(0.001, 0)
        assert not by.keeps_up  # for a moment only
        by._note_share(0, 0)
        assert not by.keeps_up
        by._note_share(1, 0)
        assert by.keeps_up


# How many there are.


@pytest.fixture
def reactors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reactors]:
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    made = Reactors()
    yield made
    made.close()
    made.close()


class User:
    """Somebody who uses a reactor."""

    def __init__(self, by: Reactor) -> None:
        by.users.add(self)
        self.lost = 0

    def lose(self) -> None:
        self.lost += 1


async def test_who_is_left_loses_it_when_all_else_is_done() -> None:
    by = Reactor()
    left, gone = User(by), User(by)
    by.users.discard(gone)
    seen: list[int] = []
    by.submit(lambda: seen.append(left.lost))
    by.close()
    by.close()
    assert seen == [0]
    assert (left.lost, gone.lost) == (1, 0)


async def test_bodies_are_spread_over_as_many_as_there_are_processors(reactors: Reactors) -> None:
    assert reactors.for_body() is reactors.for_body()  # nobody uses it
    taken = []
    for _ in range(6):
        by = reactors.for_body()
        User(by)
        taken.append(by)
    assert len(set(taken)) == 3
    assert [len(by.users) for by in taken] == [2] * 6
    taken[1].users.clear()
    assert reactors.for_body() is taken[1]


async def test_no_more_are_started_than_gain_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, number in ((64, reactor_module.MOST_REACTORS), (None, 1)):
        monkeypatch.setattr("os.cpu_count", lambda count=processors: count)
        many = Reactors()
        for _ in range(9):
            User(many.for_body())
        assert len(many._reactors) == number
        many.close()


async def test_none_is_started_once_they_are_closed(reactors: Reactors) -> None:
    reactors.for_request()
    reactors.close()
    with pytest.raises(ClosedError, match="closed"):
        reactors.for_request()


async def test_requests_go_to_the_first_one_that_keeps_up(reactors: Reactors) -> None:
    first = reactors.for_request()
    User(first)
    second = reactors.for_body()
    assert second is not first
    assert reactors.for_request() is first
    with held_up(first):
        await until(lambda: not first.keeps_up)
        assert reactors.for_request() is second
        User(second)
        with held_up(second):
            await until(lambda: not second.keeps_up)
            third = reactors.for_request()
            assert third not in {first, second}
            User(third)
            User(third)
            third._note_share(0, 1)  # and works all the time
            assert reactors.for_request() is first  # which has the fewest users


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.EMFILE, "too many open files")


def no_thread(*_: object) -> None:
    message = "can't start new thread"
    raise RuntimeError(message)


REFUSED = pytest.mark.parametrize(
    ("owner", "name", "refusal"),
    [
        (socket, "socketpair", refuse),
        (selectors, "DefaultSelector", refuse),
        (selectors.DefaultSelector, "register", refuse),
        (threading.Thread, "start", no_thread),
    ],
    ids=["no sockets", "no selector", "nothing to be watched", "no thread"],
)


@REFUSED
async def test_what_the_system_refuses_leaves_nothing_open(
    owner: object, name: str, refusal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = Reactors()
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, refusal)
        with pytest.raises(OSError, match=r"many open files|thread"):
            many.for_request()
    assert isinstance(many.for_request(), Reactor)
    many.close()


@REFUSED
async def test_fewer_of_them_do_where_the_system_refuses_more(
    owner: object,
    name: str,
    refusal: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    reactors: Reactors,
) -> None:
    first = reactors.for_body()
    User(first)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, refusal)
        assert reactors.for_body() is first
    assert reactors.for_body() is first  # no further one is tried


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("owner", "name"), [(socket, "socketpair"), (selectors, "DefaultSelector"), (Reactor, "_start")]
)
async def test_a_request_without_a_reactor_leaves_no_channel_open(
    owner: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Server([LONG], [LONG]) as server, storage_client() as storage:
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, refuse)
            with pytest.raises(OutOfDescriptorsError):
                await get(storage, server)
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        assert await get(storage, server) == BODY


# Clients that are closed too early, or used by another loop.


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("stands", ["in head", "held", "in body", "at once"])
async def test_a_client_that_is_closed_ends_what_is_under_way(stands: str) -> None:
    answer = LONG[:9] if stands == "in head" else LONG[:-1]
    async with Server([answer]) as server, storage_client() as storage:
        found = Found()
        if stands == "held":
            async with await answer_of(storage, server) as held:
                storage.close()
                held.begin_to_pour(found)
                with pytest.raises(ConnectionBrokenError, match="closed"):
                    await held.poured()
        else:
            use = (get_at_once if stands == "at once" else get)(storage, server)
            task = asyncio.ensure_future(use)
            await asyncio.wait_for(server.asked.wait(), PATIENCE_S)
            await some_turns(100)
            storage.close()
            with pytest.raises(ConnectionBrokenError, match="closed"):
                await asyncio.wait_for(task, PATIENCE_S)
        with pytest.raises(ConnectionBrokenError, match="closed"):
            await get(storage, server)


@pytest.mark.usefixtures("way")
async def test_a_client_that_is_closed_waits_for_what_is_being_written() -> None:
    async with Server([LONG]) as server, storage_client() as storage:
        blocked = Blocked()
        task = asyncio.ensure_future(answer_of(storage, server, at_once=into(blocked)))
        await blocked.entered()
        threading.Timer(0.05, blocked.free.set).start()
        storage.close()
        assert blocked.free.is_set()
        written = bytes(blocked.data)
        await asyncio.wait([task])
        if task.exception() is None:
            await task.result().aclose()
        assert bytes(blocked.data) == written
