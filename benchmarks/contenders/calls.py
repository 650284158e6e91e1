"""A load of small calls for a service."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

KEY = "a-key-of-the-benchmark"
SPARE_FILES = 1024

Call = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Load:
    """The parameters of a contender.

    Attributes:
        api_url: The URL of the service.
        path: The path of the PUT.
        concurrency: Concurrent calls.
        calls: The total number of calls.
    """

    api_url: str
    path: str
    concurrency: int
    calls: int

    def write(self, file: Path) -> None:
        """Write it to a file."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @property
    def workflow_and_job(self) -> tuple[str, str]:
        """The ids in the path."""
        parts = self.path.split("/")
        return parts[3], parts[5]


def run(caller: Callable[[Load], AbstractAsyncContextManager[Call]]) -> None:
    """Run the load in the file named by the first argument, and print the measures."""
    load = Load(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    allow_sockets(load.concurrency)
    sys.stdout.write(json.dumps(asyncio.run(measure(load, caller))) + "\n")


async def measure(
    load: Load, caller: Callable[[Load], AbstractAsyncContextManager[Call]]
) -> dict[str, float]:
    """Send all calls; connecting counts."""
    numbers = iter(range(load.calls))

    async def worker() -> None:
        for _ in numbers:
            await call()

    async with caller(load) as call:
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        await asyncio.gather(*(worker() for _ in range(load.concurrency)))
        after = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "calls": load.calls,
            "wall_s": time.perf_counter() - began,
            "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        }


def allow_sockets(count: int) -> None:
    """Raise the limit on open files as far as allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * count + SPARE_FILES), hard))
