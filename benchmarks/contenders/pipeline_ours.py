"""Our whole client against a sandbox, as it comes but for the rate of calls."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from pixxel_async import Limits, PixxelClient, PollPolicy, parse_download

POLL = PollPolicy(keep_times=False)


async def export(task: dict[str, Any]) -> dict[str, float]:
    """Save the packages; return when that began and ended, in seconds since 1970."""
    downloads = [parse_download(row) for row in task["rows"]]
    limits = Limits(requests_per_second=task["requests_per_second"])
    async with PixxelClient(
        task["api_key"], base_url=task["api_url"], limits=limits, poll=POLL
    ) as client:
        began_at = time.time()
        async with client.export(downloads, task["folder"]) as exporting:
            report = await exporting.finish()
        ended_at = time.time()
    return {"began_at": began_at, "ended_at": ended_at, "saved": len(report.saved)}


if __name__ == "__main__":
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps(asyncio.run(export(task))) + "\n")
