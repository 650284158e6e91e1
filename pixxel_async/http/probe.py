"""One request to the service without a key: how far it gets, and how long each phase takes.

`GET /ping` needs no key. It is sent once, since a retry would hide what is wrong.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import anyio
import httpx

from .._version import USER_AGENT
from ..config import Timeouts
from ..sansio.api.package_calls import PING
from ..sansio.api.preflight import FirstAnswer, Problem, address_of, problem_of
from ..sansio.api.proxy_rules import Routes, shown
from .error_messages import describe, route_problem

MOST_BYTES = 65_536
"""More of a body is not read: a documented answer has six."""
DNS, TCP, TLS, ANSWER = "dns", "tcp", "tls", "answer"
_TRACED = {"connect_tcp": TCP, "start_tls": TLS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The result of a probe.

    Attributes:
        host: Whose name was looked up: the service's, or the proxy's.
        proxy: The proxy between, without its password, or None.
        seconds: The duration of each phase it reached: `dns`, `tcp`, `tls`, `answer`.
        failed_at: The phase that failed, or empty.
        reason: Why, or empty.
        problem: What is wrong with the answer, such as that it is a web page; or None.
        status: The HTTP status, or None.
        date: The time of day at the service when it answered, or None.
        now: The time of day here at that moment.
    """

    host: str
    proxy: str | None
    seconds: Mapping[str, float]
    failed_at: str
    reason: str
    problem: Problem | None
    status: int | None
    date: datetime | None
    now: datetime


async def probe(
    base_url: str, routes: Routes, client: httpx.AsyncClient, timeouts: Timeouts
) -> Probe:
    """Probe the connection to the service; a failure is returned, not raised.

    Args:
        base_url: The service.
        routes: Which proxy it is reached through.
        client: Sends the request; the caller closes it.
        timeouts: How long connecting and answering may take.
    """
    url = httpx.URL(base_url.rstrip("/") + PING.path)
    proxy = routes.proxy_for(url.scheme, url.host, url.port)
    first = httpx.URL(proxy.get_secret_value()) if proxy else url
    seconds: dict[str, float] = {}
    trace = _ConnectionTrace(seconds)
    status, date, reason, problem = None, None, "", None
    try:
        with anyio.fail_after(timeouts.answer_s):
            await anyio.getaddrinfo(first.host, first.port or 443, type=socket.SOCK_STREAM)
            trace.reached(TCP)
            request = httpx.Request(
                "GET",
                url,
                headers={"User-Agent": USER_AGENT},
                extensions={
                    "trace": trace.trace,
                    "timeout": httpx.Timeout(
                        timeouts.answer_s, connect=timeouts.connect_s
                    ).as_dict(),
                },
            )
            response = await client.send(request, stream=True, follow_redirects=False)
            status, date = response.status_code, _date(response.headers.get("date"))
            problem = await _problem_of(response, base_url)
            trace.reached("")
    except TimeoutError:
        reason = f"nothing within {timeouts.answer_s:g} s"
    except OSError as error:
        reason = error.strerror or str(error)
    except httpx.HTTPError as error:
        reason = route_problem(error, url.host, proxy) or describe(error)
    return Probe(
        host=first.host,
        proxy=shown(proxy) if proxy else None,
        seconds=seconds,
        failed_at=trace.at,
        reason=reason,
        problem=problem,
        status=status,
        date=date,
        now=datetime.now(UTC),
    )


async def _problem_of(response: httpx.Response, base_url: str) -> Problem | None:
    """Read the start of a response, close it, and return what is wrong with it."""
    body = b""
    try:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                break
    finally:
        await response.aclose()
    answer = FirstAnswer(
        status=response.status_code, body=body, location=response.headers.get("location")
    )
    return problem_of(PING, answer, address_of(base_url))


class _ConnectionTrace:
    """Times the phases of a connection from the trace events of httpcore."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.at = DNS
        self.since = anyio.current_time()
        self._seconds = seconds

    async def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """Record the start or the end of a phase; called by httpcore."""
        del info
        _, part, moment = name.rsplit(".", 2)
        if part not in _TRACED:
            return
        if moment == "started":
            self.at, self.since = _TRACED[part], anyio.current_time()
        elif moment == "complete":
            self.reached(ANSWER)

    def reached(self, part: str) -> None:
        """Record that the previous phase is done."""
        now = anyio.current_time()
        self._seconds[self.at] = now - self.since
        self.at, self.since = part, now


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
