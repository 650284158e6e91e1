"""A service and its storage on one socket, which let go of packages and answer in odd ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from pixxel_async import (
    CatalogDownload,
    Event,
    FolderPolicy,
    JobDownload,
    Limits,
    PixxelClient,
    Report,
)

from ..socket_server import SocketServer
from ..support import QUICK_POLL, QUICK_RETRY, quick_fetch
from .scripted import ETAG, WHOLE, answer

Fault: TypeAlias = Callable[["Ask"], bytes | None]
"""Returns what is answered in place of the right answer, or None."""


class Ask:
    """A request.

    Attributes:
        number: How many came before it.
        method: GET, PUT or POST.
        path: Its path, without the query.
        id: The id of the package that it is about; empty for a creation.
    """

    def __init__(self, number: int, head: bytes) -> None:
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.number = number
        self.method = method
        self.path = target.partition("?")[0]
        self.id = self.path.rsplit("/", 1)[-1].removesuffix(".zip")

    @property
    def is_of_storage(self) -> bool:
        return self.path.startswith("/objects/")

    @property
    def is_creation(self) -> bool:
        return self.method == "POST"

    @property
    def is_status(self) -> bool:
        return not self.is_of_storage and not self.is_creation


def told(document: Any, status: str = "200 OK") -> bytes:
    """Return an answer in JSON."""
    return answer(status, "Content-Type: application/json", body=json.dumps(document).encode())


def refused(status: str, message: str = "no") -> bytes:
    """Return an error in the service's own form."""
    return told({"error": {"code": "CODE", "message": message, "details": None}}, status)


def page(status: str, *headers: str, text: str = "Maintenance") -> bytes:
    """Return an error page of something in front of the service."""
    body = f"<!DOCTYPE html><html><title>{text}</title></html>".encode()
    return answer(status, "Content-Type: text/html", *headers, body=body)


def denied(status: str, code: str, message: str = "no") -> bytes:
    """Return an error in the form of a storage."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return answer(status, "Content-Type: application/xml", body=body)


class Letting(SocketServer):
    """Packages are ready at once; `fault` may say something else.

    Attributes:
        fault: Asked about each request.
        asked: All requests, in order.
        created: The ids of packages, in order.
        body_s: How long the storage takes for each body.
        most: How many bodies it serves at once.
        served: The most that it has served at once.
        busy: What it answers to those who are too many.
    """

    def __init__(self, fault: Fault = lambda _: None) -> None:
        self.fault = fault
        self.asked: list[Ask] = []
        self.created: list[str] = []
        self.body_s = 0.0
        self.most = 1000
        self.busy: Callable[[], bytes] = lambda: answer("403 Forbidden")
        self.served = 0
        self._serving = 0
        self._numbers = count()

    @property
    def creations(self) -> int:
        return sum(ask.is_creation for ask in self.asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
                if lines:
                    await reader.readexactly(int(lines[0].partition(b":")[2]))
                ask = Ask(next(self._numbers), head)
                self.asked.append(ask)
                writer.write(self.fault(ask) or await self._answer(ask))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, ask: Ask) -> bytes:
        if ask.is_of_storage:
            return await self._body()
        if ask.is_creation:
            self.created.append(f"id{len(self.created) + 1}")
            return told({"id": self.created[-1], "status": "created"}, "201 Created")
        if ask.path == "/v0/aois":
            return told({"aois": []})
        package = ask.path.split("/")[-2] if ask.method == "PUT" else ask.id
        url = f"{self.url}/objects/{package}.zip?X-Amz-Signature=00"
        return told({"id": package, "status": "success", "signed_url": url})

    async def _body(self) -> bytes:
        if self._serving >= self.most:
            return self.busy()
        self._serving += 1
        self.served = max(self.served, self._serving)
        try:
            await asyncio.sleep(self.body_s)
        finally:
            self._serving -= 1
        return answer("200 OK", ETAG, body=WHOLE)


CATALOG = CatalogDownload(catalog_ids=("c",))


def catalogs(number: int) -> list[CatalogDownload]:
    """Return so many downloads that are created by POST."""
    return [CatalogDownload(catalog_ids=(f"c{each}",)) for each in range(number)]


def mixed(number: int) -> list[CatalogDownload | JobDownload]:
    """Return so many downloads, half of them created by POST, half by PUT."""
    jobs = [JobDownload(workflow_id="w", job_id=f"j{each}") for each in range(number // 2)]
    return [*catalogs(number - len(jobs)), *jobs]


async def export(
    server: Letting,
    folder: Path,
    downloads: Any = (CATALOG,),
    *,
    policy: FolderPolicy | None = None,
    **parts: Any,
) -> tuple[Report, list[Event]]:
    """Export from a server over its socket, with quick policies where none are given."""
    quick = {
        "retry": QUICK_RETRY,
        "poll": QUICK_POLL,
        "limits": Limits(requests_per_second=5000),
        "fetch": quick_fetch(),
    }
    async with PixxelClient("key", base_url=server.url, **{**quick, **parts}) as client:
        async with client.export(list(downloads), folder, folder=policy) as running:
            seen = [event async for event in running]
    return running.report, seen
