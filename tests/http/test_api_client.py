"""Calls over real sockets: what is sent, what becomes of each answer, and of who is cancelled."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
import traceback
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import httpx2
import pytest

from pixxel_async import (
    ApiError,
    InputError,
    Limits,
    PixxelClient,
    PixxelError,
    RateLimitedError,
    ResponseError,
    RetryPolicy,
    RouteError,
    Timeouts,
    TransportError,
)

from ..socket_server import SocketServer
from ..support import PATIENCE_S
from .raw_server import PONG, RawServer, raw
from .script import AT_ONCE, CALLS, KEY, ClientCall
from .storages import some_turns, until
from .tls_stand import ConnectProxy

ONCE = RetryPolicy(attempts=1, recreate=0)
FAST = Limits(requests_per_second=10_000)
BODY = (
    b'{"download_id": "d1", "id": "d1", "status": "ready", "signed_url": "https://s.test/?sig=1"}'
)
MAX_BYTES = 2000
SHORT = Limits(max_answer_bytes=MAX_BYTES, requests_per_second=10_000)
NO_VERIFY = ssl.create_default_context()
NO_VERIFY.check_hostname = False
NO_VERIFY.verify_mode = ssl.CERT_NONE
EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=str)


@pytest.fixture(params=["ours", "httpx", "httpx2"])
def carrier(request: pytest.FixtureRequest) -> str:
    """Name what carries the calls of a test: a client of ours, or one of a user."""
    return str(request.param)


@asynccontextmanager
async def client_of(
    carrier: str, server: SocketServer, *, connections: int = 100, **parts: Any
) -> AsyncIterator[PixxelClient]:
    parts = {"base_url": server.url, "retry": ONCE, "limits": FAST, **parts}
    if carrier == "ours":
        async with PixxelClient(KEY, proxy="direct", **parts) as client:
            yield client
        return
    library: Any = httpx if carrier == "httpx" else httpx2
    limits = library.Limits(max_connections=connections)
    async with library.AsyncClient(trust_env=False, limits=limits, verify=NO_VERIFY) as calls:
        async with PixxelClient(KEY, http_client=calls, **parts) as client:
            yield client
        assert not calls.is_closed


class Requests(SocketServer):
    """Keeps each request with its body, and answers with a package that is ready.

    Attributes:
        requests: Request line, headers by lower-case name, body.
        connections: How many there were.
        most: How many were open at once, at most.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, dict[bytes, bytes], bytes]] = []
        self.connections = self.open = self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, *lines = head[:-4].split(b"\r\n")
                headers = {
                    name.lower(): value for name, value in (each.split(b": ", 1) for each in lines)
                }
                assert len(headers) == len(lines)  # none came twice
                body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
                self.requests.append((line, headers, body))
                answer = PONG if b"/ping " in line else BODY
                length = b"Content-Length: %d\r\n\r\n" % len(answer)
                writer.write(b"HTTP/1.1 200 OK\r\n" + length + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


class Silent(SocketServer):
    """Takes requests, and never completes a response.

    Attributes:
        asked: Set when there has been one.
        ended: Set when a client has closed its connection.
    """

    def __init__(self, *pieces: bytes) -> None:
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()
        self._pieces = pieces

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked.set()
        writer.writelines(self._pieces)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        self.ended.set()


async def job_error(carrier: str, answer: bytes, **parts: object) -> PixxelError:
    async with RawServer(answer) as server, client_of(carrier, server, **parts) as client:  # type: ignore[arg-type]
        with pytest.raises(PixxelError) as caught:
            await client.jobs.create_download("w", "j")
    return caught.value


def told(error: BaseException) -> str:
    """Return all that a tool which reports errors may show, local variables included."""
    full = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(full.format()) + repr(error) + repr(vars(error))


# What is sent.


@pytest.mark.parametrize("prefix", ["", "/stage/eu", "/stage/"])
@EVERY_CALL
async def test_a_call_is_the_same_whoever_carries_it(
    carrier: str, call: ClientCall, prefix: str
) -> None:
    async with Requests() as server:
        host, url = f"127.0.0.1:{server.port}", server.url + prefix
        for each in (carrier, "ours"):
            async with client_of(each, server, base_url=url) as client:
                await call.send(client)
    theirs, ours = server.requests
    assert theirs == ours
    line, headers, _ = ours
    assert line.startswith(f"{call.method} {prefix.rstrip('/')}/".encode())
    assert headers[b"host"] == host.encode()
    assert headers[b"authorization"] == KEY.encode()


async def test_the_host_is_named_first(carrier: str) -> None:
    async with RawServer(raw(200, BODY)) as server, client_of(carrier, server) as client:
        await client.insights.create_download("a", "i")
    assert server.heads[0].split(b"\r\n")[1].startswith(b"Host: ")  # RFC 9110 section 7.2


async def test_calls_share_a_connection_unless_they_may_not_be_sent_twice(carrier: str) -> None:
    async with Requests() as server, client_of(carrier, server) as client:
        for call in CALLS * 3:
            await call.send(client)
    posts = sum(call.method == "POST" for call in CALLS)
    assert len(server.requests) == 3 * len(CALLS)
    assert server.connections == 1 + (3 * posts if carrier == "ours" else 0)


async def test_ids_are_escaped_and_bodies_are_not(carrier: str) -> None:
    async with Requests() as server, client_of(carrier, server) as client:
        await client.insights.create_download("a/../b", "ü?#", outputs=["\N{SATELLITE}"])
    line, headers, body = server.requests[0]
    assert line == b"PUT /v0/aoi/a%2F..%2Fb/insights/%C3%BC%3F%23/download HTTP/1.1"
    assert body == '{"inputs":[],"outputs":["\N{SATELLITE}"]}'.encode()
    assert headers[b"content-type"] == b"application/json"


async def test_ids_that_are_too_long_are_refused_before_anything_is_sent(carrier: str) -> None:
    async with Requests() as server, client_of(carrier, server) as client:
        with pytest.raises(InputError, match="too long"):
            await client.tasks.create_download(*["\N{SATELLITE}" * 2048] * 3)
    assert server.connections == 0


# What comes back.


@pytest.mark.parametrize(
    ("coding", "code"),
    [("gzip", gzip.compress), ("GZip", gzip.compress), ("deflate", zlib.compress)],
)
async def test_a_content_coding_is_decoded(
    carrier: str, coding: str, code: Callable[[bytes], bytes]
) -> None:
    answer = raw(200, code(BODY), Content_Encoding=coding)
    async with RawServer(answer) as server, client_of(carrier, server) as client:
        package = await client.jobs.create_download("w", "j")
    assert package.status_word == "ready"


async def test_a_broken_content_coding_is_a_response_error(carrier: str) -> None:
    error = await job_error(carrier, raw(200, b"this is no gzip", Content_Encoding="gzip"))
    assert isinstance(error, ResponseError)
    assert "content coding" in error.message


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize(
    "answer",
    [
        (b"x" * (MAX_BYTES + 1), {}),
        (gzip.compress(bytes(1_000_000)), {"Content_Encoding": "gzip"}),
    ],
    ids=["long", "long when decoded"],
)
async def test_a_response_that_is_too_long_is_refused(
    carrier: str, status: int, answer: tuple[bytes, dict[str, str]]
) -> None:
    body, headers = answer
    error = await job_error(carrier, raw(status, body, **headers), limits=SHORT)
    assert isinstance(error, ResponseError)
    assert error.message == f"the answer is longer than {MAX_BYTES} bytes"


async def test_a_response_of_the_longest_size_is_read(carrier: str) -> None:
    async with RawServer(raw(200, BODY.ljust(MAX_BYTES))) as server:
        async with client_of(carrier, server, limits=SHORT) as client:
            created = await client.jobs.create_download("w", "j")
    assert created.status_word == "ready"


async def test_retry_after_is_read(carrier: str) -> None:
    error = await job_error(carrier, raw(429, b"{}", RETRY_after="7"))
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_s == 7


async def test_the_key_is_cut_out_of_an_error_that_repeats_it(carrier: str) -> None:
    body = b'{"error": {"code": "X", "message": "%b"}}' % KEY.encode()
    error = await job_error(carrier, raw(403, body))
    assert isinstance(error, ApiError)
    assert error.message == "[key]"


@pytest.mark.parametrize(
    "answer",
    [
        b"junk\r\n\r\n",
        b"",
        raw(200, BODY)[:20],
        raw(200, BODY)[:-1],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
    ids=["junk", "nothing", "half of the headers", "not all of it", "two lengths", "half a chunk"],
)
async def test_what_is_no_response_is_a_transport_error(carrier: str, answer: bytes) -> None:
    error = await job_error(carrier, answer)
    assert isinstance(error, TransportError)
    assert error.sent
    assert KEY not in told(error)
    assert error.__cause__ is error.__context__ is None


async def test_a_host_that_is_not_there_is_a_transport_error(
    carrier: str, unused_tcp_port: int
) -> None:
    async with RawServer(b"") as server:
        url = f"http://127.0.0.1:{unused_tcp_port}"
        async with client_of(carrier, server, base_url=url) as client:
            with pytest.raises(TransportError, match="no connection") as caught:
                await client.ping()
    assert not caught.value.sent
    assert KEY not in told(caught.value)


@pytest.mark.parametrize("piece", [b"", raw(200, BODY)[:20], raw(200, BODY)[:-1]])
async def test_a_response_that_is_not_complete_in_time_is_given_up(
    carrier: str, piece: bytes
) -> None:
    timeout = Timeouts(creation_s=0.1)
    async with Silent(piece) as server, client_of(carrier, server, timeout=timeout) as client:
        with pytest.raises(TransportError) as caught:
            await client.jobs.create_download("w", "j")
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
    assert caught.value.message == (
        "no complete answer to downloadJob within 0.1 s; if the service needs longer, raise "
        "--answer-timeout (answer_timeout)"
    )
    assert caught.value.sent


async def test_a_kept_connection_that_has_died_costs_one_attempt_at_most(carrier: str) -> None:
    keeps = raw(200, BODY, Connection="keep-alive")  # and then closes all the same
    async with RawServer(keeps) as server, client_of(carrier, server, retry=AT_ONCE) as client:
        for _ in range(5):
            package = await client.jobs.create_download("w", "j")
            assert package.signed_url is not None
    assert len(server.heads) == 5


async def test_a_call_is_logged_without_its_key(
    carrier: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="pixxel_async")
    async with Requests() as server, client_of(carrier, server) as client:
        await client.jobs.create_download("w", "j")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "pixxel_async"]
    assert line == "downloadJob: PUT /v0/workflows/w/jobs/j/download: 200"


# Cancellation.


async def create_until_asked(client: PixxelClient, server: Silent) -> None:
    """Ask for a package, and give up when the request has arrived."""

    async def give_up(limit: asyncio.Timeout) -> None:
        await server.asked.wait()
        limit.reschedule(asyncio.get_running_loop().time())

    async with asyncio.timeout(PATIENCE_S) as limit:
        ending = asyncio.create_task(give_up(limit))
        await client.insights.create_download("a", "i")
    await ending


async def test_a_cancelled_call_shows_no_key_and_closes_its_connection(carrier: str) -> None:
    async with Silent(raw(200, BODY)[:-1]) as server, client_of(carrier, server) as client:
        with pytest.raises(TimeoutError) as caught:
            await create_until_asked(client, server)
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
    shown = told(caught.value)
    assert KEY not in shown
    assert "sig=1" not in shown


class Slow(Requests):
    """Speaks TLS once it is told to: until then, connections are made and nobody accepts them."""

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(
            self._accept,
            sock=socket.create_server(("127.0.0.1", 0), backlog=1000),
            ssl=TLS.context,
            start_serving=False,
        )

    async def speak(self) -> None:
        await self._server.start_serving()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


class TLS:
    """What a slow server speaks; the fixture below sets it."""

    context: ssl.SSLContext | None = None


@pytest.fixture(autouse=True)
def _certificate(tls: tuple[ssl.SSLContext, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TLS, "context", tls[0])


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


FOUR = Limits(requests=4, requests_per_second=100_000)


@pytest.mark.parametrize("call", [CALLS[0], CALLS[-1]], ids=str)
async def test_no_connection_is_lost_to_calls_that_are_cancelled_at_any_await(
    carrier: str, call: ClientCall
) -> None:
    async with Requests() as server:
        async with client_of(carrier, server, limits=FOUR, connections=4) as client:
            for turns in range(200):
                task = asyncio.ensure_future(call.send(client))
                await some_turns(turns % 60)
                if not task.done():
                    await cancelled(task)
            seen = len(server.requests)
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(call.send(client) for _ in range(8)))
            assert len(server.requests) == seen + 8
            assert server.most <= 8  # those that are being closed included
        await until(lambda: server.open == 0)


async def test_a_connect_that_is_under_way_when_its_call_is_cancelled_sends_nothing(
    carrier: str, tls: tuple[ssl.SSLContext, Any]
) -> None:
    async with Slow() as server:
        async with client_of(
            carrier, server, limits=FOUR, connections=4, ca_bundle=tls[1]
        ) as client:
            for number in range(200):
                task = asyncio.ensure_future(CALLS[-1].send(client))
                await some_turns(1000 if number < 4 else number % 30)
                await cancelled(task)
            await server.speak()
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(CALLS[-1].send(client) for _ in range(8)))
            assert len(server.requests) == 8
        await until(lambda: server.open == 0)


