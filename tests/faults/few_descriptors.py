"""A program that exports with few descriptors, and tells what came of it as JSON."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from pixxel_async import ConcurrencyChanged, JobDownload, Limits, PixxelClient, PollPolicy, events


async def main(url: str, key: str, folder: Path, descriptors: int, fetches: str) -> None:
    """Export 100 jobs."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    jobs = [JobDownload(workflow_id="w", job_id=f"j{number}") for number in range(100)]
    told: list[int] = []
    short = 0
    async with PixxelClient(
        key,
        base_url=url,
        poll=PollPolicy(initial_s=0.05, max_s=0.3),
        limits=Limits.model_validate({"fetches": fetches, "requests_per_second": 500}),
    ) as client:
        async with client.export(jobs, folder) as export:
            async for event in export:
                if isinstance(event, ConcurrencyChanged):
                    told.append(event.fetches)
                if isinstance(event, events.FetchInterrupted):
                    short += "too many open files" in event.reason.lower()
    report = export.report
    row = {"saved": len(report.saved), "failed": len(report.failed), "told": told, "short": short}
    sys.stdout.write(json.dumps(row))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
