"""Our own HTTP/1.1, over real sockets: framing, reuse, breaks, cancellation, bounds."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx
import pytest
from pydantic import SecretBytes

from pixxel_async.transport import pool as pool_module
from pixxel_async.transport.direct import DirectTransport, origin_of
from pixxel_async.transport.heads import MAX_HEAD_BYTES
from pixxel_async.transport.whole import TooLongError, WholeAnswer

from ..socket_server import SocketServer
from ..support import PATIENCE_S
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
    Scripted,
    Server,
    Way,
    cut,
    in_bytes,
)

pytestmark = pytest.mark.usefixtures("way")


def transport(*, keep_alive: int = 4) -> DirectTransport:
    return DirectTransport(Way.client, keep_alive=keep_alive)


def request(server: SocketServer, method: str = "GET") -> httpx.Request:
    return httpx.Request(method, f"{server.url}/a")


async def get(direct: DirectTransport, server: SocketServer, method: str = "GET") -> bytes:
    response = await direct.handle_async_request(request(server, method))
    return await response.aread()


async def ask(
    direct: DirectTransport,
    server: SocketServer,
    *,
    most_bytes: int = 10_000,
    within_s: float = PATIENCE_S,
) -> WholeAnswer:
    return await direct.ask(
        origin_of(request(server).url),
        SecretBytes(b"GET / HTTP/1.1\r\n\r\n"),
        method="GET",
        most_bytes=most_bytes,
        ends_at=asyncio.get_running_loop().time() + within_s,
    )


@pytest.mark.parametrize("answer", [LONG, CHUNKED], ids=["length", "chunks"])
async def test_a_body_comes_whole_however_it_is_cut(answer: bytes) -> None:
    offsets = range(1, len(answer), 37)
    answers = [[answer], in_bytes(answer), *(cut(answer, at) for at in offsets)]
    async with Server(*answers) as server, transport() as direct:
        for _ in answers:
            response = await direct.handle_async_request(request(server))
            assert response.status_code == 200
            assert await response.aread() == BODY
        assert server.connections == 1
        assert len(server.heads) == len(answers)


async def test_a_large_answer_comes_whole() -> None:
    body = bytes(range(256)) * 8000  # more than the memory that what comes is put into
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with Server([answer], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == body
        assert await get(direct, server) == BODY
        assert server.connections == 1


async def test_a_body_that_ends_with_the_connection() -> None:
    async with Server([UNTIL_CLOSE, CLOSE], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        assert await get(direct, server) == BODY
        assert server.connections == 2


async def test_a_body_that_ends_with_a_connection_that_was_cut_is_not_whole() -> None:
    how = CUT if Way.server else RESET  # in plain, nothing tells a cut from an end
    async with Server([UNTIL_CLOSE, how]) as server, transport() as direct:
        with pytest.raises(httpx.ReadError):
            await get(direct, server)


@pytest.mark.parametrize(
    "answer",
    [
        LONG.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1),
        LONG.replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        LONG + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        LONG + b"x",
        CHUNKED + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        CHUNKED + b"x",
        LONG + b"\r\n",
    ],
    ids=["close", "1.0", "another answer", "more bytes", "chunks, another", "chunks, more", "line"],
)
async def test_a_connection_that_is_used_up_is_not_used_again(answer: bytes) -> None:
    async with Server([answer], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        assert await get(direct, server) == BODY
        assert server.connections == 2


@pytest.mark.fault(7)
async def test_bytes_that_come_while_nothing_is_asked_for_belong_to_nobody() -> None:
    rest = OK + b"Content-Length: 4\r\n\r\nevil"
    async with Server([LONG, rest], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        assert await get(direct, server) == BODY
        assert server.connections == 2


@pytest.mark.parametrize("late", [b"x", b"\r\n", LONG])
async def test_bytes_that_come_to_an_idle_connection_close_it(late: bytes) -> None:
    class Late(Scripted):
        now, ended = asyncio.Event(), asyncio.Event()

        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(LONG)
            await self.now.wait()
            writer.write(late)
            await reader.read()
            writer.close()
            self.ended.set()

    async with Late() as server, transport() as direct:
        assert await get(direct, server) == BODY
        server.now.set()
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", 304),
    ],
)
async def test_answers_without_a_body(head: bytes, status: int) -> None:
    async with Server([head], [LONG]) as server, transport() as direct:
        response = await direct.handle_async_request(request(server))
        assert response.status_code == status
        assert await response.aread() == b""
        assert await get(direct, server) == BODY
        assert server.connections == 1


async def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    async with Server(in_bytes(interim + LONG), [interim, LONG]) as server, transport() as direct:
        for _ in range(2):
            response = await direct.handle_async_request(request(server))
            assert "link" not in response.headers
            assert await response.aread() == BODY


@pytest.mark.parametrize(
    "answer",
    [
        b"junk\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Content-Length: x\r\n\r\n",
        OK + b"Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        OK + b"A: " + b"a" * MAX_HEAD_BYTES,
    ],
    ids=["junk", "two lengths", "length and chunks", "no number", "folded", "upgrade", "long"],
)
async def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    async with Server([answer], [LONG]) as server, transport() as direct:
        with pytest.raises(httpx.RemoteProtocolError):
            await direct.handle_async_request(request(server))
        assert await get(direct, server) == BODY


@pytest.mark.parametrize("answer", [LONG, CHUNKED], ids=["length", "chunks"])
async def test_a_body_that_breaks_off_is_no_answer(answer: bytes) -> None:
    start = answer.index(b"\r\n\r\n") + 4
    for at in range(start, len(answer), 41):
        async with Server([answer[:at], CLOSE], [LONG]) as server, transport() as direct:
            with pytest.raises(httpx.RemoteProtocolError, match="closed within the body"):
                await get(direct, server)
            assert await get(direct, server) == BODY


@pytest.mark.parametrize("at", range(0, 20, 3))
async def test_a_head_that_breaks_off(at: int) -> None:
    async with Server([LONG[:at], CLOSE]) as server, transport() as direct:
        with pytest.raises(httpx.RemoteProtocolError, match="closed"):
            await direct.handle_async_request(request(server))


@pytest.mark.fault(11)
async def test_a_connection_that_has_died_idle_costs_a_request_nothing() -> None:
    async with Server([LONG, CLOSE], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        assert await get(direct, server, "POST") == BODY  # found out before it is sent
        assert server.connections == 2


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_what_may_be_sent_twice_is_if_a_kept_connection_dies(method: str) -> None:
    async with Server([LONG], [CLOSE], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        assert await get(direct, server, method) == BODY
        assert (server.connections, len(server.heads)) == (2, 3)


class Forgetful(Scripted):
    """Answers the first request of each connection, and closes it upon the second."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self.all_there = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            if self.connections >= 8:
                self.all_there.set()
            await self.all_there.wait()  # so that each request needs a connection of its own
            writer.write(LONG)
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()


