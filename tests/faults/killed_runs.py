"""A program that runs jobs and insights, and kills itself at a moment around a call.

`python -m tests.faults.killed_runs URL KEY FOLDER MANIFEST MAX_COST CALLS SEED` sends itself
SIGKILL soon after that many calls have been begun or answered; with 0 it runs to its end, and
prints its report as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path

import httpx

from pixxel_async import Limits, PixxelClient, PollPolicy, RetryPolicy, parse_run

SOON_S = 0.02
"""Within this the next call is begun, answered or recorded."""


class Killer:
    """Kills this process after a number of moments."""

    def __init__(self, calls: int, seed: int) -> None:
        """Kill after `calls` moments; never if that is 0."""
        self._left = calls
        self._random = random.Random(seed)  # noqa: S311 - to repeat a run

    async def moment(self, _: object) -> None:
        """Count a moment."""
        self._left -= 1
        if self._left == 0:
            delay_s = self._random.choice((0.0, self._random.random() * SOON_S))
            asyncio.get_running_loop().call_later(delay_s, os.kill, os.getpid(), signal.SIGKILL)


async def main(url: str, key: str, folder: Path, manifest: Path, *numbers: str) -> None:
    """Run what the manifest lists."""
    max_cost, calls, seed = numbers
    runs = [parse_run(json.loads(line)) for line in manifest.read_text("utf-8").splitlines()]
    moment = Killer(int(calls), int(seed)).moment
    async with (
        httpx.AsyncClient(event_hooks={"request": [moment], "response": [moment]}) as http,
        PixxelClient(
            key,
            base_url=url,
            http_client=http,
            poll=PollPolicy(initial_s=0.1, max_s=0.5, not_found_grace_s=1.0),
            retry=RetryPolicy(initial_s=0.02, max_s=0.2, recreate=5),
            limits=Limits(requests_per_second=500),
        ) as client,
        client.run(runs, folder, max_cost=float(max_cost)) as export,
    ):
        report = await export.finish()
    said = {
        "saved": [[one.download.row(), str(one.path)] for one in report.saved + report.skipped],
        "failed": [[one.key, type(one.error).__name__] for one in report.failures],
        "errors": [str(one.error) for one in report.failures],
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), *sys.argv[5:]))
