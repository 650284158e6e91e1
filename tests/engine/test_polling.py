"""When pending packages are asked about, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import anyio
import httpx
import pytest

from pixxel_async import (
    CatalogDownload,
    JobDownload,
    Limits,
    Package,
    PackageFailedError,
    PackageStatus,
    PackageTimeoutError,
    PixxelClient,
    PollPolicy,
    RateLimitedError,
    RetryPolicy,
)
from pixxel_async.config import PollMethod
from pixxel_async.export.poll_stage import PollStage
from pixxel_async.sansio.polling.schedule import Pending

JOB = JobDownload(workflow_id="w", job_id="j")
STEADY = PollPolicy(initial_s=2, max_s=30, factor=1.5, jitter=0)


class Service(httpx.AsyncBaseTransport):
    """Answers from a script, in no time, and notes when it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked_at: list[float] = []
        self.methods: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked_at.append(asyncio.get_running_loop().time())
        self.methods.append(request.method)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def told(status: str, url: str | None = None) -> httpx.Response:
    return httpx.Response(200, json={"id": "x", "status": status, "signed_url": url})


def client_of(service: Service, poll: PollPolicy = STEADY, **parts: object) -> PixxelClient:
    return PixxelClient("key", poll=poll, http_client=httpx.AsyncClient(transport=service), **parts)  # type: ignore[arg-type]  # keyword parts


async def wait(service: Service, download: object = JOB, **parts: object) -> Package:
    async with client_of(service, **parts) as client:  # type: ignore[arg-type]  # keyword parts
        return await client.wait(download)  # type: ignore[arg-type]  # one of the five


def gaps(service: Service) -> list[float]:
    times = service.asked_at
    return [round(b - a, 3) for a, b in pairwise(times)]


@pytest.mark.looptime
async def test_intervals_grow_by_the_factor_up_to_the_longest() -> None:
    service = Service(*[told("pending")] * 10, told("ready", "https://storage.example/x"))
    package = await wait(service)
    assert package.status is PackageStatus.READY
    assert package.signed_url is not None
    assert gaps(service) == [2, 3, 4.5, 6.75, 10.125, 15.188, 22.781, 30, 30, 30]


@pytest.mark.looptime
async def test_a_package_that_is_ready_at_once_is_not_polled() -> None:
    service = Service(told("ready", "https://storage.example/x"))
    await wait(service)
    assert service.methods == ["PUT"]


@pytest.mark.looptime
async def test_a_job_is_polled_by_its_put_and_a_catalog_by_its_get() -> None:
    answers = told("pending"), told("pending"), told("ready", "https://storage.example/x")
    job, catalog = Service(*answers), Service(*answers)
    await wait(job)
    await wait(catalog, CatalogDownload(catalog_ids=("c",)))
    assert job.methods == ["PUT", "PUT", "PUT"]
    assert catalog.methods == ["POST", "GET", "GET"]


@pytest.mark.looptime
async def test_waiting_ends_at_the_limit() -> None:
    service = Service(told("pending"))
    poll = PollPolicy(initial_s=2, max_s=30, jitter=0, wait_timeout_s=3600)
    with pytest.raises(PackageTimeoutError, match="not ready within 3600 s"):
        await wait(service, poll=poll)
    last = service.asked_at[-1] - service.asked_at[0]
    assert 3600 <= last <= 3630


@pytest.mark.looptime
async def test_a_failed_package_ends_the_waiting() -> None:
    with pytest.raises(PackageFailedError, match="FAILED"):
        await wait(Service(told("pending"), told("FAILED")))


@pytest.mark.looptime
async def test_a_404_just_after_creation_is_not_yet_and_later_is_an_error() -> None:
    missing = httpx.Response(404, json={"error": {"code": "NOT_FOUND", "message": "none"}})
    catalog = CatalogDownload(catalog_ids=("c",))
    soon = Service(told("created"), missing, told("success", "https://storage.example/x"))
    assert (await wait(soon, catalog)).status is PackageStatus.READY
    late = Service(told("created"), missing)
    with pytest.raises(Exception, match="404"):
        await wait(late, catalog)
    assert late.asked_at[-1] - late.asked_at[0] > STEADY.not_found_grace_s


@pytest.mark.fault(29)
@pytest.mark.looptime
async def test_calls_keep_to_the_rate() -> None:
    service = Service(told("ready", "https://storage.example/x"))
    limits = Limits(requests=50, requests_per_second=10)
    async with client_of(service, limits=limits) as client:
        jobs = [JobDownload(workflow_id="w", job_id=str(n)) for n in range(100)]
        await asyncio.gather(*(client.wait(job) for job in jobs))
    for second in range(10):
        begin = service.asked_at[0] + second
        assert sum(1 for at in service.asked_at if begin <= at < begin + 1) <= 21
    assert service.asked_at[-1] - service.asked_at[0] >= 8


