"""The cost of the journal for small packages.

The whole client exports packages of a few hundred bytes over transports that respond at once, so
the journal dominates: no network, no packaging, few bytes. In turns, its rows are committed as
usual, and discarded.
"""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
import time
import zipfile
from collections.abc import Iterator
from statistics import median
from unittest import mock

import httpx

from pixxel_async import JobDownload, Limits, PixxelClient, PollPolicy
from pixxel_async.journal.journal import Journal

PACKAGES = int(os.environ.get("PACKAGES", "2000"))
ROUNDS = 5
NO_LIMIT = Limits(requests_per_second=1e9)
POLL = PollPolicy(keep_times=False)


def lines() -> Iterator[str]:
    """Measure in turns, and yield the table."""
    yield f"wall time of {PACKAGES} packages of {len(ZIP)} bytes, median of {ROUNDS} rounds"
    found: dict[str, list[float]] = {"with journal": [], "without": []}
    for _ in range(ROUNDS):
        found["with journal"].append(asyncio.run(wall_s()))
        found["without"].append(asyncio.run(without_journal()))
    medians = {name: median(times) for name, times in found.items()}
    for name, wall in medians.items():
        yield f"  {name:<14} {wall:7.2f} s"
    yield f"  ratio          {medians['with journal'] / medians['without']:7.2f}"


async def without_journal() -> float:
    """Return the wall time of an export whose journal discards everything."""
    with mock.patch.object(Journal, "_commit"):
        return await wall_s()


async def wall_s() -> float:
    """Return the wall time of one export."""
    downloads = [JobDownload(workflow_id="w", job_id=str(number)) for number in range(PACKAGES)]
    ready = {"id": "x", "status": "ready", "signed_url": "https://storage.example/p.zip?sig=x"}
    service = httpx.MockTransport(lambda _: httpx.Response(200, json=ready))
    storage = httpx.MockTransport(
        lambda _: httpx.Response(200, content=ZIP, headers=STORAGE_HEADERS)
    )
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        async with (
            PixxelClient(
                "key",
                limits=NO_LIMIT,
                poll=POLL,
                http_client=httpx.AsyncClient(transport=service),
                storage_client=httpx.AsyncClient(transport=storage),
            ) as client,
            client.export(downloads, folder) as export,
        ):
            report = await export.finish()
        took = time.perf_counter() - began
    if len(report.saved) != PACKAGES:
        message = f"{len(report.saved)} of {PACKAGES} packages were saved"
        raise RuntimeError(message)
    return took


def a_zip() -> bytes:
    """Return a small package."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "a" * 200)
    return file.getvalue()


ZIP = a_zip()
STORAGE_HEADERS = {"ETag": '"x"', "Content-Length": str(len(ZIP))}
