"""The cost of a poll with few and with many pending packages.

Two costs are measured as CPU time of this process. First, a poll as in an export: scheduler, rate
limit, retries and transport, with a service that answers "not yet" at once, so every package is
always due. Second, the schedule alone, on a virtual clock: packages become ready after an
exponential time and are replaced by others, so it learns all the time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from statistics import median

import anyio
import httpx

from pixxel_async import JobDownload, Limits, PackageStatus, PixxelClient, PollPolicy
from pixxel_async.export.poll_stage import PollStage
from pixxel_async.sansio.polling.schedule import Pending, PollSchedule

from .results import save

PENDING = (100, 10_000, 100_000)
POLLS = 5_000
ROUNDS = 5
ALWAYS_DUE = PollPolicy(initial_s=1e-6, max_s=1e-6, keep_times=False)
NO_LIMIT = Limits(requests_per_second=1e9)
MEAN_S = 60.0


def lines() -> Iterator[str]:
    """Measure in turns, and yield the tables."""
    kept: dict[str, object] = {"polls": POLLS}
    for what, cost_s in (
        ("a poll, with the client below it", lambda pending: asyncio.run(whole_s(pending))),
        ("the schedule alone, while it learns", schedule_s),
    ):
        costs = measured(cost_s)
        medians = {pending: median(found) for pending, found in costs.items()}
        ratios = {pending: cost / medians[PENDING[0]] for pending, cost in medians.items()}
        yield f"{what}: CPU time, median of {ROUNDS} rounds"
        for pending in PENDING:
            yield (
                f"  {pending:>6} pending   {medians[pending] * 1e6:7.1f} µs"
                f"   ÷ {PENDING[0]}: {ratios[pending]:5.2f}"
            )
        kept[what] = {"cpu_s_of_a_poll": costs, "medians": medians, "ratios": ratios}
    save("scheduler", kept)


def measured(cost_s: Callable[[int], float]) -> dict[int, list[float]]:
    """Return the costs of each number of packages, measured in turns."""
    costs: dict[int, list[float]] = {pending: [] for pending in PENDING}
    for _ in range(ROUNDS):
        for pending in PENDING:
            costs[pending].append(cost_s(pending))
    return costs


async def whole_s(count: int) -> float:
    """Return the CPU seconds of one poll of a client with `count` pending packages."""
    answer = httpx.Response(200, json={"id": "x", "status": "pending", "signed_url": ""})
    transport = httpx.MockTransport(lambda _: answer)
    polled = 0
    began = 0.0
    enough = anyio.Event()

    async def poll(pending: Pending[JobDownload]) -> bool:
        nonlocal polled, began
        job = pending.item
        package = await client.jobs.create_download(job.workflow_id, job.job_id)
        poller.record_status(pending, package.status)
        polled += 1
        if polled == POLLS:
            began = time.process_time()
        elif polled == 2 * POLLS:
            enough.set()
        return True

    async def not_yet(_pending: Pending[JobDownload], _next_s: float) -> None:
        """Ignore it."""

    async with PixxelClient(
        "key",
        base_url="http://localhost",
        limits=NO_LIMIT,
        http_client=httpx.AsyncClient(transport=transport),
    ) as client:
        poller: PollStage[JobDownload] = PollStage(poll, not_yet, policy=ALWAYS_DUE, workers=16)
        for number in range(count):
            job = JobDownload(workflow_id="w", job_id=str(number))
            poller.add(job, since=anyio.current_time(), kind="job")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(poller.run)
            await enough.wait()
            cost_s = (time.process_time() - began) / POLLS
            tasks.cancel_scope.cancel()
    return cost_s


def schedule_s(count: int) -> float:
    """Return the CPU seconds of one poll in the schedule."""
    rng = random.Random(count)  # noqa: S311 - no secret
    schedule: PollSchedule[float] = PollSchedule(PollPolicy())

    def add(now: float) -> None:
        ready_at = now + rng.expovariate(1 / MEAN_S)
        new = schedule.begin(ready_at, since=now, now=now, kind="job")
        schedule.put(new, now + schedule.wait(new, now=now, jitter=rng.random()))

    for at in range(count):
        add(at * MEAN_S / count)
    polls, began = 0, time.process_time()
    warm = max(POLLS, count)
    while polls < warm + POLLS:
        now = schedule.next_due() or 0.0
        pending = schedule.take(now)
        if pending is None:
            continue
        polls += 1
        if polls == warm:
            began = time.process_time()
        if now >= pending.item:
            schedule.saw(pending, PackageStatus.READY, now=now)
            add(now)
        else:
            schedule.saw(pending, PackageStatus.PENDING, now=now)
            schedule.put(pending, now + schedule.wait(pending, now=now, jitter=rng.random()))
    return (time.process_time() - began) / POLLS
