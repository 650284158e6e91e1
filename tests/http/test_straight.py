"""Calls that go straight to a connection: what is sent, and what becomes of each answer."""

from __future__ import annotations

import asyncio
import gzip
import logging
import traceback
import zlib

import httpx
import pytest
from pixxel_async.transport.ways import Straight, ThroughHttpx

from pixxel_async import (
    ApiError,
    Limits,
    PixxelClient,
    PixxelError,
    RateLimitedError,
    ResponseError,
    RetryPolicy,
    Timeouts,
    TransportError,
)

from ..socket_server import SocketServer
from ..support import PATIENCE_S
from .raw_server import RawServer, raw
from .script import CALLS, KEY, ClientCall, client_of

ONCE = RetryPolicy(attempts=1, recreate=0)
EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=str)
BODY = (
    b'{"download_id": "d1", "id": "d1", "status": "ready", "signed_url": "https://s.test/?sig=1"}'
)
MAX_BYTES = 2000
SHORT = Limits(max_answer_bytes=MAX_BYTES, requests_per_second=10_000)


class Requests(SocketServer):
    """Keeps each request with its body, and answers with a package that is ready.

    Attributes:
        requests: Request line, headers by lower-case name, body.
        connections: How many there were.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, dict[bytes, bytes], bytes]] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
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
                length = b"Content-Length: %d\r\n\r\n" % len(BODY)
                writer.write(b"HTTP/1.1 200 OK\r\n" + length + BODY)
        except asyncio.IncompleteReadError:
            writer.close()


class Silent(SocketServer):
    """Takes requests, and never answers.

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
        await reader.read()
        writer.close()
        self.ended.set()


def straight(server: SocketServer, **parts: object) -> PixxelClient:
    """Return a client that goes over our own connections."""
    client = PixxelClient(
        KEY,
        **{"base_url": server.url, "proxy": "direct", "retry": ONCE, **parts},  # type: ignore[arg-type]
    )
    assert isinstance(client._service._way, Straight)
    return client


async def job_error(answer: bytes, **parts: object) -> PixxelError:
    async with RawServer(answer) as server, straight(server, **parts) as client:
        with pytest.raises(PixxelError) as caught:
            await client.jobs.create_download("w", "j")
    return caught.value


def told(error: BaseException) -> str:
    """Return all that a tool which reports errors may show, local variables included."""
    full = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(full.format()) + repr(error) + repr(vars(error))


@pytest.mark.parametrize("prefix", ["", "/stage/eu", "/stage/"])
@EVERY_CALL
async def test_a_call_is_the_same_on_both_ways(call: ClientCall, prefix: str) -> None:
    async with Requests() as server:
        host, url = f"127.0.0.1:{server.port}", server.url + prefix
        async with straight(server, base_url=url) as client:
            await call.send(client)
        async with client_of(httpx.AsyncHTTPTransport(), base_url=url) as client:
            assert isinstance(client._service._way, ThroughHttpx)
            await call.send(client)
    ours, theirs = server.requests
    assert ours == theirs
    line, headers, _ = ours
    assert line.startswith(f"{call.method} {prefix.rstrip('/')}/".encode())
    assert headers[b"host"] == host.encode()
    assert headers[b"authorization"] == KEY.encode()


async def test_the_host_is_named_first() -> None:
    async with RawServer(raw(200, BODY)) as server, straight(server) as client:
        await client.insights.create_download("a", "i")
    assert server.heads[0].split(b"\r\n")[1].startswith(b"Host: ")  # RFC 9110 section 7.2


async def test_calls_one_after_the_other_share_a_connection_unless_they_create() -> None:
    async with Requests() as server, straight(server) as client:
        for call in CALLS * 3:
            await call.send(client)
    posts = sum(call.method == "POST" for call in CALLS)
    assert len(server.requests) == 3 * len(CALLS)
    assert server.connections == 1 + 3 * posts  # a creation goes over a new one


async def test_ids_go_out_escaped_and_bodies_as_they_are() -> None:
    async with Requests() as server, straight(server) as client:
        await client.insights.create_download("a/../b", "ü?#", outputs=["\N{SATELLITE}"])
    line, headers, body = server.requests[0]
    assert line == b"PUT /v0/aoi/a%2F..%2Fb/insights/%C3%BC%3F%23/download HTTP/1.1"
    assert body == '{"inputs":[],"outputs":["\N{SATELLITE}"]}'.encode()
    assert headers[b"content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("coding", "code"),
    [("gzip", gzip.compress), ("GZip", gzip.compress), ("deflate", zlib.compress)],
)
async def test_a_content_coding_is_undone(coding: str, code: object) -> None:
    answer = raw(200, code(BODY), Content_Encoding=coding)  # type: ignore[operator]  # one of two
    async with RawServer(answer) as server, straight(server) as client:
        package = await client.jobs.create_download("w", "j")
    assert package.status_word == "ready"


