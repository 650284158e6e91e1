"""Traces one `client.download`: the files of the package that it enters, tasks and threads.

Imports do not count, nor does creating or closing the client.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Coroutine, Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pixxel_async
from pixxel_async import JobDownload, Limits, PixxelClient, PollPolicy

ROOT = f"{Path(pixxel_async.__file__).parent}/"
LIMITS = Limits(requests_per_second=1000)
POLL = PollPolicy(initial_s=0.05, max_s=0.1, keep_times=False)
"""Short intervals, on the same path."""


class Trace:
    """Records calls and tasks while it is on.

    Attributes:
        is_on: Whether it records.
        files: The files of the package in which a function was called.
        tasks: The number of created tasks.
        threads: The threads of these calls.
    """

    def __init__(self) -> None:
        """Start switched off."""
        self.is_on = False
        self.files: set[str] = set()
        self.tasks = 0
        self.threads: set[int] = set()

    def call(self, frame: FrameType, event: str, _: object) -> None:
        """Record a call from `sys.setprofile`, except for imports."""
        if not self.is_on or event != "call" or frame.f_code.co_name == "<module>":
            return
        if frame.f_code.co_filename.startswith(ROOT):
            self.files.add(frame.f_code.co_filename.removeprefix(ROOT))
            self.threads.add(threading.get_ident())

    def make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **options: Any,
    ) -> asyncio.Task[Any]:
        """Create a task, and count it."""
        self.tasks += self.is_on
        return asyncio.Task(work, loop=loop, **options)


async def main(parameters: dict[str, str]) -> dict[str, Any]:
    """Download one package."""
    trace = Trace()
    asyncio.get_running_loop().set_task_factory(trace.make_task)
    threading.setprofile(trace.call)
    sys.setprofile(trace.call)
    download = JobDownload(workflow_id="w", job_id="j")
    async with PixxelClient(
        parameters["api_key"],
        base_url=parameters["api_url"],
        engine=parameters["engine"],
        limits=LIMITS,
        poll=POLL,
    ) as client:
        trace.is_on = True
        await client.download(download, parameters["folder"])
        trace.is_on = False
    sys.setprofile(None)
    return {
        "files": sorted(trace.files),
        "tasks": trace.tasks,
        "threads": len(trace.threads),
    }


if __name__ == "__main__":
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps(asyncio.run(main(task))) + "\n")
