"""Our downloader for some seconds; prints the received bytes.

It fetches the files in turns, repeatedly, and removes complete ones.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from itertools import count
from pathlib import Path

import anyio

from pixxel_async.config import Fetches, Limits, read_fetches
from pixxel_async.errors import TransferError
from pixxel_async.http.engines import Engine
from pixxel_async.journal.export_folder import ExportFolder
from pixxel_async.transfer.concurrency_limiter import ConcurrencyLimiter, FifoSemaphore

from .ours_fetcher import an_item, make_fetcher, make_storage_client
from .policies import like_curl


async def main(folder: Path, fetches: Fetches, seconds: float, urls: list[str]) -> None:
    """Fetch for a while, and print the received bytes."""
    limits = Limits(fetches=fetches)
    export_folder = await ExportFolder.open(folder)
    slots = ConcurrencyLimiter(limits)
    changes: list[tuple[float, int]] = []
    received = 0

    def count_received(size: int) -> None:
        nonlocal received
        received += size

    storage = make_storage_client(Engine.LIBCURL)
    fetcher = make_fetcher(
        export_folder, storage, slots, like_curl()[0], count_received=count_received
    )
    numbers = count()
    began = time.perf_counter()

    async def fetch_one_by_one(places: FifoSemaphore) -> None:
        while True:
            async with places:
                number = next(numbers)
                item = an_item(urls[number % len(urls)], f"{number}.zip")
                try:
                    arrived = await fetcher.fetch(item)
                except TransferError:  # the storage refused more transfers for too long
                    continue
                count_received(arrived.transfer.received)
                await arrived.transfer.partial.discard()

    def changed(number: int) -> None:
        changes.append((round(time.perf_counter() - began, 2), number))

    with slots.followed(changed) as places:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(fetcher.watchdog.run)
            for _ in range(limits.most_fetches):
                tasks.start_soon(fetch_one_by_one, places)
            await anyio.sleep(seconds)
            tasks.cancel_scope.cancel()
    wall_s = time.perf_counter() - began
    await export_folder.aclose()
    await storage.aclose()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    row = {
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "received": received,
        "numbers": changes,
    }
    sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    place, number, duration, listed = sys.argv[1:5]
    listed_urls = Path(listed).read_text(encoding="ascii").split()
    asyncio.run(main(Path(place), read_fetches(number), float(duration), listed_urls))