async def test_a_broken_content_coding_is_a_response_error() -> None:
    error = await job_error(raw(200, b"this is no gzip", Content_Encoding="gzip"))
    assert isinstance(error, ResponseError)
    assert "broken content coding" in error.message


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize(
    "answer",
    [
        (b"x" * (MAX_BYTES + 1), {}),
        (gzip.compress(bytes(1_000_000)), {"Content_Encoding": "gzip"}),
    ],
    ids=["long", "long when decoded"],
)
async def test_an_answer_that_is_too_long_is_refused(
    status: int, answer: tuple[bytes, dict[str, str]]
) -> None:
    body, headers = answer
    error = await job_error(raw(status, body, **headers), limits=SHORT)
    assert isinstance(error, ResponseError)
    assert error.message == f"the answer is longer than {MAX_BYTES} bytes"


async def test_an_answer_of_just_the_size_is_read() -> None:
    text = b'{"status": "' + b"x" * (MAX_BYTES - 14) + b'"}'
    async with RawServer(raw(200, text)) as server, straight(server, limits=SHORT) as client:
        assert (await client.jobs.create_download("w", "j")).status_word == "x" * (MAX_BYTES - 14)


async def test_retry_after_is_read() -> None:
    error = await job_error(raw(429, b"{}", RETRY_after="7"))
    assert isinstance(error, RateLimitedError)
    assert error.retry_after_s == 7


async def test_the_key_is_cut_out_of_an_error_that_repeats_it() -> None:
    error = await job_error(raw(403, b'{"error": {"code": "X", "message": "%b"}}' % KEY.encode()))
    assert isinstance(error, ApiError)
    assert error.message == "[key]"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"junk\r\n\r\n", "broke off"),
        (raw(200, BODY)[:-1], "closed within the body"),
        (b"", "without an answer"),
    ],
)
async def test_what_is_no_answer_is_a_transport_error(answer: bytes, words: str) -> None:
    error = await job_error(answer)
    assert isinstance(error, TransportError)
    assert error.sent
    assert words in error.message
    assert "httpx" not in told(error)
    assert KEY not in told(error)


async def test_a_host_that_is_not_there_is_a_transport_error(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with PixxelClient(KEY, base_url=url, proxy="direct", retry=ONCE) as client:
        with pytest.raises(TransportError, match="no connection") as caught:
            await client.ping()
    assert not caught.value.sent


@pytest.mark.parametrize("piece", [b"", raw(200, BODY)[:20], raw(200, BODY)[:-1]])
async def test_an_answer_that_does_not_come_whole_in_time_is_given_up(piece: bytes) -> None:
    timeout = Timeouts(creation_s=0.1)
    async with Silent(piece) as server, straight(server, timeout=timeout) as client:
        with pytest.raises(TransportError) as caught:
            await client.jobs.create_download("w", "j")
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
    assert caught.value.message == (
        "no complete answer to downloadJob within 0.1 s; if the service needs longer, raise "
        "--answer-timeout (answer_timeout)"
    )
    assert caught.value.sent


async def create_until_asked(client: PixxelClient, server: Silent) -> None:
    """Ask for a package, and give up when the request has arrived."""

    async def give_up(limit: asyncio.Timeout) -> None:
        await server.asked.wait()
        limit.reschedule(asyncio.get_running_loop().time())

    async with asyncio.timeout(PATIENCE_S) as limit:
        ending = asyncio.create_task(give_up(limit))
        await client.insights.create_download("a", "i")
    await ending


async def test_who_is_cancelled_shows_no_key_and_leaves_no_connection() -> None:
    async with Silent(raw(200, BODY)[:-1]) as server, straight(server) as client:
        with pytest.raises(TimeoutError) as caught:
            await create_until_asked(client, server)
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
    cause = caught.value.__cause__
    assert isinstance(cause, asyncio.CancelledError)
    shown = told(caught.value)
    assert "connection.py" in shown  # it reaches down to where the request was sent
    assert KEY not in shown
    assert "sig=1" not in shown


async def test_nothing_of_the_client_shows_the_key() -> None:
    async with Requests() as server, straight(server) as client:
        await client.ping()
        way = client._service._way
        assert isinstance(way, Straight)
        parts = [client._service, client._api, way, way._writer, way._transport]
        assert KEY not in "".join(repr(part) + repr(vars(part)) for part in parts)


async def test_a_call_is_logged_without_its_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="pixxel_async")
    async with Requests() as server, straight(server) as client:
        await client.jobs.create_download("w", "j")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "pixxel_async"]
    assert line == "downloadJob: PUT /v0/workflows/w/jobs/j/download: 200"


async def test_a_kept_connection_that_has_died_costs_a_put_nothing() -> None:
    keeps = raw(200, BODY, Connection="keep-alive")  # and then closes all the same
    async with RawServer(keeps) as server, straight(server) as client:
        for _ in range(5):
            package = await client.jobs.create_download("w", "j")
            assert package.signed_url is not None
            assert package.signed_url.get_secret_value() == "https://s.test/?sig=1"
    assert len(server.heads) == 5
