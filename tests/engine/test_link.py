"""Measuring a link, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from pixxel_async.config import Timeouts
from pixxel_async.errors import ConnectionBrokenError, StorageError
from pixxel_async.http.engines import Engine, storage_engine
from pixxel_async.http.storage_client import WITH_LOOPBACK, StorageClient
from pixxel_async.http.tls import Certificates
from pixxel_async.sansio.api.proxy_rules import Routes
from pixxel_async.transfer.benchmark import MeasuredLink

from ..socket_server import SocketServer

BODY = b"x" * 200_000
SECONDS = 0.2


class Storage(SocketServer):
    """Answers so many requests at once, and refuses the others."""

    def __init__(self, at_once: int, refusal: bytes = b"503 Slow Down") -> None:
        self.at_once = at_once
        self.refusal = refusal
        self.open = 0
        self.answered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.answered += 1
                if self.open > self.at_once:
                    if self.refusal:
                        head = b"HTTP/1.1 " + self.refusal + b"\r\nContent-Length: 0\r\n\r\n"
                        writer.write(head)
                    break
                length = str(len(BODY)).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + BODY)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def link_to(storage: Storage, *paths: str) -> AsyncIterator[MeasuredLink]:
    engine = storage_engine(
        Engine.AUTO,
        client=None,
        certificates=Certificates(),
        timeouts=Timeouts(),
        addresses=WITH_LOOPBACK,
    )
    urls = [SecretStr(storage.url + path) for path in paths or ("/a?sig=canary",)]
    client = StorageClient(engine, Routes())
    try:
        yield MeasuredLink(client, urls)
    finally:
        await client.aclose()


async def test_what_comes_is_counted() -> None:
    async with Storage(at_once=4) as storage, link_to(storage, "/a", "/b") as link:
        step = await link.measure(4, SECONDS)
        assert step.fetches == 4
        assert step.error == ""
        assert step.bytes_per_s > 0
        # The first part of the time does not count, so that is less than what came in all.
        assert step.bytes_per_s * SECONDS * 0.75 < link.received <= storage.answered * len(BODY)
        before = link.received
        assert (await link.measure(1, SECONDS)).bytes_per_s > 0
        assert link.received > before


@pytest.mark.parametrize("refusal", [b"503 Slow Down", b"429 Too Many", b""])
async def test_a_number_that_the_storage_does_not_bear_is_told(refusal: bytes) -> None:
    async with Storage(at_once=2, refusal=refusal) as storage, link_to(storage) as link:
        assert (await link.measure(2, SECONDS)).error == ""
        step = await link.measure(4, SECONDS)
        assert step.error
        assert refusal[:3].decode() in step.error
        assert "canary" not in step.error


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (b"503 Slow Down", StorageError),
        (b"403 Forbidden", StorageError),
        (b"", ConnectionBrokenError),
    ],
)
async def test_one_that_cannot_even_do_one_transfer_is_an_error(
    refusal: bytes, error: type[Exception]
) -> None:
    async with Storage(at_once=0, refusal=refusal) as storage, link_to(storage) as link:
        with pytest.raises(error) as caught:
            await link.measure(1, SECONDS)
        assert "canary" not in str(caught.value)


async def test_a_url_that_is_refused_is_an_error_at_any_number() -> None:
    async with Storage(at_once=2, refusal=b"403 Forbidden") as storage, link_to(storage) as link:
        with pytest.raises(StorageError, match="403"):
            await link.measure(4, SECONDS)
