"""Case 28: a service that answers 5xx to nearly everything for a while, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pixxel_async import (
    HostCameBack,
    HostFailed,
    JobDownload,
    Limits,
    PixxelClient,
    Polled,
    PollPolicy,
    Ready,
    Requested,
    RetryPolicy,
)
from pixxel_async.sandbox import ApiCall, ApiFault, PackagingTime, Sandbox, Scenario

COUNT = 300
BEGINS_S, LASTS_S = 1.2, 2.0
POLL = PollPolicy(initial_s=0.2, max_s=1.0, wait_timeout_s=60)
RETRY = RetryPolicy(initial_s=0.05, max_s=0.5)
LIMITS = Limits(requests_per_second=1000)
JOBS = [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(COUNT)]


def first_tries(calls: Sequence[ApiCall], during: Sequence[ApiCall]) -> int:
    """Count those that repeat no call that failed: what would be sent if nothing did."""
    failed: set[str] = set()
    first = []
    for call in calls:
        if call.path not in failed:
            first.append(call)
        (failed.add if call.status == 502 else failed.discard)(call.path)
    return sum(call in first for call in during)


@pytest.mark.fault(28)
@pytest.mark.parametrize("rate", [1.0, 0.7], ids=["all", "most"])
async def test_a_storm_of_5xx_is_met_with_few_retries_and_ends_soon(
    tmp_path: Path, rate: float
) -> None:
    storm = ApiFault("status", status=502, rate=rate, after_s=BEGINS_S, for_s=LASTS_S)
    scenario = Scenario(
        packaging=PackagingTime.uniform(3.5, 4.0), package_bytes=2000, faults=(storm,)
    )
    asked, held, back = [], 0, []
    async with Sandbox(scenario) as sandbox:
        async with PixxelClient(
            sandbox.api_key,
            base_url=sandbox.api_url,
            poll=POLL,
            retry=RETRY,
            limits=LIMITS,
        ) as client:
            async with client.export(JOBS, tmp_path) as export:
                async for event in export:
                    if isinstance(event, Requested | Polled | Ready):
                        asked.append(time.time())
                    if isinstance(event, HostFailed):
                        held += 1
                    if isinstance(event, HostCameBack):
                        back.append(event)
        calls = list(sandbox.calls)
    assert len(export.report.saved) == COUNT  # nothing is lost by it
    struck = [call.at for call in calls if call.status == 502]
    begins, ends = struck[0], struck[0] + LASTS_S
    during = [call for call in calls if begins <= call.at <= struck[-1]]
    if rate < 1.0:
        assert len(during) <= 1.3 * first_tries(calls, during)
    else:
        assert held == len(back) == 1
        due = sum(begins <= at <= ends for at in asked)
        assert len(during) < 0.1 * due  # while nothing is answered, next to nothing is sent
        again = min(call.at for call in calls if call.at > struck[-1])
        assert again <= ends + POLL.max_s
        assert export.report.held >= 1
