"""What a poll costs when few packages are pending, and when many are.

The whole client polls, over a transport that answers "not yet" in no time, so what is measured is
the scheduler, the rate limit, the retries, the events and httpx, and no network.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from statistics import median

import httpx

from pixxel_async import JobDownload, Limits, PixxelClient, Polled, PollPolicy, Requested

from .results import save

PENDING = (100, 10_000, 100_000)
POLLS = 5_000
ROUNDS = 3
ALWAYS_DUE = PollPolicy(initial_s=1e-6, max_s=1e-6)
NO_LIMIT = Limits(requests_per_second=1e9, pending=max(PENDING))


def lines() -> Iterator[str]:
    """Measure in turns, and yield the table."""
    yield f"CPU time of a poll, median of {ROUNDS} rounds of {POLLS} polls"
    costs: dict[int, list[float]] = {pending: [] for pending in PENDING}
    for _ in range(ROUNDS):
        for pending in PENDING:
            costs[pending].append(asyncio.run(cost_s(pending)))
    medians = {pending: median(found) for pending, found in costs.items()}
    for pending, cost in medians.items():
        yield f"  {pending:>6} pending   {cost * 1e6:7.0f} µs"
    ratios = {pending: cost / medians[PENDING[0]] for pending, cost in medians.items()}
    for pending in PENDING[1:]:
        yield f"  {pending:>6} ÷ {PENDING[0]}      {ratios[pending]:7.2f}"
    save(
        "scheduler",
        {"polls": POLLS, "cpu_s_of_a_poll": costs, "medians": medians, "ratios": ratios},
    )


async def cost_s(pending: int) -> float:
    """Return the CPU seconds of one poll while so many packages are pending."""
    downloads = [JobDownload(workflow_id="w", job_id=str(number)) for number in range(pending)]
    answer = httpx.Response(200, json={"id": "x", "status": "pending", "signed_url": ""})
    transport = httpx.MockTransport(lambda _: answer)
    requested = polled = 0
    began = 0.0
    with tempfile.TemporaryDirectory() as folder:
        async with (
            PixxelClient(
                "key",
                base_url="http://localhost",
                limits=NO_LIMIT,
                poll=ALWAYS_DUE,
                transport=transport,
            ) as client,
            client.export(downloads, folder) as export,
        ):
            async for event in export:
                requested += isinstance(event, Requested)
                if requested < pending or not isinstance(event, Polled):
                    continue
                if polled == 0:
                    began = time.process_time()
                polled += 1
                if polled > POLLS:
                    break
            return (time.process_time() - began) / POLLS
