"""GETs to the storage over real sockets and both engines: how bodies arrive, and where they go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from pixxel_async.errors import ConnectionBrokenError, PixxelError, SinkError
from pixxel_async.http.storage_client import StorageClient, choose_later
from pixxel_async.http.storage_response import EnoughError, StorageResponse

from ..test_secrets import told_of
from .scripted_server import (
    BODY,
    CHUNKED,
    CLOSE,
    CUT,
    LONG,
    OK,
    RESET,
    UNTIL_CLOSE,
    Answer,
    Endless,
    Scripted,
    Server,
    Way,
    cut,
    in_bytes,
)
from .storages import (
    SIGNATURE,
    Blocked,
    Found,
    get,
    get_at_once,
    into,
    response_of,
    some_turns,
    storage_client,
    until,
    whole_body,
)

pytestmark = pytest.mark.usefixtures("engine", "way", "nothing_left")

Get = Callable[..., Awaitable[bytes]]
BOTH_WAYS = pytest.mark.parametrize("get", [get, get_at_once])
FRAMED = pytest.mark.parametrize("answer", [LONG, CHUNKED], ids=["length", "chunks"])
SHORT = b"PK\x03\x04" + bytes(range(8))
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


# Bodies that are whole.


@BOTH_WAYS
@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 12\r\n\r\n" + SHORT,
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + SHORT[:5] + b"\r\n7;a=b\r\n" + SHORT[5:]
        + b"\r\n0\r\nTrailer: x\r\n\r\n",
        INTERIM + OK + b"Content-Length: 12\r\n\r\n" + SHORT,
    ],
    ids=["length", "chunks", "interim"],
)  # fmt: skip
async def test_a_body_comes_whole_after_whichever_byte_its_answer_is_cut(
    get: Get, answer: bytes
) -> None:
    answers = [[answer], in_bytes(answer), *(cut(answer, at) for at in range(1, len(answer)))]
    async with Server(*answers) as server, storage_client() as storage:
        for _ in answers:
            assert await get(storage, server) == SHORT
        assert server.connections == 1
        assert len(server.heads) == len(answers)


@BOTH_WAYS
async def test_a_body_that_ends_with_the_connection(get: Get) -> None:
    async with Server([UNTIL_CLOSE, CLOSE], [LONG]) as server, storage_client() as storage:
        assert await get(storage, server) == BODY
        assert await get(storage, server) == BODY
        assert server.connections == 2


@BOTH_WAYS
async def test_a_body_that_is_larger_than_all_memory_that_threads_share(get: Get) -> None:
    body = bytes(range(256)) * 12_000
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with Server([answer], [answer]) as server, storage_client() as storage:
        for _ in range(2):
            assert await get(storage, server) == body
        assert server.connections == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", 304),
        (OK + b"Content-Length: 0\r\n\r\n", 200),
    ],
    ids=["204", "304", "length 0"],
)
async def test_an_answer_without_a_body_is_whole_with_its_head(head: bytes, status: int) -> None:
    async with Server([head], [head], [LONG]) as server, storage_client() as storage:
        async with await response_of(storage, server) as answer:
            assert answer.status == status
            assert await whole_body(answer) == b""
            assert await answer.read_start(10) == b""
        assert await get_at_once(storage, server) == b""
        assert await get(storage, server) == BODY


async def test_what_an_interim_answer_says_is_not_of_the_answer() -> None:
    async with Server([INTERIM + LONG]) as server, storage_client() as storage:
        async with await response_of(storage, server) as answer:
            assert answer.status == 200
            assert set(answer.headers) == {"content-length"}


# Bodies that are not.


@BOTH_WAYS
@FRAMED
async def test_a_body_that_breaks_off_is_told_after_what_came(get: Get, answer: bytes) -> None:
    start = answer.index(b"\r\n\r\n") + 4
    for at in range(start, len(answer), 41):
        async with Server([answer[:at], CLOSE]) as server, storage_client() as storage:
            with pytest.raises(ConnectionBrokenError):
                await get(storage, server)


@FRAMED
@pytest.mark.parametrize("how", [CUT, RESET])
async def test_what_came_of_a_body_before_its_connection_broke_is_there(
    answer: bytes, how: object
) -> None:
    found = Found()
    goes_on = asyncio.Event()
    sent = answer[: len(answer) // 2]
    async with Server([sent, goes_on, how]) as server, storage_client() as storage:  # type: ignore[list-item]
        async with await response_of(storage, server) as poured:
            poured.start_receiving(found)
            await until(lambda: poured.received > 300)
            goes_on.set()
            with pytest.raises(ConnectionBrokenError):
                await poured.wait()
        assert BODY.startswith(found.data)
        assert len(found.data) > 300


@BOTH_WAYS
async def test_a_body_that_ends_with_a_connection_that_was_cut_is_not_whole(get: Get) -> None:
    how = RESET if Way.server is None else CUT  # nothing in plain tells a cut from an end
    async with Server([UNTIL_CLOSE, how]) as server, storage_client() as storage:
        with pytest.raises(ConnectionBrokenError):
            await get(storage, server)


@BOTH_WAYS
@pytest.mark.parametrize("at", [1, 9, len(OK), len(OK) + 3, LONG.index(b"\r\n\r\n") + 3])
@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_connection_that_closes_within_the_headers_is_broken(
    get: Get, at: int, *, is_kept: bool
) -> None:
    kept: list[Answer] = [[LONG]] if is_kept else []
    cut_off: Answer = [LONG[:at], CLOSE]  # libcurl repeats a GET whose kept connection has died
    async with Server(*kept, cut_off, cut_off) as server, storage_client() as storage:
        for _ in kept:
            assert await get(storage, server) == BODY
        with pytest.raises(ConnectionBrokenError):
            await get(storage, server)


LONG_HEAD = OK + b"A: " + b"a" * 1_000_000 + b"\r\nContent-Length: 0\r\n\r\n"


@BOTH_WAYS
@pytest.mark.parametrize(
    "answer",
    [
        [b"junk\r\n\r\n"],
        [OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"],
        [OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
        [OK + b"Content-Length: x\r\n\r\n"],
        [b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
        [OK + b"A: " + b"a" * 1_000_000],
        [LONG_HEAD],
        cut(LONG_HEAD, 100),
        [INTERIM + LONG_HEAD],
    ],
    ids=[
        *("junk", "two lengths", "length and chunks", "no number", "upgrade"),
        *("no end", "long", "long, in two", "long after others"),
    ],
)
async def test_what_is_no_answer_is_refused(get: Get, answer: Answer) -> None:
    async with Server(answer, [LONG]) as server, storage_client() as storage:
        with pytest.raises(ConnectionBrokenError):
            await get(storage, server)
        assert await get(storage, server) == BODY
        assert server.connections == 2


@BOTH_WAYS
@pytest.mark.parametrize("body", [b"x\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n", b"-1\r\n"])
async def test_a_body_that_is_wrongly_framed_is_refused(get: Get, body: bytes) -> None:
    answer = OK + b"Transfer-Encoding: chunked\r\n\r\n" + body
    async with Server([answer], [LONG]) as server, storage_client() as storage:
        with pytest.raises(ConnectionBrokenError):
            await get(storage, server)
        assert await get(storage, server) == BODY


@BOTH_WAYS
@pytest.mark.parametrize("size", [b"7fffffffffffffff", b"fffffffffffffffff"])
async def test_a_chunk_of_an_impossible_size_is_no_complete_body(get: Get, size: bytes) -> None:
    answer = OK + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nPK"
    async with Server([answer, CLOSE], [LONG]) as server, storage_client() as storage:
        with pytest.raises(ConnectionBrokenError):
            await get(storage, server)
        assert await get(storage, server) == BODY


@BOTH_WAYS
@pytest.mark.parametrize(
    "header",
    [
        b"Folded: a\r\n b\r\nContent-Length: 12",
        b"Content-Length: 12\r\nContent-Length: 12",
        b"content-LENGTH:12  ",
        b"X-Latin: \xe4\xff\r\nContent-Length: 12",
    ],
    ids=["folded", "the same length twice", "no space", "no ASCII"],
)
async def test_what_both_engines_put_up_with_is_read(get: Get, header: bytes) -> None:
    answer = [OK + header + b"\r\n\r\n" + SHORT]
    async with Server(answer, answer) as server, storage_client() as storage:
        for _ in range(2):
            assert await get(storage, server) == SHORT


# Targets.


class OddError(Exception):
    """An error that no other code knows."""


class Failing(Found):
    """Raises when more than some bytes have come, and may not be called again after that."""

    def __init__(self, error: Exception, *, at: int = 0) -> None:
        super().__init__()
        self.has_raised = False
        self._error = error
        self._at = at

    def write(self, data: memoryview) -> None:
        assert not self.has_raised
        super().write(data)
        if len(self.data) > self._at:
            self.has_raised = True
            raise self._error


async def pour(storage: StorageClient, server: Scripted, target: Found, *, at_once: bool) -> None:
    name = into(target) if at_once else choose_later
    async with await response_of(storage, server, choose_writer=name) as answer:
        if not at_once:
            answer.start_receiving(target)
        assert await answer.wait()


@pytest.mark.parametrize(
    "error", [OddError("odd"), SinkError("full", code="ENOSPC"), OSError(5, "odd"), TimeoutError()]
)
@pytest.mark.parametrize("at", [0, 500])
@pytest.mark.parametrize("at_once", [False, True])
async def test_what_a_target_raises_comes_out_and_ends_the_exchange(
    error: Exception, at: int, *, at_once: bool
) -> None:
    target = Failing(error, at=at)
    async with Server([CHUNKED], [LONG]) as server, storage_client() as storage:
        with pytest.raises(type(error)) as caught:
            await pour(storage, server, target, at_once=at_once)
        assert caught.value is error
        assert SIGNATURE not in told_of(error)
        assert await get(storage, server) == BODY


async def test_what_is_raised_while_a_target_is_named_comes_out() -> None:
    def choose(_: StorageResponse) -> Found:
        raise OddError

    async with Server([LONG], [LONG]) as server, storage_client() as storage:
        with pytest.raises(OddError):
            await response_of(storage, server, choose_writer=choose)
        assert await get(storage, server) == BODY
        assert server.connections == 2


@FRAMED
@pytest.mark.parametrize("at_once", [False, True])
async def test_a_target_that_has_enough_ends_the_exchange_without_an_error(
    answer: bytes, *, at_once: bool
) -> None:
    target = Failing(EnoughError(), at=10)
    async with Server([answer], [LONG]) as server, storage_client() as storage:
        await pour(storage, server, target, at_once=at_once)
        assert target.has_raised
        assert BODY.startswith(target.data)
        assert await get(storage, server) == BODY


async def test_the_beginning_of_a_body_is_read_and_the_rest_is_left() -> None:
    async with Server([LONG], [LONG], [LONG[:-1], CLOSE]) as server, storage_client() as storage:
        async with await response_of(storage, server) as answer:
            assert await answer.read_start(7) == BODY[:7]
        async with await response_of(storage, server) as answer:
            answer.notify()  # looks at it again, and goes on
            assert await answer.read_start(10_000) == BODY
        async with await response_of(storage, server) as answer:
            assert await answer.read_start(10_000) == BODY[:-1]


async def test_who_waits_for_a_body_is_woken_by_a_nudge() -> None:
    goes_on = asyncio.Event()
    async with (
        Server([LONG[:-1], goes_on, LONG[-1:]]) as server,
        storage_client() as storage,
    ):
        async with await response_of(storage, server) as answer:
            found = Found()
            answer.notify()
            answer.start_receiving(found)
            assert not await answer.wait()  # nudged before it waited
            waiting = asyncio.ensure_future(answer.wait())
            await some_turns()
            assert not waiting.done()
            answer.notify()
            answer.notify()
            assert not await waiting
            goes_on.set()
            assert await answer.wait()
            assert found.data == BODY
            answer.notify()
            assert await answer.wait()


async def test_nothing_is_received_before_somebody_says_where_it_goes() -> None:
    async with Endless() as server, storage_client() as storage:
        async with await response_of(storage, server) as answer:
            await server.is_stuck()
            assert answer.received == 0
            found = Found()
            answer.start_receiving(found)
            sent = server.sent
            await until(lambda: server.sent > sent)
        received = answer.received
        await some_turns()
        assert len(found.data) == answer.received == received


async def test_an_answer_that_is_not_read_closes_its_connection() -> None:
    async with Server([LONG[:-1]], [LONG]) as server, storage_client() as storage:
        await (await response_of(storage, server)).aclose()
        await asyncio.wait_for(server.ended.wait(), 5)
        assert await get(storage, server) == BODY


# Threads.


# Secrets.


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    "answer",
    [
        *([CLOSE], [RESET], [LONG[:9], CLOSE], [LONG[:-1], CLOSE]),
        *([b"junk\r\n\r\n"], [CHUNKED[:-1], RESET]),
    ],
    ids=["nothing", "reset", "head", "body", "junk", "reset in chunks"],
)
@BOTH_WAYS
async def test_no_error_of_an_exchange_tells_the_signature(get: Get, answer: Answer) -> None:
    async with Server(answer) as server, storage_client() as storage:
        with pytest.raises(PixxelError) as caught:
            await get(storage, server)
        assert SIGNATURE not in told_of(caught.value)
        assert SIGNATURE.encode() in server.heads[0]


def to(location: str) -> Answer:
    """Redirect to somewhere with the signature."""
    head = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {location}?{SIGNATURE}\r\n\r\n"
    return [head.encode()]


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    "location", ["//[half", "http://x.test/", "ftp://x.test/", "https://me@x/"]
)
async def test_a_redirect_that_is_refused_tells_no_signature(location: str) -> None:
    async with Server(to(location)) as server, storage_client() as storage:
        with pytest.raises(PixxelError) as caught:
            await get(storage, server)
        assert SIGNATURE not in told_of(caught.value)


# A slow disk.


async def test_a_slow_disk_is_no_fault_of_the_storage() -> None:
    async with Server([LONG]) as server, storage_client() as storage:
        async with await response_of(storage, server) as response:
            blocked = Blocked()
            response.start_receiving(blocked)
            await blocked.entered()
            assert not response.is_paused(time.monotonic(), 3600)
            assert response.is_paused(time.monotonic() + 1, 0.5)
            blocked.free.set()
            assert await response.wait()
            assert blocked.data == BODY
            assert not response.is_paused(10**9, 1)