@pytest.mark.looptime
async def test_retry_after_is_obeyed_by_every_call() -> None:
    busy = httpx.Response(429, headers={"Retry-After": "60"})
    service = Service(busy, told("ready", "https://storage.example/x"))
    async with client_of(service) as client:
        jobs = [JobDownload(workflow_id="w", job_id=str(n)) for n in range(3)]
        began = asyncio.get_running_loop().time()
        first = asyncio.create_task(client.wait(jobs[0]))
        await anyio.sleep(1)
        await asyncio.gather(first, *(client.wait(job) for job in jobs[1:]))
    assert min(service.asked_at[1:]) - began >= 60


@pytest.mark.looptime
async def test_attempts_are_used_up_in_the_end() -> None:
    service = Service(httpx.Response(429))
    with pytest.raises(RateLimitedError):
        await wait(service, retry=RetryPolicy(attempts=4))
    assert len(service.asked_at) == 4


@asynccontextmanager
async def running(poller: PollStage[int]) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        await tasks.start(poller.run)
        yield
        tasks.cancel_scope.cancel()


@pytest.mark.untraced
@pytest.mark.looptime
async def test_thousands_of_pending_packages_need_no_task_each() -> None:
    polled: dict[int, list[float]] = {}

    async def poll(pending: Pending[int]) -> bool:
        polled.setdefault(pending.item, []).append(anyio.current_time())
        return len(polled[pending.item]) < 3

    async def not_yet(_pending: Pending[int], next_s: float) -> None:
        assert next_s > 0

    poller = PollStage(poll, not_yet, policy=STEADY, workers=8)
    before = len(asyncio.all_tasks())
    async with running(poller):
        began = anyio.current_time()
        for number in range(5000):
            poller.add(number, since=began)
        assert len(poller) == 5000
        assert len(asyncio.all_tasks()) <= before + 9
        await anyio.sleep(1.9)
        assert polled == {}
        await anyio.sleep(20)
    assert len(polled) == 5000
    for times in polled.values():
        assert [round(at - began, 2) for at in times] == [2, 5, 9.5]


@pytest.mark.fault(29)
@pytest.mark.looptime
async def test_packages_of_an_earlier_run_are_first_polled_spread_out() -> None:
    at: list[float] = []

    async def poll(_pending: Pending[int]) -> bool:
        at.append(anyio.current_time())
        return False

    async def not_yet(_pending: Pending[int], _next_s: float) -> None:
        raise AssertionError

    poller = PollStage(poll, not_yet, policy=STEADY, workers=8)
    async with running(poller):
        began = anyio.current_time()
        for number in range(500):
            poller.add_soon(number, since=began, spread_s=2)
        await anyio.sleep(3)
    assert len(at) == 500
    tenths = [sum(1 for t in at if n <= (t - began) * 5 < n + 1) for n in range(10)]
    assert all(20 <= count <= 90 for count in tenths)


@pytest.mark.parametrize("workers", [1, 8])
async def test_polls_that_wait_for_nothing_let_others_run(workers: int) -> None:
    polls = 0

    async def poll(_pending: Pending[int]) -> bool:
        nonlocal polls
        polls += 1
        return True

    async def not_yet(_pending: Pending[int], _next_s: float) -> None:
        """Tell nobody."""

    always_due = PollPolicy(method=PollMethod.BACKOFF, initial_s=1e-9, max_s=1e-9)
    poller = PollStage(poll, not_yet, policy=always_due, workers=workers)
    async with running(poller):
        for number in range(10):
            poller.add(number, since=anyio.current_time())
        while polls < 100:  # noqa: ASYNC110 - rounds of the event loop are what is counted
            await asyncio.sleep(0)
    assert polls < 200


@pytest.mark.looptime
async def test_what_is_drained_is_not_polled_any_more() -> None:
    async def poll(_pending: Pending[int]) -> bool:
        raise AssertionError

    async def not_yet(_pending: Pending[int], _next_s: float) -> None:
        raise AssertionError

    poller = PollStage(poll, not_yet, policy=STEADY, workers=2)
    async with running(poller):
        poller.add(1, since=anyio.current_time())
        poller.add(2, since=anyio.current_time())
        assert sorted(poller.drain()) == [1, 2]
        await anyio.sleep(60)
    assert len(poller) == 0


@pytest.mark.looptime
@pytest.mark.parametrize("broken", [httpx.Response(500), httpx.Response(200, text="not JSON")])
async def test_a_service_that_is_down_for_a_while_costs_no_package_that_waits(
    broken: httpx.Response,
) -> None:
    answers = [told("pending"), *[broken] * 100, told("ready", "https://storage.example/x")]
    service = Service(*answers)
    assert (await wait(service)).status is PackageStatus.READY
    assert service.asked_at[-1] - service.asked_at[0] > 300


@pytest.mark.looptime
async def test_a_service_that_stays_down_ends_the_waiting_at_the_limit() -> None:
    service = Service(told("pending"), httpx.Response(500))
    poll = PollPolicy(initial_s=2, max_s=30, jitter=0, wait_timeout_s=600)
    with pytest.raises(PackageTimeoutError):
        await wait(service, poll=poll)
    assert 600 <= anyio.current_time() - service.asked_at[0] <= 700
    assert service.asked_at[-1] - service.asked_at[0] >= 500  # it was asked up to the end
