"""A process that exports, tells what it has brought to the disk, and kills itself on the way.

The ledger gets a line for each sync and each rename.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixxel_async import Limits, PixxelClient
from pixxel_async.destinations.digests import DigestingFile
from pixxel_async.destinations.file_system_probe import NAME
from pixxel_async.journal.journal import Journal

from ..support import QUICK_POLL, QUICK_RETRY, quick_fetch, some_downloads

COUNT, SEED = 12, 5
POINTS = (
    *("before the write", "after the write"),
    *("before the sync", "after the sync"),
    *("before the rename", "after the rename"),
    *("before the sync of the folder", "after the sync of the folder"),
    *("before the commit", "after the commit"),
)


class Crasher:
    """Kills this process at one point, and keeps the ledger."""

    def __init__(self, point: str, nth: int, pending: Path) -> None:
        self._point = point
        self._left = nth
        self._pending = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def reach(self, point: str) -> None:
        """Die, if this is the time."""
        self._left -= point == self._point
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def tell(self, *words: str | int) -> None:
        """Note something that has reached the disk, or a rename that has not yet."""
        os.write(self._pending, json.dumps(words).encode() + b"\n")

    def around(self, what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return `work` with a point before and one after it."""

        def with_points(*args: Any, **kwargs: Any) -> Any:
            self.reach(f"before {what}")
            result = work(*args, **kwargs)
            self.reach(f"after {what}")
            return result

        return with_points

    def sync(self, descriptor: int) -> None:
        """Note a sync; it is left out, since this process dies and the machine does not."""
        found = os.fstat(descriptor)
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if NAME in path:  # of the look at the file system
            return
        is_folder = stat.S_ISDIR(found.st_mode)
        what = "the sync of the folder" if is_folder else "the sync"
        self.reach(f"before {what}")
        self.tell("folder" if is_folder else "file", path, found.st_size)
        self.reach(f"after {what}")

    def rename(
        self,
        source: str | Path,
        target: str | Path,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
    ) -> None:
        """Rename, and note it before."""

        def work() -> None:
            _REPLACE(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

        if NAME in str(source):  # of the look at the file system
            work()
            return
        self.reach("before the rename")
        self.tell("rename", _whole(source, src_dir_fd), _whole(target, dst_dir_fd))
        work()
        self.reach("after the rename")


def _whole(path: str | Path, folder: int | None) -> str:
    if folder is None:
        return str(path)
    return str(Path(f"/proc/self/fd/{folder}").readlink() / path)


_REPLACE = os.replace


async def main(url: str, key: str, folder: Path) -> None:
    async with PixxelClient(
        key,
        base_url=url,
        poll=QUICK_POLL,
        retry=QUICK_RETRY,
        limits=Limits(fetches=4, requests_per_second=500),
        fetch=quick_fetch(write_s=0.01),
    ) as client:
        async with client.export(some_downloads(COUNT, SEED), folder) as export:
            await export.finish()


def crash(url: str, key: str, folder: str, pending: str, point: str, nth: int) -> None:  # noqa: PLR0913, PLR0917 - what a process is started with
    """Export, and die when coming to the point named for the nth time; only for a process apart."""
    crasher = Crasher(point, nth, Path(pending))
    patches: list[tuple[Any, str, Callable[..., Any]]] = [
        (os, "fsync", crasher.sync),
        (os, "replace", crasher.rename),
        (DigestingFile, "write", crasher.around("the write", DigestingFile.write)),
        (Journal, "_commit", crasher.around("the commit", Journal._commit)),
    ]
    for place, name, work in patches:
        setattr(place, name, work)
    asyncio.run(main(url, key, Path(folder)))
