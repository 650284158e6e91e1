"""A program that exports batch after batch in one process, and tells how it stands after each.

`python -m tests.faults.soaking URL KEY FOLDER` ends with the batch in which its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
from itertools import count
from pathlib import Path

import psutil

from pixxel_async import (
    FetchPolicy,
    FolderPolicy,
    Limits,
    PixxelClient,
    PollPolicy,
    PreviousFailures,
    RetryPolicy,
)

from ..support import some_downloads
from .tampering import Tampering

BATCH = 300
UMASK = 0o000
TAMPERED = 10
"""How often somebody tampers with each folder, after its first run."""

AGAIN = FolderPolicy(previous_failures=PreviousFailures.RETRY)
"""Of thousands of creations, some get three answers in a row that cannot be read."""


async def main(url: str, key: str, folder: Path) -> None:
    ended = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        ended.set()

    os.umask(UMASK)
    threading.Thread(target=listen, daemon=True).start()
    process = psutil.Process()
    async with PixxelClient(
        key,
        base_url=url,
        poll=PollPolicy(initial_s=0.2, max_s=1.0, wait_timeout_s=30),
        retry=RetryPolicy(initial_s=0.05, max_s=0.5),
        limits=Limits(requests_per_second=500),
        fetch=FetchPolicy(stall_timeout_s=1.0, expiry_margin_s=0.5),
    ) as client:
        for number in count():
            out = folder / str(number)
            wanted = some_downloads(BATCH, number)
            tampering = Tampering(out, folder / f"outside-{number}" / "precious")
            chance = random.Random(number)  # noqa: S311 - to repeat a run
            runs = 0
            while True:  # what the service has lost goes on with the next run, as a user would
                runs += 1
                async with client.export(wanted, out, folder=AGAIN) as export:
                    report = await export.finish()
                tampering.check()
                if runs == 1:
                    for _ in range(TAMPERED):
                        tampering.act(chance, wanted)
                elif report.is_complete or runs == 10:
                    break
                else:
                    tampering.undo()
            row = {
                "number": number,
                "runs": runs,
                "complete": report.is_complete,
                "planted": sorted(tampering.planted),
                "tampered": len(tampering.done),
                "reasons": [str(item.error) for item in report.failed],
                "rss": process.memory_info().rss,
                "descriptors": process.num_fds(),
            }
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
            if ended.is_set():
                return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
