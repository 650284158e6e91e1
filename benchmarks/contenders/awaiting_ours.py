"""Downloads or waits for packages: as one export, or with a call for each of them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from pixxel_async import JobDownload, Limits, PixxelClient

INTERVAL_S = 0.02


async def run(task: dict[str, Any]) -> int:
    """Get the packages; return the most tasks that there were at once."""
    downloads = [JobDownload(workflow_id="w", job_id=f"j{n}") for n in range(task["packages"])]
    limits = Limits(requests_per_second=task["requests_per_second"])
    client = PixxelClient(task["api_key"], base_url=task["api_url"], limits=limits)
    async with client:
        work = asyncio.ensure_future(WAYS[task["way"]](client, downloads, task["folder"]))
        most = 0
        while not work.done():
            most = max(most, len(asyncio.all_tasks()))
            await asyncio.wait([work], timeout=INTERVAL_S)
        await work
    return most


async def export(client: PixxelClient, downloads: list[JobDownload], folder: str) -> None:
    """Export them."""
    async with client.export(downloads, folder) as running:
        report = await running.finish()
    if len(report.saved) != len(downloads):
        message = f"{len(report.saved)} of {len(downloads)} packages were saved"
        raise RuntimeError(message)


async def download(client: PixxelClient, downloads: list[JobDownload], folder: str) -> None:
    """Await a `download` of each."""
    await asyncio.gather(*(client.download(one, folder) for one in downloads))


async def wait(client: PixxelClient, downloads: list[JobDownload], _: str) -> None:
    """Await a `wait` of each."""
    await asyncio.gather(*(client.wait(one) for one in downloads))


WAYS = {"export": export, "download": download, "wait": wait}


def main() -> None:
    """Run the task in the file that is named, and print the measures."""
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    wall, cpu = time.perf_counter(), time.process_time()
    tasks = asyncio.run(run(task))
    said = {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "tasks": tasks,
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
