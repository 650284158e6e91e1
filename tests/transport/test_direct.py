"""Our own HTTP/1.1, over real sockets: framing, reuse, breaks, cancellation, memory."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import httpx
import pytest
import trustme

from pixxel_async.transport import pool as pool_module
from pixxel_async.transport.direct import Body, DirectTransport
from pixxel_async.transport.heads import MAX_HEAD_BYTES

from ..socket_server import SocketServer

Answer = Sequence[bytes]
"""The pieces of an answer; each is sent by itself. An empty one closes the connection."""

CLOSE = b""
OK = b"HTTP/1.1 200 OK\r\n"
BODY = b"PK\x03\x04" + bytes(range(256)) * 3
LONG = OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = (
    OK
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"%x;name=value\r\n%b\r\n" % (7, BODY[n : n + 7]) for n in range(0, 700, 7))
    + b"%x\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (len(BODY) - 700, BODY[700:])
)
UNTIL_CLOSE = OK + b"\r\n" + BODY


class Way:
    """How servers and clients of a test speak with each other: in plain, or over TLS."""

    server: ssl.SSLContext | None = None
    client = ssl.create_default_context()


@pytest.fixture(scope="module", name="contexts")
def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    ca = trustme.CA()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours = ssl.create_default_context(cadata=ca.cert_pem.bytes().decode("ascii"))
    ca.issue_cert("127.0.0.1").configure_cert(theirs)
    return theirs, ours


@pytest.fixture(params=["http", "https"], autouse=True)
def _way(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    if request.param == "https":
        monkeypatch.setattr(Way, "server", contexts[0])
        monkeypatch.setattr(Way, "client", contexts[1])


class Scripted(SocketServer):
    """A server that speaks as the test's way says."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=Way.server)
        return self


class Server(Scripted):
    """Answers the requests of each connection with the next answers, which all of them share.

    Attributes:
        heads: The requests, in order.
        connections: How many there were.
        asked: Set when there has been a request.
        ended: Set when a client has closed a connection.
    """

    def __init__(self, *answers: Answer) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()
        self._answers = list(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                self.asked.set()
                for piece in self._answers.pop(0):
                    if piece == CLOSE:
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
        finally:
            writer.close()


def transport(*, keep_alive: int = 4) -> DirectTransport:
    return DirectTransport(Way.client, keep_alive=keep_alive)


def request(server: SocketServer, method: str = "GET", **timeouts: float) -> httpx.Request:
    scheme = "https" if Way.server else "http"
    url = f"{scheme}://127.0.0.1:{server.port}/a"
    return httpx.Request(method, url, extensions={"timeout": timeouts})


async def body_of(response: httpx.Response, *, room: int = 100) -> bytes:
    """Take a body in small buffers."""
    assert isinstance(response.stream, Body)
    target, found = memoryview(bytearray(room)), b""
    try:
        while count := await response.stream.receive_into(target):
            found += target[:count]
    finally:
        await response.stream.aclose()
    return found


async def take(body: Body, found: bytearray) -> None:
    """Take a body to its end, and keep what came if it has none."""
    target = memoryview(bytearray(10_000))
    while count := await body.receive_into(target):
        found += target[:count]


async def get(direct: DirectTransport, server: SocketServer, method: str = "GET") -> bytes:
    return await body_of(await direct.handle_async_request(request(server, method)))


def in_bytes(answer: bytes) -> Answer:
    return [answer[at : at + 1] for at in range(len(answer))]


def cut(answer: bytes, at: int) -> Answer:
    return [answer[:at], answer[at:]]


@pytest.mark.parametrize("answer", [LONG, CHUNKED], ids=["length", "chunks"])
@pytest.mark.parametrize("room", [1, 100, 10_000])
async def test_a_body_comes_whole_however_it_is_cut(answer: bytes, room: int) -> None:
    offsets = range(1, len(answer), 37)
    answers = [[answer], in_bytes(answer), *(cut(answer, at) for at in offsets)]
    async with Server(*answers) as server, transport() as direct:
        for _ in answers:
            response = await direct.handle_async_request(request(server))
            assert response.status_code == 200
            assert await body_of(response, room=room) == BODY
        assert server.connections == 1
        assert len(server.heads) == len(answers)


async def test_a_body_that_ends_with_the_connection() -> None:
    async with Server([UNTIL_CLOSE, CLOSE], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        assert await get(direct, server) == BODY
        assert server.connections == 2


async def test_a_body_that_ends_with_a_connection_that_was_cut_is_not_whole() -> None:
    class Cutting(Scripted):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(UNTIL_CLOSE)
            await writer.drain()
            plain = writer.get_extra_info("socket")
            if Way.server is None:  # a reset: nothing in plain tells a cut from an end
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async with Cutting() as server, transport() as direct:
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
    ],
    ids=["close", "1.0", "another answer", "more bytes", "chunks, another", "chunks, more"],
)
@pytest.mark.parametrize("room", [len(BODY), 100, 10_000])
async def test_a_connection_that_is_used_up_is_not_used_again(answer: bytes, room: int) -> None:
    async with Server([answer], [LONG]) as server, transport() as direct:
        response = await direct.handle_async_request(request(server))
        assert await body_of(response, room=room) == BODY
        assert await get(direct, server) == BODY
        assert server.connections == 2