@pytest.mark.fault(68)
async def test_a_request_meets_one_stale_connection_at_most() -> None:
    async with Forgetful() as server, transport(keep_alive=8) as direct:
        bodies = await asyncio.gather(*(get(direct, server) for _ in range(8)))
        assert bodies == [BODY] * 8
        assert (server.connections, len(server.heads)) == (8, 8)
        assert await get(direct, server) == BODY
        assert (server.connections, len(server.heads)) == (9, 10)


async def test_what_may_not_be_sent_twice_is_not() -> None:
    async with Server([LONG], [CLOSE], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        with pytest.raises(httpx.RemoteProtocolError, match="without an answer"):
            await direct.handle_async_request(request(server, "POST"))
        assert len(server.heads) == 2


async def test_a_fresh_connection_that_dies_is_an_error() -> None:
    async with Server([CLOSE]) as server, transport() as direct:
        with pytest.raises(httpx.RemoteProtocolError, match="without an answer"):
            await direct.handle_async_request(request(server))
        assert len(server.heads) == 1


@pytest.mark.parametrize("answer", [[], [LONG[:20]], [LONG[:200]], [CHUNKED[:200]]])
async def test_a_cancelled_request_closes_its_connection(answer: Answer) -> None:
    async with Server(answer, [LONG]) as server, transport() as direct:
        task = asyncio.ensure_future(get(direct, server))
        await asyncio.wait_for(server.asked.wait(), PATIENCE_S)
        for _ in range(50):  # until it waits for what does not come
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        assert await get(direct, server) == BODY


class Endless(Scripted):
    """Sends a head, and then bytes as long as they are taken.

    Attributes:
        sent: How many.
        ended: Set when the client has closed the connection.
    """

    def __init__(self, head: bytes, piece: bytes) -> None:
        self.sent = 0
        self.ended = asyncio.Event()
        self._head = head
        self._piece = piece

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._head)
        try:
            while not writer.is_closing():  # over TLS, a lost connection raises nothing
                writer.write(self._piece)
                await writer.drain()
                await asyncio.sleep(0)  # or the loop never learns that the connection is lost
                self.sent += len(self._piece)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.ended.set()


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (OK + b"\r\n", bytes(1000)),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"3e8\r\n%b\r\n" % bytes(1000)),
        (OK + b"Content-Length: 100000000000\r\n\r\n", bytes(1000)),
    ],
    ids=["until close", "chunks", "length"],
)
async def test_an_answer_without_an_end_is_refused(head: bytes, piece: bytes) -> None:
    async with Endless(head, piece) as server, transport() as direct:
        with pytest.raises(TooLongError, match="longer than 10000 bytes"):
            await ask(direct, server)
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)


