"""Requests that wait while their host fails, in virtual time."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from pydantic import SecretStr

from pixxel_async import (
    ApiError,
    ConnectionBrokenError,
    IntegrityError,
    NotFoundError,
    OutOfDescriptorsError,
    PixxelError,
    RouteError,
    SinkError,
    StorageError,
    TransferError,
    TransportError,
)
from pixxel_async.http.circuit_breaker import (
    CircuitBreaker,
    CircuitBreakers,
    CircuitOpenError,
    HostIsDown,
    HostIsUp,
    News,
)
from pixxel_async.sansio.resilience.circuit_breaker import FAILURES, FIRST_S, HELD_S, MOST_S
from pixxel_async.transfer.errors import (
    DiskFullError,
    NoRoomError,
    RefusedError,
    RetryableError,
    is_answer_of_host,
    is_failure_of_host,
)

pytestmark = pytest.mark.looptime


class Host:
    """A host that is well or not; counts what reaches it."""

    def __init__(self) -> None:
        self.guard = CircuitBreaker(
            "api.example",
            is_failure=lambda error: isinstance(error, TransportError),
            is_answer=lambda error: isinstance(error, ApiError),
        )
        self.is_well = False
        self.sent = 0
        self.news: list[News] = []

    async def ask(self, *, waits: bool = True) -> None:
        async with self.guard.request(self._tell, waits=waits):
            self.sent += 1
            await anyio.sleep(0.01)
            if not self.is_well:
                message = "no answer"
                raise TransportError(message)

    async def ask_until_well(self) -> None:
        while True:
            try:
                return await self.ask()
            except TransportError:
                await anyio.sleep(0.05)

    async def fail_until_held(self) -> None:
        for _ in range(FAILURES):
            with pytest.raises(TransportError):
                await self.ask()

    async def _tell(self, news: News) -> None:
        self.news.append(news)


async def test_a_host_that_fails_gets_one_request_at_a_time_until_it_is_back() -> None:
    host = Host()
    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(host.ask_until_well)
        await anyio.sleep(60)
        assert host.sent <= 100 + 60 / MOST_S + 5  # those of the first moment, and tries
        host.is_well = True
        back_at = anyio.current_time()
    assert anyio.current_time() - back_at <= MOST_S + 1
    failed, back = host.news
    assert failed == HostIsDown(host="api.example", reason="no answer")
    assert isinstance(back, HostIsUp)
    assert back.held_s == pytest.approx(60, abs=MOST_S + 1)


async def test_who_comes_again_anyhow_is_not_kept_waiting() -> None:
    host = Host()
    await host.fail_until_held()
    before = anyio.current_time()
    with pytest.raises(CircuitOpenError, match=r"api\.example fails: no answer"):
        await host.ask(waits=False)
    assert anyio.current_time() == before
    assert host.sent == FAILURES


async def test_a_host_that_is_down_for_long_fails_what_waits() -> None:
    host = Host()
    await host.fail_until_held()

    async def ask_once() -> None:
        with pytest.raises(TransportError):
            await host.ask()

    async with anyio.create_task_group() as tasks:
        for _ in range(200):
            tasks.start_soon(ask_once)
    assert anyio.current_time() >= HELD_S
    assert anyio.current_time() <= HELD_S + 2 * MOST_S


async def test_a_cancelled_try_lets_another_one_go() -> None:
    host = Host()
    await host.fail_until_held()
    await anyio.sleep(FIRST_S)
    with anyio.move_on_after(0.001) as scope:
        await host.ask()
    assert scope.cancelled_caught
    assert [type(news) for news in host.news] == [HostIsDown]  # it decides nothing
    host.is_well = True
    await host.ask()
    assert isinstance(host.news[-1], HostIsUp)


async def test_an_error_that_a_host_which_is_well_gives_is_none_of_it() -> None:
    host = Host()
    answered = NotFoundError("no such package", status=404, operation="PutJob")
    for _ in range(3 * FAILURES):
        with pytest.raises(PixxelError):
            async with host.guard.request(host._tell):
                raise answered
    assert host.news == []


def test_each_host_has_its_own() -> None:
    guards = CircuitBreakers(is_failure=lambda _: True, is_answer=lambda _: False)
    one, same, other = (
        guards.of(SecretStr(url))
        for url in ("https://a.test/x?sig=1", "https://A.test/y", "https://b.test/x")
    )
    assert one is same
    assert one is not other


NOTHING_SENT = (
    TransferError("the signed URL is not a URL that can be sent as it is"),
    RetryableError(OutOfDescriptorsError("too many open files")),
    RouteError("the certificate is refused"),
    SinkError("no space left on device"),
    LookupError("a bug"),
    asyncio.CancelledError(),
)
"""How requests end that have never reached their host."""
ANSWERED = (
    StorageError("no such object", status=404),
    RefusedError(StorageError("request has expired", status=403)),
    RetryableError(StorageError("slow down", status=429)),
    RetryableError(TransferError("the body ended at byte 5 of 10")),
    IntegrityError("it is not a ZIP"),
    NoRoomError(10),
    DiskFullError(SinkError("full")),
)
"""How requests end that their host has answered."""


def name(error: BaseException) -> str:
    return repr(error)


class Storage(Host):
    """A host whose errors are those of transfers."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = CircuitBreaker(
            "storage.example", is_failure=is_failure_of_host, is_answer=is_answer_of_host
        )

    async def end_with(self, error: BaseException) -> None:
        with pytest.raises(type(error)):
            async with self.guard.request(self._tell):
                raise error

    async def fail_until_held(self) -> None:
        for _ in range(FAILURES):
            await self.end_with(RetryableError(ConnectionBrokenError("refused")))
        assert self.guard.is_failing


