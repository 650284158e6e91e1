"""Files in a local folder.

Rules:
    * Disk work runs on threads of its own; the event loop's default threads also look up host
      names, and must not be kept busy.
    * A call that was cancelled is waited for: nobody may use a file that a thread still writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import anyio
from aiofiles.threadpool import wrap
from aiofiles.threadpool.binary import AsyncFileIO

from ..config import ForeignFiles
from ..errors import SinkError
from .base import FULL_CARE, NOTHING_HELD, Care, Disk, HasRoom, Held, always
from .digests import DigestingFile, digests_of
from .extract import discard, extract, reveal
from .partial import LocalPartial
from .threads import to_end
from .trouble import sink_error
from .workers import Workers, keep

T = TypeVar("T")

THREADS = 4
EXTRACTING_THREADS = 2
"""An extraction takes its thread for minutes; no write of a transfer waits for that."""


class LocalSink:
    """Saves into one folder, which is made if need be."""

    def __init__(self, folder: Path, *, threads: int = THREADS) -> None:
        """Start no thread yet.

        Args:
            folder: Where the files go.
            threads: How many reads, writes, syncs and renames may run at once.
        """
        self._folder = folder
        self._text = str(folder)
        self._threads = Workers(threads, "pixxel-sink")
        self._extracting = Workers(EXTRACTING_THREADS, "pixxel-extract")

    def path(self, name: str) -> Path:
        """Return where a final name leads to."""
        return self._folder / name

    async def size(self, name: str) -> int | None:
        """Return the size of the file under a final name, or None if there is none."""
        path = self.path(name)
        try:
            return await self.run(path, lambda: path.stat().st_size if path.is_file() else None)
        except SinkError:
            return None

    async def open(
        self, name: str, held: Held, foreign: ForeignFiles, care: Care = FULL_CARE
    ) -> LocalPartial:
        """Open the partial of a final name; see `Sink.open`."""
        # In text: for a small package, paths would be a tenth of the work of the event loop.
        partial = LocalPartial(self, f"{self._text}{os.sep}{name}", foreign, care)
        if held != NOTHING_HELD:
            try:
                await partial.take_up(held)
            except BaseException:  # a cancellation comes when the file is open already
                with anyio.CancelScope(shield=True):
                    await partial.aclose()
                raise
        return partial

    def streamed(self, file: DigestingFile) -> AsyncFileIO:
        """Return an open file whose writes happen on the sink's threads."""
        loop = asyncio.get_running_loop()
        return cast("AsyncFileIO", wrap(file, loop=loop, executor=self._threads))

    async def set_aside(self, name: str) -> Path:
        """Give a file that was changed since it was saved another name, and return that."""
        path = self.path(name)

        def rename() -> Path:
            number = 1
            while os.path.lexists(aside := path.with_name(f"{path.name}.changed-{number}")):
                number += 1
            return path.rename(aside)

        return await self.run(path, rename)

    async def digest(self, name: str) -> str:
        """Return the SHA-256 of the file under a final name, in hexadecimal."""
        path = self.path(name)
        digests = await self.run(path, lambda: digests_of(path, frozenset()))
        return digests["sha256"].digest().hex()

    async def is_folder(self, name: str) -> bool:
        """Tell whether a name is that of a folder."""
        path = self.path(name)
        return await self.run(path, path.is_dir)

    async def extract(self, name: str, folder: str, *, has_room: HasRoom = always) -> None:
        """Extract the ZIP under a final name; see `Sink.extract`."""
        archive, target, stop = self.path(name), self.path(folder), threading.Event()
        running = asyncio.ensure_future(
            self.run(
                archive,
                lambda: extract(archive, target, stop, has_room),
                threads=self._extracting,
            )
        )
        try:
            await asyncio.wait([running])
        except BaseException:
            stop.set()
            await to_end(self._give_up(running, target))
            raise
        running.result()

    async def _give_up(self, running: asyncio.Future[None], target: Path) -> None:
        """Wait for the end of an extraction that nobody wants, which may have come just now."""
        with contextlib.suppress(Exception):  # the cancellation goes first
            await running
            await self.run(target, lambda: discard(target))

    async def reveal(self, folder: str) -> None:
        """Give a folder that was extracted its final name; see `Sink.reveal`."""
        target = self.path(folder)
        await self.run(target, lambda: reveal(target))

    async def disk(self) -> Disk:
        """Return the size of the disk, and the free space on it."""
        return await self.run(self._folder, self._disk)

    def disk_now(self) -> Disk:
        """Return the same on the calling thread."""
        try:
            return self._disk()
        except OSError as error:
            raise sink_error(error, self._folder) from error

    def _disk(self) -> Disk:
        usage = shutil.disk_usage(self._folder)
        return Disk(total_bytes=usage.total, free_bytes=usage.free)

    async def remove(self, name: str) -> None:
        """Remove the file under a final name."""
        path = self.path(name)
        await self.run(path, lambda: path.unlink(missing_ok=True))

    async def run(
        self,
        path: Path | str,
        work: Callable[[], T],
        *,
        drop: Callable[[T], None] = keep,
        threads: Workers | None = None,
    ) -> T:
        """Run blocking work on a thread and wait for its end, cancelled or not.

        Args:
            path: Named in errors.
            work: What is done.
            drop: Takes the result if nobody waits for it any more.
            threads: Where, if not on those that write.

        Raises:
            SinkError: The operating system refused.
        """
        try:
            return await (threads or self._threads).run(work, drop=drop)
        except OSError as error:
            raise sink_error(error, path) from error

    async def aclose(self) -> None:
        """Free the threads; may be called twice."""
        self._threads.shutdown(wait=True)
        self._extracting.shutdown(wait=True)
