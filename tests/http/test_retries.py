"""Which failed calls are sent again: by method, by how they failed, and how often."""

from __future__ import annotations

import httpx
import pytest

from pixxel_async import (
    AoiDownload,
    ApiError,
    PixxelError,
    RedirectedError,
    ResponseError,
    RetryPolicy,
    RouteError,
    ServerError,
    TransportError,
)

from .script import (
    AT_ONCE,
    CALLS,
    GETS,
    POSTS,
    PUTS,
    ClientCall,
    Script,
    Step,
    answer,
    broken,
    client_of,
)

pytestmark = pytest.mark.usefixtures("library")

MAY_HAVE_HAD_AN_EFFECT: dict[str, Step] = {
    "408": answer(408),
    "500": answer(500),
    "502": answer(502, html="<html>Bad Gateway</html>"),
    "504": answer(504),
    "520": answer(520, html="<html>Unknown Error</html>"),
    "524": answer(524),
    "read error": broken(httpx.ReadError),
    "read timeout": broken(httpx.ReadTimeout),
    "write error": broken(httpx.WriteError),
    "closed without an answer": broken(httpx.RemoteProtocolError),
}
HAD_NO_EFFECT: dict[str, Step] = {
    "429": answer(429),
    "503": answer(503),
    "refused": broken(httpx.ConnectError),
    "no connection in time": broken(httpx.ConnectTimeout),
    "no slot in time": broken(httpx.PoolTimeout),
}
FINAL = (400, 401, 402, 403, 404, 405, 410, 413, 422, 501, 505)
PASSING = (409, 423, 425, 429, 503, 509, 521, 529)
PAGES = (302, 400, 403, 404, 409, 410, 425, 451, 511, 530)
EVERY_CALL = pytest.mark.parametrize("call", CALLS, ids=str)
REPEATABLE = pytest.mark.parametrize("call", PUTS + GETS, ids=str)
CREATION = pytest.mark.parametrize("call", POSTS, ids=str)
LOST = pytest.mark.parametrize(
    "step", MAY_HAVE_HAD_AN_EFFECT.values(), ids=MAY_HAVE_HAD_AN_EFFECT.keys()
)
NOT_SENT = pytest.mark.parametrize("step", HAD_NO_EFFECT.values(), ids=HAD_NO_EFFECT.keys())


async def requests_until_it_passes(call: ClientCall, *steps: Step) -> list[httpx.Request]:
    script = Script(*steps, answer())
    async with client_of(script) as client:
        await call.send(client)
    return script.requests


async def requests_until_it_gives_up(
    call: ClientCall, step: Step, error: type[PixxelError] = PixxelError
) -> int:
    script = Script(step)
    async with client_of(script) as client:
        with pytest.raises(error):
            await call.send(client)
    return len(script.requests)


@LOST
@REPEATABLE
async def test_what_may_be_repeated_is_sent_again_after_any_passing_failure(
    call: ClientCall, step: Step
) -> None:
    requests = await requests_until_it_passes(call, step, step)
    assert len(requests) == 3
    assert len({(one.method, str(one.url), one.content) for one in requests}) == 1
    assert requests[0].method == call.method


@LOST
@CREATION
async def test_a_creation_that_may_have_had_an_effect_is_sent_once(
    call: ClientCall, step: Step
) -> None:
    assert await requests_until_it_gives_up(call, step) == 1


@NOT_SENT
@EVERY_CALL
async def test_anything_is_sent_again_that_surely_had_no_effect(
    call: ClientCall, step: Step
) -> None:
    assert len(await requests_until_it_passes(call, step, step)) == 3


@pytest.mark.parametrize("status", FINAL)
@EVERY_CALL
async def test_a_refusal_is_final(call: ClientCall, status: int) -> None:
    assert await requests_until_it_gives_up(call, answer(status), ApiError) == 1