async def test_an_answer_that_tells_that_it_is_too_long_is_refused_at_its_head() -> None:
    head = OK + b"Content-Length: 10001\r\n\r\n"
    async with Server([head], [LONG]) as server, transport() as direct:
        with pytest.raises(TooLongError):
            await ask(direct, server)
        assert (await ask(direct, server)).body == BODY


@pytest.mark.parametrize("answer", [LONG, CHUNKED], ids=["length", "chunks"])
async def test_an_answer_of_just_the_size_is_taken(answer: bytes) -> None:
    async with Server([answer], [answer]) as server, transport() as direct:
        assert (await ask(direct, server, most_bytes=len(BODY))).body == BODY
        with pytest.raises(TooLongError):
            await ask(direct, server, most_bytes=len(BODY) - 1)


@pytest.mark.parametrize("pieces", [[b"HTTP/1.1"], [LONG[:-1]]], ids=["head", "body"])
async def test_a_wait_for_nothing_ends(pieces: Answer) -> None:
    async with Server(pieces, [LONG]) as server, transport() as direct:
        with pytest.raises(TimeoutError):
            await ask(direct, server, within_s=0.5)
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        assert (await ask(direct, server)).body == BODY


@pytest.mark.parametrize("way", ["https"], indirect=True)  # in plain, the system connects by itself
async def test_a_wait_for_a_connection_ends() -> None:
    class Silent(SocketServer):  # in plain: it never greets back
        ended = asyncio.Event()

        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            self.ended.set()

    async with Silent() as server, transport() as direct:
        with pytest.raises(TimeoutError):
            await ask(direct, server, within_s=0.5)
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)


async def test_no_more_connections_are_kept_than_said() -> None:
    async with Server(*([LONG],) * 4) as server, transport(keep_alive=1) as direct:
        bodies = await asyncio.gather(*(get(direct, server) for _ in range(3)))
        assert bodies == [BODY] * 3
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        assert await get(direct, server) == BODY
        assert server.connections == 3


async def test_none_are_kept_if_that_is_said() -> None:
    async with Server([LONG], [LONG]) as server, transport(keep_alive=0) as direct:
        for _ in range(2):
            assert await get(direct, server) == BODY
        assert server.connections == 2


async def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "IDLE_S", 0.01)
    monkeypatch.setattr(pool_module, "SWEEP_S", 0.02)
    async with Server([LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)


@pytest.mark.parametrize(
    ("method", "headers", "target"),
    [
        ("GET", {"A": "b\r\nEvil: c"}, b"/"),
        ("GET", {"A": "b\x00"}, b"/"),
        ("GET", {"A b": "c"}, b"/"),
        ("G ET", {}, b"/"),
        ("GET", {}, b"/ HTTP/1.1\r\nEvil: c"),
        ("GET", {}, b"/\xc3\xa4"),
    ],
)
async def test_what_would_break_out_of_its_line_is_not_sent(
    method: str, headers: dict[str, str], target: bytes
) -> None:
    async with transport() as direct:
        wrong = httpx.Request(
            method, "http://127.0.0.1:1/", headers=headers, extensions={"target": target}
        )
        with pytest.raises(httpx.LocalProtocolError):
            await direct.handle_async_request(wrong)


async def test_other_protocols_are_not_spoken() -> None:
    async with transport() as direct:
        with pytest.raises(httpx.UnsupportedProtocol):
            await direct.handle_async_request(httpx.Request("GET", "ftp://127.0.0.1/"))


def test_a_connection_of_another_event_loop_is_not_used() -> None:
    direct = transport()

    async def use() -> int:
        async with Server([LONG]) as server:
            assert await get(direct, server) == BODY
            return server.connections

    assert asyncio.run(use()) == 1
    assert asyncio.run(use()) == 1


async def test_errors_of_the_network_keep_their_cause() -> None:
    async with Server() as server:
        gone = server.port
    async with transport() as direct:
        with pytest.raises(httpx.ConnectError) as caught:
            await direct.handle_async_request(httpx.Request("GET", f"http://127.0.0.1:{gone}/"))
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)
