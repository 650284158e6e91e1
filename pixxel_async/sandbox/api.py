"""The service of the sandbox: downloads, lists, gets, changes and ping."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.types import Receive, Scope, Send

from .answers import ENDED, document, error, has_url
from .changes.calls import CHANGES
from .changes.state import State
from .connections import Connections
from .faults import ApiFault, FaultPlan
from .identity import Identity
from .lists.calls import Lists
from .lists.documents import Documents
from .packages import Package, Packages
from .recording import ApiCall, Creation
from .refusals import (
    BAD_BODY,
    GONE,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_THERE,
    TOO_MANY,
    UNAUTHORIZED,
    ServiceError,
)
from .routes import PING, Route, find
from .scenario import Scenario
from .world import World


class CallRate:
    """Limits the calls per second."""

    def __init__(self, per_second: float | None) -> None:
        """Start with a full bucket; None for no limit."""
        self._per_second = per_second
        self._due = 0.0

    def wait_s(self) -> float:
        """Count a call; return how many seconds too early it is, or 0."""
        if self._per_second is None:
            return 0.0
        now = time.monotonic()
        interval = 1 / self._per_second
        due = max(self._due, now - max(1.0, interval)) + interval
        if due > now:
            return due - now
        self._due = due
        return 0.0


HUGE = 32 * 1024 * 1024
CREATED, FOUND = 201, 302
WITH_EFFECT = frozenset({"close", "lost", "slow"})
"""Actions of faults that still carry out the call."""
GATEWAY_PAGE = "<html><body><h1>Bad Gateway</h1></body></html>"
OPTIONAL_BODY = {"insight": b"{}"}
"""Defaults of bodies that may be omitted."""
_LISTS = ("catalog_ids", "order_item_ids")


@dataclass(frozen=True)
class _ParsedRequest:
    """A request with its body and route.

    Attributes:
        route: The documented call, or None.
        ids: The ids in its path.
        known_path: Whether the path, with another method, is documented.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    route: Route | None
    ids: dict[str, str]
    known_path: bool

    @classmethod
    async def read(cls, request: Request) -> _ParsedRequest:
        """Read a request to its end."""
        path = request.scope["raw_path"].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        found = find(request.method, path)
        return cls(request.method, path, query, request.headers, await request.body(), *found)

    @property
    def operation(self) -> str:
        """The operation id, or empty."""
        return self.route.operation if self.route else ""

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Api:
    """An ASGI application that implements the documented calls.

    Attributes:
        calls: All calls so far, in order.
    """

    def __init__(  # noqa: PLR0913 - the parts of a sandbox that it works with
        self,
        scenario: Scenario,
        *,
        packages: Packages,
        world: Callable[[], World],
        connections: Connections,
        signed_url: Callable[[Package], str],
        clock: Callable[[], float],
    ) -> None:
        """Share packages with the storage.

        Args:
            scenario: Responses, delays and faults.
            packages: All packages.
            world: Returns the listed records.
            connections: Resets and closes connections.
            signed_url: Makes a URL of the storage.
            clock: Seconds since 1970.
        """
        faults = tuple(fault for fault in scenario.faults if isinstance(fault, ApiFault))
        self.calls: list[ApiCall] = []
        self._scenario = scenario
        self._packages = packages
        self._state = State(world, scenario, clock)
        self._lists = Lists(lambda: self._documents, scenario.page_size)
        self._connections = connections
        self._signed_url = signed_url
        self._clock = clock
        self._faults = FaultPlan(faults, f"{scenario.seed}:api")
        self._rate = CallRate(scenario.requests_per_second)

    @property
    def creations(self) -> list[Creation]:
        """What has been created so far, in order; packages are not in it."""
        return self._state.creations

    @cached_property
    def _documents(self) -> Documents:
        return Documents(self._state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = await _ParsedRequest.read(Request(scope, receive))
        if self._scenario.answer_delay_s:
            await asyncio.sleep(self._scenario.answer_delay_s)
        fault = self._faults.next_fault(
            request.target, lambda fault: fault.on in {"", request.operation}
        )
        response = self._answer(request, fault)
        if fault and fault.action == "slow":
            await asyncio.sleep(fault.delay_s)
        status = response.status_code if response else 0
        self.calls.append(
            ApiCall(
                at=self._clock(),
                operation=request.operation,
                method=request.method,
                path=request.path,
                body=request.body,
                status=status,
                query=request.query,
            )
        )
        if response is None:
            await self._connections.reset(scope, receive)
        else:
            await response(scope, receive, send)
            if fault and fault.action == "close":
                self._connections.of(scope).close()

    def _answer(self, request: _ParsedRequest, fault: ApiFault | None) -> Response | None:
        """Return the response, or None for a reset."""
        if fault and fault.action not in WITH_EFFECT:
            return _faulty(fault, self._scenario.api_key)
        try:
            response = self._response(request)
        except ServiceError as refused:
            response = refused.response
        return None if fault and fault.action == "lost" else response

    def _response(self, request: _ParsedRequest) -> Response:
        route, ids = request.route, request.ids
        if route is not None and route.operation == PING:
            return JSONResponse("pong")
        self._authorize(request.headers)
        if route is None:
            status = NOT_ALLOWED if request.known_path else NOT_FOUND
            raise ServiceError(status, "NOT_FOUND", f"no call {request.method} at this path")
        if self._lists.answers(route.operation):
            return JSONResponse(
                self._lists.answer(route.operation, ids, request.query, request.body)
            )
        if route.operation in CHANGES:
            change = CHANGES[route.operation]
            return change.answer(self._documents, ids, request.query, request.body)
        if route.method == "GET":
            package = self._packages.by_id.get(ids["download_id"])
            if package is None or not _belongs(package, route, ids):
                raise ServiceError(*NOT_THERE, "there is no such download")
            return self._package_response(package, 200)
        identity = Identity.of({"kind": route.kind, **ids, **_read_body(route, request)})
        self._state.check_finished(identity)
        if route.method == "PUT":
            return self._package_response(
                self._packages.create_or_get(identity, self._clock()), 200
            )
        return self._package_response(self._packages.create(identity, self._clock()), CREATED)

    def _authorize(self, headers: Headers) -> None:
        key = self._scenario.api_key
        if headers.get("authorization") not in {key, f"Bearer {key}"}:
            raise ServiceError(UNAUTHORIZED, "UNAUTHENTICATED", "the API key is missing or wrong")
        wait_s = self._rate.wait_s()
        if wait_s > 0:
            throttled = ServiceError(TOO_MANY, "RATE_LIMITED", "too many requests")
            throttled.response.headers["Retry-After"] = str(int(wait_s) + 1)
            raise throttled

    def _package_response(self, package: Package, status: int) -> Response:
        now = self._clock()
        if package.action in ENDED and now >= package.ready_at and status != CREATED:
            self._packages.forget(package)
            if package.action == "gone":
                raise ServiceError(GONE, "GONE", "there is no such download any more")
        url = self._signed_url(package) if has_url(package, now) else None
        return JSONResponse(document(package, now, url), status)


def _belongs(package: Package, route: Route, ids: dict[str, str]) -> bool:
    identity = package.identity
    return identity.kind == route.kind and ids.get("aoi_id") == identity.request.get("aoi_id")


def _read_body(route: Route, request: _ParsedRequest) -> dict[str, Any]:
    """Read the documented body of a call; refuse a body where none is documented."""
    if route.kind in {"job", "task"}:
        if request.body or "content-type" in request.headers:
            raise ServiceError(*BAD_BODY, f"{route.operation} takes no body")
        return {}
    try:
        row = json.loads(request.body or OPTIONAL_BODY.get(route.kind, b""))
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise ServiceError(*BAD_BODY, "the body is not a JSON object")
    known = {"insight": ("inputs", "outputs"), "aoi": ("asset_ids",), "catalog": _LISTS}[route.kind]
    lists = {name: row[name] for name in known if row.get(name)}
    for name, ids in lists.items():
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise ServiceError(*BAD_BODY, f"{name} is a list of strings")
    if route.kind != "insight" and len(lists) != 1:
        names = " or ".join(known)
        raise ServiceError(*BAD_BODY, f"give exactly one list: {names}")
    return lists


def _faulty(fault: ApiFault, api_key: str) -> Response | None:  # noqa: PLR0911 - one case a fault
    match fault.action:
        case "status":
            response = JSONResponse(error("SANDBOX_FAULT", "a scripted fault"), fault.status)
            if fault.retry_after is not None:
                response.headers["Retry-After"] = fault.retry_after
            return response
        case "repeat_key":
            escaped = "".join(f"\\u{ord(char):04x}" for char in api_key.swapcase())
            text = json.dumps(error("SANDBOX_FAULT", f"no access for {api_key.upper()}, %"))
            return Response(text.replace("%", escaped), fault.status, media_type="application/json")
        case "redirect":
            return RedirectResponse("https://login.invalid/?next=sandbox", FOUND)
        case "empty":
            return Response(b"", media_type="application/json")
        case "html":
            return HTMLResponse(GATEWAY_PAGE, fault.status)
        case "not_json":
            return PlainTextResponse("all is well")
        case "huge":
            return Response(b'{"status": "' + b"x" * HUGE + b'"}', media_type="application/json")
        case _:
            return None