@pytest.mark.fault(72)
@pytest.mark.parametrize("status", PASSING)
@EVERY_CALL
async def test_what_the_service_does_not_do_for_the_moment_is_asked_for_again(
    call: ClientCall, status: int
) -> None:
    assert len(await requests_until_it_passes(call, answer(status), answer(status))) == 3


@pytest.mark.fault(72)
@pytest.mark.parametrize("status", PAGES)
@EVERY_CALL
async def test_a_refusal_that_is_not_in_the_form_of_the_service_passes(
    call: ClientCall, status: int
) -> None:
    page = answer(status, html="<html>Maintenance</html>")
    assert len(await requests_until_it_passes(call, page, page)) == 3


@pytest.mark.fault(72)
@EVERY_CALL
async def test_a_redirect_is_not_followed_and_only_its_host_is_told(call: ClientCall) -> None:
    to = {"Location": "https://login.example/in?token=canary"}
    script = Script(answer(302, text="", headers=to))
    async with client_of(script) as client:
        with pytest.raises((RedirectedError, RouteError), match=r"redirects to login\.example, "):
            await call.send(client)
    assert {request.url.host for request in script.requests} == {"api.pixxel.space"}


@NOT_SENT
@EVERY_CALL
async def test_attempts_are_bounded(call: ClientCall, step: Step) -> None:
    assert await requests_until_it_gives_up(call, step) == AT_ONCE.attempts


@REPEATABLE
async def test_an_answer_that_is_not_json_is_asked_for_again(call: ClientCall) -> None:
    steps = [answer(text="all is well")] * 2
    assert len(await requests_until_it_passes(call, *steps)) == 3


@CREATION
async def test_an_answer_to_a_creation_that_is_not_json_is_not_asked_for_again(
    call: ClientCall,
) -> None:
    assert await requests_until_it_gives_up(call, answer(text="all is well"), ResponseError) == 1


async def test_one_attempt_is_no_retry() -> None:
    script = Script(answer(500))
    async with client_of(script, retry=RetryPolicy(attempts=1)) as client:
        with pytest.raises(ServerError):
            await client.jobs.create_download("w", "j")
    assert len(script.requests) == 1


@pytest.mark.parametrize("recreate", [0, 1, 2])
@LOST
async def test_above_the_calls_a_lost_creation_is_repeated_within_bounds(
    recreate: int, step: Step
) -> None:
    script = Script(step)
    retry = RetryPolicy(initial_s=0, recreate=recreate)
    async with client_of(script, retry=retry) as client:
        with pytest.raises((TransportError, ApiError)):
            await client.wait(AoiDownload(aoi_id="a", asset_ids=("x",)))
    assert len(script.requests) == 1 + recreate


async def test_a_repeated_creation_that_is_answered_is_taken() -> None:
    script = Script(broken(httpx.ReadError), answer(201))
    async with client_of(script) as client:
        package = await client.wait(AoiDownload(aoi_id="a", asset_ids=("x",)))
    assert package.download_id == "d1"
    assert [one.method for one in script.requests] == ["POST", "POST"]


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ProxyError, False),
        (httpx.UnsupportedProtocol, False),
        (httpx.ReadError, True),
        (httpx.ReadTimeout, True),
        (httpx.WriteError, True),
        (httpx.WriteTimeout, True),
        (httpx.CloseError, True),
        (httpx.RemoteProtocolError, True),
        (httpx.LocalProtocolError, True),
    ],
)
@EVERY_CALL
async def test_errors_of_the_connection_tell_whether_the_call_may_have_arrived(
    call: ClientCall, error: type[httpx.HTTPError], *, sent: bool
) -> None:
    retry = RetryPolicy(attempts=1)
    async with client_of(Script(broken(error)), retry=retry) as client:
        with pytest.raises(TransportError) as caught:
            await call.send(client)
    assert caught.value.sent is sent
    assert caught.value.message.startswith(f"{call.operation}: ")
