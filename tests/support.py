"""What several test packages share: quick policies, and clients of a sandbox."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from pixxel_async import (
    Download,
    FetchPolicy,
    Limits,
    PixxelClient,
    PollPolicy,
    RetryPolicy,
    parse_download,
)
from pixxel_async.sandbox import Sandbox, demo_rows

PATIENCE_S = 120.0
"""How long a test waits for what has to happen: no machine, however busy, takes longer."""
PROCESS_S = 400.0
"""How long it waits for a process to end, which takes seconds to start on an idle machine."""

QUICK_POLL = PollPolicy(initial_s=0.02, max_s=0.1, not_found_grace_s=0.5)
QUICK_RETRY = RetryPolicy(initial_s=0.01, max_s=0.05, retry_after_max_s=0.05)
LOCAL_URL = "http://127.0.0.1"
"""The address of a service on this machine: its storage may be on this machine, too."""
QUICK_LIMITS = Limits(requests_per_second=2000)


def client_of(sandbox: Sandbox, **parts: Any) -> PixxelClient:
    """Make a client of a sandbox that wastes no time."""
    quick = {"poll": QUICK_POLL, "retry": QUICK_RETRY, "limits": QUICK_LIMITS}
    return PixxelClient(sandbox.api_key, base_url=sandbox.api_url, **{**quick, **parts})


def some_downloads(count: int, seed: int = 1) -> list[Download]:
    """Return downloads of all kinds."""
    return [parse_download(row) for row in demo_rows(count, seed)]


def final_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that has a final name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file() and path.suffix == ".zip"
    }


def partials(folder: Path) -> list[str]:
    """Return the names of partials."""
    return sorted(path.name for path in folder.glob("*.part"))


def other_tasks() -> set[str]:
    """Return the tasks of this loop, without the test's own and those that serve the sandbox."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return {name for task in tasks if not (name := repr(task)).count("RequestResponseCycle")}


def quick_fetch(**changes: Any) -> FetchPolicy:
    """Return a policy that flushes often, so that small packages show what large ones do."""
    return FetchPolicy(**{"flush_bytes": 64 * 1024, **changes})


def when(is_so: Callable[[], object], *, every_s: float = 0.02) -> None:
    """Look until something is so; the limit is that of a test."""
    look = Event()
    while not is_so():
        look.wait(every_s)
