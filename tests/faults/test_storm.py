"""Case 28: a service that answers 5xx to nearly everything for a while, over real sockets.

How many requests are sent follows from the rules of the breaker and the budget, whatever the speed
of the machine: the storm of which all fail is bounded in time, the other one in calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pixxel_async import (
    AoiDownload,
    Download,
    HostFailed,
    HostRecovered,
    JobDownload,
    Limits,
    PixxelClient,
    PollPolicy,
    Report,
    Retried,
    RetryPolicy,
)
from pixxel_async.events import Event
from pixxel_async.sandbox import ApiCall, ApiFault, PackagingTime, Sandbox, Scenario
from pixxel_async.sansio.resilience.circuit_breaker import FAILURES, FIRST_S

COUNT = 150
STATUS = 502
BEGINS_S, LASTS_S = 1.0, 2.0
POLL = PollPolicy(initial_s=0.2, max_s=3.0, wait_timeout_s=100)
RETRY = RetryPolicy(initial_s=0.05, max_s=0.5)
LIMITS = Limits(requests_per_second=1000)
AOIS = [AoiDownload(aoi_id="a", asset_ids=(str(number),)) for number in range(COUNT)]
JOBS = [JobDownload(workflow_id="w", job_id=str(number)) for number in range(COUNT)]


async def weather(
    folder: Path, downloads: Sequence[Download], storm: ApiFault
) -> tuple[Report, list[Event], list[ApiCall]]:
    """Export through a storm; return the events, and the calls that came."""
    scenario = Scenario(
        packaging=PackagingTime.uniform(3.0, 3.5), package_bytes=2000, faults=(storm,)
    )
    async with Sandbox(scenario) as sandbox:
        async with PixxelClient(
            sandbox.api_key, base_url=sandbox.api_url, poll=POLL, retry=RETRY, limits=LIMITS
        ) as client:
            async with client.export(downloads, folder) as export:
                events = [event async for event in export]
        return export.report, events, list(sandbox.calls)


@pytest.mark.fault(28)
async def test_while_most_calls_fail_few_of_all_that_are_sent_are_retries(tmp_path: Path) -> None:
    polls = "GetDownloadStatus"
    storm = ApiFault("status", status=STATUS, rate=0.7, times=COUNT, on=polls)
    report, events, calls = await weather(tmp_path, AOIS, storm)
    assert len(report.saved) == COUNT  # nothing is lost by it
    struck = [number for number, call in enumerate(calls) if call.status == STATUS]
    assert len(struck) == COUNT
    sent = struck[-1] - struck[0] + 1
    retries = sum(isinstance(event, Retried) for event in events)
    assert 0 < sent <= 1.3 * (sent - retries)


@pytest.mark.fault(28)
async def test_while_all_calls_fail_next_to_nothing_is_sent_and_it_ends_soon(
    tmp_path: Path,
) -> None:
    storm = ApiFault("status", status=STATUS, after_s=BEGINS_S, for_s=LASTS_S)
    report, events, calls = await weather(tmp_path, JOBS, storm)
    assert len(report.saved) == COUNT
    assert report.held >= 1
    held = sum(isinstance(event, HostFailed) for event in events)
    back = sum(isinstance(event, HostRecovered) for event in events)
    assert held == back
    assert held in {1, 2}  # a good answer from before the storm may be the last to be read
    struck = [call.at for call in calls if call.status == STATUS]
    # Those that tell it, those that are under way by then, and one at a time that tries it.
    assert len(struck) <= held * (FAILURES + LIMITS.requests - 1) + LASTS_S / FIRST_S
    again = min(call.at for call in calls if call.at > struck[-1])
    assert again <= struck[0] + LASTS_S + POLL.max_s
