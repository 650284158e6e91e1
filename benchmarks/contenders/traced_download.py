"""One `client.download`, traced: the files of the package that it enters, tasks, and threads.

What is imported is imported before, and does not count; nor does making or closing the client.
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
POLL = PollPolicy(initial_s=0.05, max_s=0.1)
"""So that it need not wait for long; it takes the same way."""


class Trace:
    """Notes what happens while it is on.

    Attributes:
        is_on: Whether it does.
        files: The files of the package in which a function was called.
        tasks: How many tasks were created.
        threads: The threads in which that was.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.is_on = False
        self.files: set[str] = set()
        self.tasks = 0
        self.threads: set[int] = set()

    def call(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call, as `sys.setprofile` tells it; a module that is imported is none."""
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


async def main(told: dict[str, str]) -> dict[str, Any]:
    """Download one package."""
    trace = Trace()
    asyncio.get_running_loop().set_task_factory(trace.make_task)
    threading.setprofile(trace.call)
    sys.setprofile(trace.call)
    download = JobDownload(workflow_id="w", job_id="j")
    async with PixxelClient(
        told["api_key"],
        base_url=told["api_url"],
        engine=told["engine"],
        limits=LIMITS,
        poll=POLL,
    ) as client:
        trace.is_on = True
        await client.download(download, told["folder"])
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
