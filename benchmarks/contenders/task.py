"""The parameters of a contender, and the measures that it prints.

A contender measures its downloads without the start of Python and the imports, which programs in
C do not have. The runner measures the whole process too.
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
    """The parameters of a contender.

    Attributes:
        urls: The URLs to download.
        names: The names of the saved files, in the same order.
        folder: The folder to save them in.
        concurrency: Concurrent downloads.
        ca_file: The certificates to trust.
        api_url: The URL of a service that has all packages ready.
        workflow_id: The workflow to request; the ids of its jobs are the names without `.zip`.
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
    """Run the task in the file named by the first argument, and print the measures."""
    task = Task.read(Path(sys.argv[1]))
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)

    async def main() -> None:
        await download(task)

    asyncio.run(main())
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s}) + "\n")
