"""The first contact with the service, in virtual time."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Awaitable, Callable

import anyio
import httpx
import pytest

from pixxel_async import (
    AuthenticationError,
    JobDownload,
    NotFoundError,
    PixxelClient,
    PixxelError,
    RetryPolicy,
    RouteError,
    TransportError,
)
from pixxel_async.config import REACH_S
from pixxel_async.http.error_messages import unreachable

from .script import KEY, Script, Step, answer, broken

pytestmark = pytest.mark.looptime

JOB = JobDownload(workflow_id="w", job_id="j")
PAGE = answer(html="<title>Maintenance</title>")
MOST_S = 20.0
REACHED_NOT = r"^api\.pixxel\.space cannot be reached: .*--base-url"


def client_of(script: Script, **parts: object) -> PixxelClient:
    calls = httpx.AsyncClient(transport=script)
    return PixxelClient(KEY, http_client=calls, **parts)  # type: ignore[arg-type]  # a client's own


async def error_of(call: Awaitable[object]) -> PixxelError | None:
    try:
        await call
    except PixxelError as error:
        return error
    return None


def slow(seconds: float, then: Step) -> Step:
    async def step(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(seconds)
        return await then(request)

    return step


UNREACHED: dict[str, Step] = {
    "refused": broken(httpx.ConnectError),
    "no answer to the connect": slow(10, broken(httpx.ConnectTimeout)),
    "a hanging name server": slow(1000, broken(httpx.ConnectError)),
    "a proxy without a way": broken(httpx.ProxyError, "502 Bad Gateway"),
}
CALLS: dict[str, Callable[[PixxelClient], Awaitable[object]]] = {
    "ping": lambda client: client.ping(),
    "check_key": lambda client: client.check_key(),
    "create": lambda client: client.jobs.create_download("w", "j"),
    "wait": lambda client: client.wait(JOB),
    "get": lambda client: client.aois.get("a"),
}


@pytest.mark.parametrize("preflight", [True, False])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("name", ["refused", "no answer to the connect", "a proxy without a way"])
async def test_a_service_that_was_never_reached_ends_a_call_within_seconds(
    name: str, call: Callable[[PixxelClient], Awaitable[object]], *, preflight: bool
) -> None:
    script = Script(UNREACHED[name])
    began = anyio.current_time()
    async with client_of(script, preflight=preflight) as client:
        with pytest.raises(RouteError, match=REACHED_NOT):
            await call(client)
    assert REACH_S - 1 <= anyio.current_time() - began <= MOST_S
    assert len(script.requests) <= 15


async def test_many_calls_share_one_wait_and_one_try_at_a_time() -> None:
    script = Script(UNREACHED["refused"])
    began, errors = anyio.current_time(), list[str]()

    async def call(client: PixxelClient) -> None:
        with pytest.raises(RouteError) as caught:
            await client.jobs.create_download("w", "j")
        errors.append(str(caught.value))

    async with client_of(script) as client, anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(call, client)
    assert len(set(errors)) == 1
    assert anyio.current_time() - began <= MOST_S
    assert len(script.requests) <= 45


@pytest.mark.parametrize("after", [1, 3, 6])
@pytest.mark.parametrize("preflight", [True, False])
async def test_a_network_that_comes_up_late_is_used(after: int, *, preflight: bool) -> None:
    script = Script(*[broken(httpx.ConnectError)] * after, answer())
    async with client_of(script, preflight=preflight) as client:
        package = await client.wait(JOB)
    assert package.signed_url is not None


async def test_the_wait_is_a_setting_and_starts_anew_with_the_next_call() -> None:
    script = Script(UNREACHED["refused"])
    retry = RetryPolicy(reach_s=3)
    async with client_of(script, retry=retry) as client:
        for _ in range(2):
            began = anyio.current_time()
            with pytest.raises(RouteError):
                await client.ping()
            assert 2 <= anyio.current_time() - began <= 4
            await anyio.sleep(100)


@pytest.mark.parametrize("retry", [RetryPolicy(attempts=1), RetryPolicy(reach_s=0)])
async def test_without_a_wait_the_retry_policy_decides(retry: RetryPolicy) -> None:
    script = Script(UNREACHED["refused"])
    async with client_of(script, retry=retry) as client:
        with pytest.raises(TransportError) as caught:
            await client.ping()
    assert not isinstance(caught.value, RouteError)
    assert len(script.requests) == retry.attempts


@pytest.mark.parametrize("first", [answer(), answer(500), broken(httpx.ReadError)])
async def test_a_service_that_was_reached_once_keeps_the_patience_of_retries(first: Step) -> None:
    retry = RetryPolicy(attempts=2, initial_s=60, max_s=60)
    script = Script(first, broken(httpx.ConnectError))
    async with client_of(script, retry=retry) as client:
        errors = [await error_of(client.ping()) for _ in range(3)]
    assert not any(isinstance(error, RouteError) for error in errors)
    assert isinstance(errors[-1], TransportError)


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    script = Script(*[broken(httpx.ConnectError)] * 3, answer())
    async with client_of(script) as client:
        with anyio.move_on_after(0.7) as scope:
            await client.ping()
        assert scope.cancelled_caught
        await client.ping()


# The preflight.


async def requests_of(script: Script, **parts: object) -> list[str]:
    async with client_of(script, preflight=True, **parts) as client:
        await client.wait(JOB)
        await client.wait(JOB)
    return [f"{request.method} {request.url.path}" for request in script.requests]


CREATION = "PUT /v0/workflows/w/jobs/j/download"


async def test_it_is_one_call_before_the_first() -> None:
    assert await requests_of(Script(answer())) == ["GET /v0/aois", CREATION, CREATION]


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_it_leaves_what_may_pass_to_the_call_itself(status: int) -> None:
    asked = await requests_of(Script(answer(status), answer()))
    assert asked == ["GET /v0/aois", CREATION, CREATION]


async def test_it_does_not_wait_for_a_service_that_is_only_slow() -> None:
    began = anyio.current_time()
    assert await requests_of(Script(slow(59, answer()), answer()))
    assert anyio.current_time() - began <= MOST_S + 5


async def test_a_page_that_goes_away_is_overcome() -> None:
    asked = await requests_of(Script(PAGE, PAGE, answer()))
    assert asked == ["GET /v0/aois"] * 3 + [CREATION] * 2


@pytest.mark.parametrize(
    ("step", "kind", "words"),
    [
        (PAGE, RouteError, 'a web page ("Maintenance")'),
        (answer(404, html="<p>no"), RouteError, "answers 404"),
        (answer(403, html="<p>blocked"), RouteError, "firewall"),
        (answer(302, text="", headers={"Location": "https://in.test/"}), RouteError, "in.test"),
        (answer(json={"hello": "world"}), RouteError, "other JSON"),
        (answer(text=""), RouteError, "an empty body"),
        (answer(404), RouteError, "answers 404 to each call"),
        (answer(401), AuthenticationError, "a message"),
    ],
)
async def test_nothing_is_requested_where_it_fails(
    step: Step, kind: type[Exception], words: str
) -> None:
    script = Script(step)
    async with client_of(script, preflight=True) as client:
        for _ in range(2):
            with pytest.raises(kind) as caught:
                await client.wait(JOB)
            assert words in str(caught.value)
            assert KEY not in str(caught.value)
    assert {request.method for request in script.requests} == {"GET"}


async def test_calls_that_wait_for_it_share_its_failure() -> None:
    script = Script(slow(1, PAGE))
    async with client_of(script, preflight=True) as client, anyio.create_task_group() as tasks:

        async def call() -> None:
            with pytest.raises(RouteError):
                await client.jobs.create_download("w", "j")

        for _ in range(20):
            tasks.start_soon(call)
    assert len(script.requests) == 3


async def test_a_404_of_the_service_itself_is_told_from_a_wrong_path_by_ping() -> None:
    async with client_of(Script(answer(404), answer())) as client:
        await client.check_key()
    for status, kind in ((404, RouteError), (403, NotFoundError.__base__)):
        script = Script(answer(404), answer(status))
        async with client_of(script) as client:
            with pytest.raises(kind or Exception):
                await client.check_key()
        assert [request.url.path for request in script.requests] == ["/v0/aois", "/ping"]


# What is said of a host that is not reached.


def chained(outer: Exception, *causes: Exception) -> Exception:
    seen: Exception = outer
    for cause in causes:
        seen.__cause__ = cause
        seen = cause
    return outer


ERRORS = {
    "its name has no address (Name or service not known)": chained(
        httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known")
    ),
    "connection refused": chained(
        httpx.ConnectError("x"),
        OSError("all failed"),
        ExceptionGroup("", [ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed")]),
    ),
    "no route to host": chained(httpx.ConnectError("x"), OSError(errno.EHOSTUNREACH, "no")),
    "it does not respond in time": httpx.ConnectTimeout(""),
    "the TLS handshake fails ([ssl: wrong version number]": chained(
        httpx.ConnectError("x"), ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    ),
}


@pytest.mark.parametrize(("reason", "error"), ERRORS.items(), ids=ERRORS.keys())
def test_one_sentence_has_the_host_the_reason_and_the_remedy(reason: str, error: Exception) -> None:
    said = unreachable(error, "api.test")
    assert said.startswith(f"api.test cannot be reached: {reason}")
    assert "; check " in said
    assert "--base-url" in said
    assert "\n" not in said