@pytest.mark.fault(67)
@pytest.mark.parametrize("error", NOTHING_SENT, ids=name)
async def test_a_request_that_was_never_sent_does_not_say_that_the_host_is_well(
    error: BaseException,
) -> None:
    storage = Storage()
    await storage.fail_until_held()
    for _ in range(3):
        await anyio.sleep(FIRST_S)
        await storage.end_with(error)
        assert storage.guard.is_failing
    assert [type(news) for news in storage.news] == [HostIsDown]
    await storage.end_with(ANSWERED[0])  # it took nothing with it: the next one may try
    assert [type(news) for news in storage.news] == [HostIsDown, HostIsUp]


@pytest.mark.fault(67)
@pytest.mark.parametrize("error", NOTHING_SENT, ids=name)
async def test_a_request_that_was_never_sent_does_not_say_that_the_host_fails(
    error: BaseException,
) -> None:
    storage = Storage()
    for _ in range(3 * FAILURES):
        await storage.end_with(error)
    assert storage.news == []


@pytest.mark.fault(67)
async def test_requests_that_were_never_sent_do_not_hide_those_that_fail() -> None:
    storage = Storage()
    for _ in range(FAILURES):
        await storage.end_with(RetryableError(OutOfDescriptorsError("too many open files")))
        await storage.end_with(RetryableError(ConnectionBrokenError("refused")))
    assert [type(news) for news in storage.news] == [HostIsDown]


@pytest.mark.parametrize("error", ANSWERED, ids=name)
async def test_an_answer_says_that_the_host_is_well(error: Exception) -> None:
    storage = Storage()
    await storage.fail_until_held()
    await anyio.sleep(FIRST_S)
    await storage.end_with(error)
    assert [type(news) for news in storage.news] == [HostIsDown, HostIsUp]


@pytest.mark.fault(67)
async def test_a_late_cancellation_does_not_let_two_requests_try_the_host() -> None:
    storage = Storage()
    entered, leave = anyio.Event(), anyio.Event()

    async def linger() -> None:
        async with storage.guard.request(storage._tell):
            entered.set()
            await leave.wait()

    early = anyio.CancelScope()

    async def early_request() -> None:
        with early:
            await linger()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(early_request)  # sent before the host was found to fail
        await entered.wait()
        await storage.fail_until_held()
        await anyio.sleep(FIRST_S)
        entered = anyio.Event()
        tasks.start_soon(linger)
        await entered.wait()
        early.cancel()
        await anyio.sleep(0.01)
        with anyio.move_on_after(FIRST_S / 2) as waited:
            async with storage.guard.request(storage._tell):
                pytest.fail("two at a time")
        assert waited.cancelled_caught
        leave.set()
    assert [type(news) for news in storage.news] == [HostIsDown, HostIsUp]