@pytest.mark.fault(7)
async def test_bytes_that_come_while_nothing_is_asked_for_belong_to_nobody() -> None:
    rest = OK + b"Content-Length: 4\r\n\r\nevil"
    async with Server([LONG, rest], [LONG]) as server, transport() as direct:
        assert await get(direct, server) == BODY
        assert await get(direct, server) == BODY


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
        assert await body_of(response) == b""
        assert await get(direct, server) == BODY
        assert server.connections == 1


async def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    async with Server(in_bytes(interim + LONG), [interim, LONG]) as server, transport() as direct:
        for _ in range(2):
            response = await direct.handle_async_request(request(server))
            assert "link" not in response.headers
            assert await body_of(response) == BODY


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
async def test_a_body_that_breaks_off_is_told_after_what_came(answer: bytes) -> None:
    start = answer.index(b"\r\n\r\n") + 4
    for at in range(start, len(answer), 41):
        async with Server([answer[:at], CLOSE]) as server, transport() as direct:
            response = await direct.handle_async_request(request(server))
            assert isinstance(response.stream, Body)
            found = bytearray()
            with pytest.raises(httpx.RemoteProtocolError, match="closed within the body"):
                await take(response.stream, found)
            await response.stream.aclose()
            assert BODY.startswith(found)
            assert len(found) >= at - start if answer is LONG else True


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


async def in_head(direct: DirectTransport, server: Server) -> None:
    await direct.handle_async_request(request(server))


async def in_body(direct: DirectTransport, server: Server) -> None:
    await get(direct, server)


@pytest.mark.parametrize(
    ("use", "answer"), [(in_head, [LONG[:20]]), (in_body, [LONG[:200]]), (in_body, [CHUNKED[:200]])]
)
async def test_a_cancelled_request_closes_its_connection(
    use: Callable[[DirectTransport, Server], Awaitable[None]], answer: Answer
) -> None:
    async with Server(answer, [LONG]) as server, transport() as direct:
        task = asyncio.ensure_future(use(direct, server))
        await asyncio.wait_for(server.asked.wait(), 5)
        for _ in range(50):  # until it waits for what does not come
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.ended.wait(), 5)
        assert await get(direct, server) == BODY


async def test_an_answer_that_is_not_read_to_its_end_closes_its_connection() -> None:
    async with Server([LONG[:-1]], [LONG]) as server, transport() as direct:
        response = await direct.handle_async_request(request(server))
        await response.aclose()
        await response.aclose()
        await asyncio.wait_for(server.ended.wait(), 5)
        with pytest.raises(httpx.StreamClosed):
            await response.stream.receive_into(memoryview(bytearray(1)))  # type: ignore[union-attr]
        assert await get(direct, server) == BODY


async def test_nothing_is_received_that_nobody_asks_for() -> None:
    class Endless(Scripted):
        sent = 0

        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK + b"Content-Length: 100000000000\r\n\r\n")
            try:
                while not writer.is_closing():  # over TLS, a lost connection raises nothing
                    writer.write(bytes(65536))
                    await writer.drain()
                    await asyncio.sleep(0)  # or the loop never learns that the connection is lost
                    self.sent += 65536
            except ConnectionError:
                pass
            finally:
                writer.close()

    async with Endless() as server, transport() as direct:
        response = await direct.handle_async_request(request(server))
        seen = -1
        while server.sent != seen:  # until the sockets between us are full
            seen = server.sent
            for _ in range(100):
                await asyncio.sleep(0)
        target = memoryview(bytearray(1 << 20))
        assert isinstance(response.stream, Body)
        assert await response.stream.receive_into(target) == len(target)
        await response.aclose()


async def test_fewer_bytes_do_after_a_while() -> None:
    async with Server([LONG[:-1]]) as server, transport() as direct:
        response = await direct.handle_async_request(request(server))
        assert isinstance(response.stream, Body)
        target, found = memoryview(bytearray(10_000)), b""
        while len(found) < len(BODY) - 1:
            count = await response.stream.receive_into(target, patience_s=0.001)
            found += target[:count]
        assert found == BODY[:-1]
        waiting = asyncio.ensure_future(response.stream.receive_into(target, patience_s=0.001))
        for _ in range(100):
            await asyncio.sleep(0.0001)
        assert not waiting.done()  # impatience alone brings nothing
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await response.aclose()


@pytest.mark.parametrize("pieces", [[b"HTTP/1.1"], [LONG[:-1]]], ids=["head", "body"])
async def test_a_wait_for_nothing_ends(pieces: Answer) -> None:
    async with Server(pieces) as server, transport() as direct:
        with pytest.raises(httpx.ReadTimeout, match=r"nothing came for 0\.05 s"):
            await body_of(await direct.handle_async_request(request(server, read=0.05)))


async def test_no_more_connections_are_kept_than_said() -> None:
    async with Server(*([LONG],) * 4) as server, transport(keep_alive=1) as direct:
        responses = [await direct.handle_async_request(request(server)) for _ in range(3)]
        for response in responses:
            assert await body_of(response) == BODY
        await asyncio.wait_for(server.ended.wait(), 5)
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
        await asyncio.wait_for(server.ended.wait(), 5)


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
