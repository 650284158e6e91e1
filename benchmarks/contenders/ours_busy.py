"""Our fetcher alone, doing what curl does, while the event loop is busy with other Python.

The other Python computes for `BUSY_S`, and then leaves the event loop alone for as long: half of
the time, in steps that an application may well take between two awaits.
"""

from __future__ import annotations

import asyncio
import time

from .ours_fetcher import fetch_all
from .policies import like_curl
from .task import Task, run

BUSY_S = 0.005


async def download(task: Task) -> None:
    """Download all files."""
    busy = asyncio.create_task(compute())
    try:
        await fetch_all(task, *like_curl())
    finally:
        busy.cancel()


async def compute() -> None:
    """Keep the interpreter to itself for half of the time."""
    while True:
        end, total = time.perf_counter() + BUSY_S, 0
        while time.perf_counter() < end:
            total += 1
        await asyncio.sleep(BUSY_S)


if __name__ == "__main__":
    run(download)
