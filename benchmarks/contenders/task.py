"""What a contender is told, and what it tells.

A contender tells how long the downloads took, without the start of Python and the imports: an
export takes longer than they do, and programs in C have no such start. The runner measures the
whole process too.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """What a contender is told.

    Attributes:
        urls: What to download.
        names: The names to save it under, in the same order.
        folder: Where.
        concurrency: Downloads at once.
        ca_file: The certificates to trust.
        api_url: Where a service is that has all of it ready.
        workflow_id: What it is asked for, with the names without `.zip` as the ids of jobs.
    """

    urls: list[str]
    names: list[str]
    folder: str
    concurrency: int
    ca_file: str
    api_url: str
    workflow_id: str

    def write(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Task:
        """Read it back."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def run(download: Callable[[Task], Awaitable[None]]) -> None:
    """Download what the task says whose file is the first argument, and print the measures."""
    task = Task.read(Path(sys.argv[1]))
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)

    async def main() -> None:
        await download(task)

    asyncio.run(main())
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s}) + "\n")