async def test_a_client_closes_while_connects_are_under_way(
    carrier: str, tls: tuple[ssl.SSLContext, Any]
) -> None:
    async with Slow() as server:
        async with client_of(carrier, server, ca_bundle=tls[1]) as client:
            task = asyncio.ensure_future(client.ping())
            await some_turns(1000)
            await cancelled(task)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await server.speak()
    assert server.requests == []


async def test_a_cancelled_call_frees_its_connection_to_a_proxy_that_never_answers() -> None:
    async with Silent() as proxy, ConnectProxy({}) as other:
        url = "https://api.pixxel.test"
        async with PixxelClient(KEY, base_url=url, proxy=proxy.url, retry=ONCE) as client:
            task = asyncio.ensure_future(client.ping())
            await proxy.asked.wait()
            await cancelled(task)
            await asyncio.wait_for(proxy.ended.wait(), PATIENCE_S)
        assert other.heads == []


async def test_handshakes_that_fail_behind_a_proxy_take_no_connection_away(
    tls: tuple[ssl.SSLContext, Any],
) -> None:
    async with Slow() as server, ConnectProxy({"api.pixxel.test": server.port}) as proxy:
        await server.speak()
        async with PixxelClient(
            KEY,
            base_url="https://api.pixxel.test",  # the certificate is of another host
            proxy=proxy.url,
            ca_bundle=tls[1],
            limits=Limits(requests=2),
            retry=ONCE,
        ) as client:
            for _ in range(6):
                with pytest.raises(RouteError, match="belongs to another host"):
                    await client.ping()
        assert len(proxy.heads) == 6


# Bounds.


class Crowd(SocketServer):
    """Answers when enough calls wait, or when no more come.

    Attributes:
        most: How many calls were in flight at once, at most.
    """

    def __init__(self, wanted: int) -> None:
        self.now = self.most = 0
        self._wanted = wanted
        self._is_full = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.now += 1
                self.most = max(self.most, self.now)
                if self.now == self._wanted:
                    self._is_full.set()
                await self._is_full.wait()
                await some_turns()
                self.now -= 1
                answer = PONG if b"/ping " in head else BODY
                writer.write(raw(200, answer, Connection="keep-alive"))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.mark.parametrize("bound", [1, 3])
async def test_no_more_calls_are_in_flight_than_the_limit(carrier: str, bound: int) -> None:
    limits = Limits(requests=bound, requests_per_second=100_000)
    async with Crowd(bound) as server:
        async with client_of(carrier, server, limits=limits, connections=bound) as client:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(
                    *(client.ping() for _ in range(20)),
                    *(client.aois.get_download("a", "d1") for _ in range(20)),
                )
    assert server.most == bound
