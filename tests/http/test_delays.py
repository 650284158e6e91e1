"""How long is waited before a call is sent again, on a virtual clock."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import anyio
import httpx
import pytest

from pixxel_async import (
    Limits,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    Timeouts,
    TransportError,
)
from pixxel_async.sansio.resilience.circuit_breaker import FAILURES, FIRST_S

from .script import AT_ONCE, KEY, Script, answer, client_of

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("library")]
LIMIT_S = AT_ONCE.retry_after_max_s


async def delay_after(status: int, retry_after: str) -> float:
    """Return the seconds between a call that failed and the next one."""
    script = Script(answer(status, headers={"Retry-After": retry_after}), answer())
    async with client_of(script) as client:
        began = anyio.current_time()
        await client.jobs.create_download("w", "j")
        assert len(script.requests) == 2
        return anyio.current_time() - began


@pytest.mark.fault(20)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("seconds", [1, 7, 299])
async def test_seconds_are_obeyed(status: int, seconds: int) -> None:
    assert await delay_after(status, str(seconds)) == pytest.approx(seconds, abs=0.01)


@pytest.mark.fault(20)
@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000", ""])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_date_is_obeyed(status: int, zone: str) -> None:
    then = datetime.now(UTC) + timedelta(seconds=100)
    text = format_datetime(then, usegmt=True).removesuffix("GMT") + zone
    assert 90 < await delay_after(status, text) <= 100


@pytest.mark.parametrize("status", [429, 503])
async def test_a_date_that_has_passed_is_no_wait(status: int) -> None:
    assert await delay_after(status, "Fri, 31 Dec 1999 23:59:59 GMT") < 0.01


@pytest.mark.fault(20)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("huge", ["301", "86400", "9" * 300, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_a_huge_delay_is_clamped(status: int, huge: str) -> None:
    assert await delay_after(status, huge) == pytest.approx(LIMIT_S, abs=0.01)


@pytest.mark.fault(20)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("text", ["-1", "soon", "", "nan", "inf", "1,5", "0x10", "Fri, 99 Dec"])
async def test_what_makes_no_sense_is_left_to_our_own_delay(status: int, text: str) -> None:
    assert await delay_after(status, text) < 0.01


async def test_our_own_delay_doubles_up_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 1.0)
    times: list[float] = []

    async def failing(_request: httpx.Request) -> httpx.Response:
        times.append(anyio.current_time())
        return httpx.Response(500, text="no")

    retry = RetryPolicy(attempts=6, initial_s=0.5, max_s=3)
    async with client_of(Script(failing), retry=retry) as client:
        with pytest.raises(ServerError):
            await client.jobs.create_download("w", "j")
    delays = [later - sooner for sooner, later in pairwise(times)]
    assert delays == pytest.approx([0.5, 1, 2, 3, 3], abs=0.01)


async def test_our_own_delay_is_drawn_from_zero_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)
    async with client_of(Script(answer(500)), retry=RetryPolicy(initial_s=8)) as client:
        with pytest.raises(ServerError):
            await client.jobs.create_download("w", "j")
        assert anyio.current_time() < 0.01


@pytest.mark.fault(20)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_complaint_pauses_all_calls(status: int) -> None:
    script = Script(answer(status, headers={"Retry-After": "30"}), answer())
    async with client_of(script) as client:
        complained = asyncio.create_task(client.jobs.create_download("w", "1"))
        await anyio.sleep(1)
        assert len(script.requests) == 1
        await client.jobs.create_download("w", "2")
        assert anyio.current_time() == pytest.approx(30, abs=0.01)
        await complained
    assert len(script.requests) == 3


async def test_another_failure_pauses_only_its_own_call() -> None:
    script = Script(answer(500, headers={"Retry-After": "30"}), answer())
    async with client_of(script) as client:
        failed = asyncio.create_task(client.jobs.create_download("w", "1"))
        await anyio.sleep(1)
        await client.jobs.create_download("w", "2")
        assert anyio.current_time() == pytest.approx(1, abs=0.01)
        await failed
        assert anyio.current_time() == pytest.approx(30, abs=0.01)


async def test_the_last_attempt_is_not_waited_for() -> None:
    script = Script(answer(429, headers={"Retry-After": "30"}))
    async with client_of(script, retry=RetryPolicy(attempts=2)) as client:
        with pytest.raises(RateLimitedError) as caught:
            await client.jobs.create_download("w", "j")
    assert caught.value.retry_after_s == 30
    assert anyio.current_time() == pytest.approx(30, abs=0.01)


async def test_calls_go_out_at_the_rate_that_was_set() -> None:
    times: list[float] = []

    async def noting(_request: httpx.Request) -> httpx.Response:
        times.append(anyio.current_time())
        return httpx.Response(200, json="pong")

    async with client_of(Script(noting), limits=Limits(requests_per_second=10)) as client:
        await asyncio.gather(*(client.ping() for _ in range(50)))
    assert len(times) == 50
    assert times[-1] == pytest.approx(50 / 10, abs=0.5)
    assert max(sum(start <= time < start + 1 for time in times) for start in times) <= 13


async def test_no_more_calls_are_in_flight_than_allowed() -> None:
    flying, most = 0, 0

    async def slow(_request: httpx.Request) -> httpx.Response:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await anyio.sleep(1)
        flying -= 1
        return httpx.Response(200, json="pong")

    limits = Limits(requests=3, requests_per_second=10_000)
    async with client_of(Script(slow), limits=limits) as client:
        await asyncio.gather(*(client.ping() for _ in range(9)))
    assert most == 3
    assert anyio.current_time() == pytest.approx(3, abs=0.1)


async def test_an_answer_that_does_not_come_is_given_up_in_time() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    retry = RetryPolicy(attempts=2, initial_s=0)
    timeout = Timeouts(answer_s=7, creation_s=40)
    async with client_of(Script(never), retry=retry, timeout=timeout) as client:
        with pytest.raises(TransportError, match="no complete answer to downloadJob within 40 s"):
            await client.jobs.create_download("w", "j")
    assert anyio.current_time() == pytest.approx(80, abs=0.01)


async def test_an_answer_that_drips_is_given_up_in_time() -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
            while True:
                await anyio.sleep(5)
                yield b" "

    async def dripping(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Drip())

    retry = RetryPolicy(attempts=1)
    async with client_of(Script(dripping), retry=retry, timeout=Timeouts(answer_s=40)) as client:
        with pytest.raises(TransportError) as caught:
            await client.ping()
    assert caught.value.sent
    assert KEY not in str(caught.value)
    assert anyio.current_time() == pytest.approx(40, abs=0.01)


@pytest.mark.fault(28)
async def test_calls_that_wait_for_their_turn_when_the_service_begins_to_fail_are_held_back() -> (
    None
):
    script = Script(answer(502), *[answer(502)] * FAILURES, answer())
    limits = Limits(requests_per_second=20)
    once = RetryPolicy(attempts=1)
    async with client_of(script, limits=limits, retry=once) as client:

        async def call() -> None:
            with suppress(ServerError):
                await client.jobs.create_download("w", "j")

        async with anyio.create_task_group() as tasks:
            for _ in range(2 * limits.requests):  # so many creations and polls an export has
                tasks.start_soon(call)
            await anyio.sleep(FAILURES / limits.requests_per_second + 0.8 * FIRST_S)
            assert len(script.requests) == FAILURES
        assert len(script.requests) == 2 * limits.requests
