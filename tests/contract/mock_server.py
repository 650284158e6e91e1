"""A server on a real socket that takes nothing but what an OpenAPI document allows."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers

from ..socket_server import SocketServer
from .document import PING, Contract, Request


@dataclass(frozen=True)
class Heard:
    """One request and what became of it."""

    operation: str
    ids: dict[str, str]
    target: str
    headers: Headers
    body: Any
    problem: str


class MockServer(SocketServer):
    """Judges each request by the document, and answers from the document's examples.

    Attributes:
        heard: All requests so far.
        status: What a good request is answered with; None for what the document says.
        change: What is put into the answer, or taken out of it (None), before it is sent.
    """

    def __init__(self, contract: Contract, *, authorization: str) -> None:
        self.contract = contract
        self.heard: list[Heard] = []
        self.status: int | None = None
        self.change: dict[str, Any] = {}
        self._authorization = authorization
        self._refusals: list[tuple[int, str]] = []
        self._losses = 0

    def refuse_with(self, status: int, *, times: int = 1, message: str = "refused") -> None:
        """Refuse the next good requests, in the service's form of errors."""
        self._refusals = [(status, message)] * times

    def lose(self, *, times: int) -> None:
        """Take the next requests, and end their connections without an answer."""
        self._losses = times

    @property
    def problems(self) -> list[str]:
        return [heard.problem for heard in self.heard if heard.problem]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status, document = self._answer(await _read(reader, self.contract.host_url))
            if self._losses:
                self._losses -= 1
                return
            is_image = isinstance(document, bytes)
            body = (
                document if is_image else b"" if document is None else json.dumps(document).encode()
            )
            head = (
                f"HTTP/1.1 {status} Judged\r\n"
                f"Content-Type: {'image/png' if is_image else 'application/json'}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode("ascii") + body)
            await writer.drain()
        finally:
            writer.close()

    def _answer(self, request: Request) -> tuple[int, Any]:
        operation, ids = self.contract.find(request)
        problem = self.contract.problem(request)
        authorization = request.headers.get("authorization")
        is_open = operation is not None and operation.id == PING
        if not problem and not is_open and authorization != self._authorization:
            problem = "the Authorization header is not the one that was agreed on"
        self.heard.append(
            Heard(
                operation=operation.id if operation else "",
                ids=ids,
                target=request.path + (f"?{request.query}" if request.query else ""),
                headers=request.headers,
                body=_decoded(request.body),
                problem=problem,
            )
        )
        if problem or operation is None:
            return 400, {"error": {"code": "CONTRACT", "message": problem}}
        if self._refusals:
            refused_with, message = self._refusals.pop()
            return refused_with, {"error": {"code": "REFUSED", "message": message}}
        if self.status is not None and self.status >= 400:
            return self.status, self.contract.example(operation, self.status)
        success = operation.success
        if (_decoded(request.body) or {}).get("estimate"):  # `createInsights` has two answers
            success = 200
        document = self.contract.example(operation, success)
        if isinstance(document, dict):
            document |= self.change
            document = {name: value for name, value in document.items() if value is not None}
        return self.status or success, document


def _decoded(body: bytes | None) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body


async def _read(reader: asyncio.StreamReader, host_url: str) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    first, *lines = head.strip().split("\r\n")
    method, target, _version = first.split(" ")
    headers = Headers()
    for line in lines:
        name, _, value = line.partition(": ")
        headers.add(name, value)
    assert "transfer-encoding" not in headers, "a chunked request is not read here"
    length = int(headers.get("content-length", 0))
    body = await reader.readexactly(length) if length else None
    path, _, query = target.partition("?")
    return Request(host_url, method, path, query, headers, body)
