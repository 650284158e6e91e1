"""GETs to the storage over real sockets: how bodies come, and where they go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from pixxel_async.errors import ConnectionBrokenError, PixxelError, SinkError
from pixxel_async.transport.exchange import Exchange
from pixxel_async.transport.heads import MAX_HEAD_BYTES
from pixxel_async.transport.storage import StorageClient, leave_open
from pixxel_async.transport.target import EnoughError

from ..support import PATIENCE_S
from ..test_secrets import told_of
from .bodies import Found, whole_body
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
    MESSAGE,
    SIGNATURE,
    Blocked,
    Pieces,
    answer_of,
    channel_to,
    get,
    get_at_once,
    held_up,
    into,
    reactor,
    some_turns,
    storage_client,
    until,
)

pytestmark = pytest.mark.usefixtures("way", "nothing_left")

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
@FRAMED
@pytest.mark.parametrize("piece_bytes", [1, 7, 100])
async def test_a_body_comes_whole_in_pieces_of_any_size(
    get: Get, answer: bytes, piece_bytes: int
) -> None:
    async with Server([INTERIM + answer], [answer]) as server, storage_client() as storage:
        for _ in range(2):
            assert await get(storage, server, throttle=Pieces(piece_bytes)) == BODY
        assert server.connections == 1


@BOTH_WAYS
@pytest.mark.parametrize("piece_bytes", [1, 10_000])
async def test_a_body_that_ends_with_the_connection(get: Get, piece_bytes: int) -> None:
    async with Server([UNTIL_CLOSE, CLOSE], [LONG]) as server, storage_client() as storage:
        assert await get(storage, server, throttle=Pieces(piece_bytes)) == BODY
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
        async with await answer_of(storage, server) as answer:
            assert answer.status == status
            assert answer.exchange.is_over
            assert await whole_body(answer) == b""
            assert await answer.beginning(10) == b""
        assert await get_at_once(storage, server) == b""
        assert await get(storage, server) == BODY
        assert server.connections == 1


async def test_what_an_interim_answer_says_is_not_of_the_answer() -> None:
    async with Server([INTERIM + LONG]) as server, storage_client() as storage:
        async with await answer_of(storage, server) as answer:
            assert answer.status == 200
            assert set(answer.headers) == {"content-length"}


# Bodies that are not.


@BOTH_WAYS
@FRAMED
async def test_a_body_that_breaks_off_is_told_after_what_came(get: Get, answer: bytes) -> None:
    start = answer.index(b"\r\n\r\n") + 4
    for at in range(start, len(answer), 41):
        async with Server([answer[:at], CLOSE]) as server, storage_client() as storage:
            with pytest.raises(ConnectionBrokenError, match="closed within the body"):
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
        async with await answer_of(storage, server) as poured:
            poured.begin_to_pour(found)
            await until(lambda: BODY.startswith(found.data) and len(found.data) > 300)
            goes_on.set()
            with pytest.raises(ConnectionBrokenError):
                await poured.poured()
        assert BODY.startswith(found.data)


@BOTH_WAYS
async def test_a_body_that_ends_with_a_connection_that_was_cut_is_not_whole(get: Get) -> None:
    how = RESET if Way.server is None else CUT  # nothing in plain tells a cut from an end
    async with Server([UNTIL_CLOSE, how]) as server, storage_client() as storage:
        with pytest.raises(ConnectionBrokenError):
            await get(storage, server)


@BOTH_WAYS
@pytest.mark.parametrize("at", [1, 9, len(OK) + 3, LONG.index(b"\r\n\r\n") + 3])
@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_head_that_breaks_off_is_not_asked_for_again(
    get: Get, at: int, *, is_kept: bool
) -> None:
    answers: list[Answer] = [[LONG]] if is_kept else []
    async with Server(*answers, [LONG[:at], CLOSE]) as server, storage_client() as storage:
        for _ in answers:
            assert await get(storage, server) == BODY
        with pytest.raises(ConnectionBrokenError, match="closed within the head"):
            await get(storage, server)
        assert server.connections == 1


LONG_HEAD = OK + b"A: " + b"a" * MAX_HEAD_BYTES + b"\r\nContent-Length: 0\r\n\r\n"


@BOTH_WAYS
@pytest.mark.parametrize(
    "answer",
    [
        [b"junk\r\n\r\n"],
        [OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"],
        [OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
        [OK + b"Content-Length: x\r\n\r\n"],
        [OK + b"Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n"],
        [b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
        [OK + b"A: " + b"a" * MAX_HEAD_BYTES],
        [LONG_HEAD],
        cut(LONG_HEAD, 100),
        [INTERIM + LONG_HEAD],
    ],
    ids=[
        *("junk", "two lengths", "length and chunks", "no number", "folded", "upgrade"),
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
@pytest.mark.parametrize(
    "body", [b"x\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n", b"-1\r\n", b"fffffffffffffffff\r\n"]
)
async def test_a_body_that_is_wrongly_framed_is_refused(get: Get, body: bytes) -> None:
    answer = OK + b"Transfer-Encoding: chunked\r\n\r\n" + body
    async with Server([answer], [LONG]) as server, storage_client() as storage:
        with pytest.raises(ConnectionBrokenError):
            await get(storage, server)
        assert await get(storage, server) == BODY


# What goes out.


async def test_a_request_that_fills_the_sockets_goes_out_whole() -> None:
    class Late(Scripted):
        head = b""

        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while not self.head.endswith(b"\r\n\r\n"):
                await asyncio.sleep(0)
                self.head += await reader.read(65536)
            writer.write(LONG)
            await writer.drain()
            writer.close()

    target = b"/" + b"x" * 8_000_000
    message = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target
    async with Late() as server, channel_to(server) as channel:
        with reactor() as by:
            found = Found()
            exchange = Exchange(by, channel, type(MESSAGE)(message), at_once=into(found))
            await exchange.answer()
            assert found.data == BODY
            assert server.head == message
            await exchange.aclose()


async def test_a_channel_with_a_request_that_has_not_gone_out_is_not_used_again() -> None:
    class Hasty(Scripted):
        ends = asyncio.Event()

        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(100)
            writer.write(LONG)
            await writer.drain()
            await self.ends.wait()
            writer.close()

    message = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 8_000_000)
    async with Hasty() as server, channel_to(server) as channel:
        with reactor() as by:
            found = Found()
            exchange = Exchange(by, channel, type(MESSAGE)(message), at_once=into(found))
            await exchange.answer()
            assert found.data == BODY
            await exchange.aclose()
            assert not channel.is_usable
            server.ends.set()


# Targets.


class OddError(Exception):
    """An error that no other code knows."""


class Failing(Found):
    """Raises, when some bytes have come."""

    def __init__(self, error: Exception, *, at: int = 0) -> None:
        super().__init__()
        self.calls = 0
        self._error = error
        self._at = at

    def write(self, data: memoryview) -> None:
        self.calls += 1
        super().write(data)
        if len(self.data) > self._at:
            raise self._error


async def pour(storage: StorageClient, server: Scripted, target: Found, *, at_once: bool) -> None:
    name = into(target) if at_once else leave_open
    async with await answer_of(storage, server, at_once=name) as answer:
        if not at_once:
            answer.begin_to_pour(target)
        assert await answer.poured()


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
        calls = target.calls
        assert await get(storage, server) == BODY
        assert (server.connections, target.calls) == (2, calls)


async def test_what_is_raised_while_a_target_is_named_comes_out() -> None:
    def at_once(_: Exchange) -> Found:
        raise OddError

    async with Server([LONG], [LONG]) as server, storage_client() as storage:
        with pytest.raises(OddError):
            await answer_of(storage, server, at_once=at_once)
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
        assert BODY.startswith(target.data)
        assert target.calls == (1 if answer is LONG else 2)
        assert await get(storage, server) == BODY
        assert server.connections == 2


async def test_the_beginning_of_a_body_is_read_and_the_rest_is_left() -> None:
    async with Server([LONG], [LONG], [LONG[:-1], CLOSE]) as server, storage_client() as storage:
        async with await answer_of(storage, server) as answer:
            assert await answer.beginning(7) == BODY[:7]
        async with await answer_of(storage, server) as answer:
            answer.exchange.nudge()  # looks at it again, and goes on
            assert await answer.beginning(10_000) == BODY
        async with await answer_of(storage, server) as answer:
            assert await answer.beginning(10_000) == BODY[:-1]
        assert server.connections == 2


async def test_who_waits_for_a_body_is_woken_by_a_nudge() -> None:
    goes_on = asyncio.Event()
    async with Server([LONG[:-1], goes_on, LONG[-1:]]) as server, storage_client() as storage:
        async with await answer_of(storage, server) as answer:
            found = Found()
            answer.exchange.nudge()
            answer.begin_to_pour(found)
            assert not await answer.poured()  # nudged before it waited
            waiting = asyncio.ensure_future(answer.poured())
            await some_turns()
            assert not waiting.done()
            answer.exchange.nudge()
            answer.exchange.nudge()
            assert not await waiting
            goes_on.set()
            assert await answer.poured()
            assert found.data == BODY
            answer.exchange.nudge()
            assert await answer.poured()


async def test_nothing_is_received_before_somebody_says_where_it_goes() -> None:
    async with Endless() as server, storage_client() as storage:
        async with await answer_of(storage, server) as answer:
            await server.is_stuck()
            assert answer.exchange.received == 0
            found = Found()
            answer.begin_to_pour(found)
            sent = server.sent
            await until(lambda: server.sent > sent)
        received = answer.exchange.received
        await some_turns()
        assert len(found.data) == answer.exchange.received == received


async def test_an_answer_that_is_not_read_closes_its_connection() -> None:
    async with Server([LONG[:-1]], [LONG]) as server, storage_client() as storage:
        await (await answer_of(storage, server)).aclose()
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        assert await get(storage, server) == BODY


# Threads.


async def test_a_body_goes_on_where_it_is_moved_to() -> None:
    threads: set[str] = set()

    class Where(Found):
        def write(self, data: memoryview) -> None:
            threads.add(str(threading.get_ident()))
            super().write(data)

    async with Server([in_bytes(LONG)[0], LONG[1:]]) as server, channel_to(server) as channel:
        with reactor() as first, reactor() as second:
            exchange = Exchange(first, channel, MESSAGE, at_once=leave_open)
            await exchange.answer()
            assert (len(first.users), len(second.users)) == (1, 0)
            exchange.move_to(second)
            assert (len(first.users), len(second.users)) == (0, 1)
            found = Where()
            with held_up(first):  # it has no part in it any more
                exchange.begin_to_pour(found)
                assert await exchange.poured()
            assert found.data == BODY
            assert threads == {str(second._thread.ident)}
            await exchange.aclose()
            await exchange.aclose()
            assert (len(first.users), len(second.users)) == (0, 0)


async def test_a_slow_target_blocks_its_own_thread_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    async with Server(*([LONG],) * 3) as server, storage_client() as storage:
        async with await answer_of(storage, server) as slow:
            blocked = Blocked()
            slow.begin_to_pour(blocked)
            await blocked.entered()
            by = slow.exchange.reactor
            await until(lambda: not by.keeps_up)
            assert await get(storage, server) == BODY
            assert await get_at_once(storage, server) == BODY
            assert not blocked.data
            assert by.busy_since is not None
            assert not slow.exchange.is_held_up(by.busy_since + 1, 1)
            assert slow.exchange.is_held_up(by.busy_since + 1.1, 1)
            blocked.free.set()
            assert await slow.poured()
            assert blocked.data == BODY
            await until(lambda: by.busy_since is None)
            assert not slow.exchange.is_held_up(10**9, 1)


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
