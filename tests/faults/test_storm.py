"""Case 28: a service that answers 5xx to nearly everything for a while, over real sockets."""

from __future__ import annotations

import time
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
from pixxel_async.sandbox import ApiFault, PackagingTime, Sandbox, Scenario

COUNT = 300
BEGINS_S, LASTS_S = 1.2, 2.0
POLL = PollPolicy(initial_s=0.2, max_s=1.0, wait_timeout_s=60)
RETRY = RetryPolicy(initial_s=0.05, max_s=0.5)
LIMITS = Limits(requests_per_second=1000)
JOBS = [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(COUNT)]


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
        struck = [call.at for call in sandbox.calls if call.status == 502]
        calls = [call.at for call in sandbox.calls]
    assert len(export.report.saved) == COUNT  # nothing is lost by it
    begins, ends = struck[0], struck[0] + LASTS_S
    sent = sum(begins <= at <= struck[-1] for at in calls)
    # Useful is what is due: a look at a package counts once, however often its call failed.
    useful = sum(begins <= at <= ends for at in asked)
    assert sent <= 1.3 * useful
    if rate == 1.0:
        assert held == len(back) == 1
        assert sent < 0.1 * useful  # while nothing is answered, next to nothing is sent
        again = min(at for at in calls if at > struck[-1])
        assert again <= ends + POLL.max_s
        assert export.report.held >= 1
