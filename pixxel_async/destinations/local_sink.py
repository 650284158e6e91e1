"""Files in a local folder.

Rules:
    * Disk work runs on threads of its own; the event loop's default threads also look up host
      names, and must not be kept busy.
    * A call that was cancelled is waited for: nobody may use a file that a thread still writes.
    * Every name is checked, and opened without following links; see `tree`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import anyio
from aiofiles.threadpool import wrap
from aiofiles.threadpool.binary import AsyncFileIO

from ..config import UnknownFiles
from ..errors import SinkError
from ..waits import keep, to_end
from .digests import DigestingFile, digests_of
from .extract import discard, extract, reveal
from .folder_tree import FolderTree, check_name
from .os_errors import sink_error
from .partial_file import LocalPartial
from .paths import disk_of
from .sink import DEFAULT_WRITES, FROM_START, Disk, HasRoom, ResumePoint, Stamp, WritePolicy, always, stamp_of
from .thread_pool import ThreadPool

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
        self.tree = FolderTree(folder)
        self._threads = ThreadPool(threads, "pixxel-sink")
        self._extracting = ThreadPool(EXTRACTING_THREADS, "pixxel-extract")

    def path(self, name: str) -> Path:
        """Return where a final name leads to; see `Sink.path`."""
        check_name(self._folder, name)
        return self._folder / name

    def shown(self, name: str) -> str:
        """Return where a name leads to, for messages."""
        # In text: for a small package, paths would be a tenth of the work of the event loop.
        return f"{self._text}{os.sep}{name}"

    async def size(self, name: str) -> int | None:
        """Return the size of the file under a final name, or None if there is none."""
        try:
            stamp = await self.stamp(name)
        except SinkError:
            return None
        return stamp.size if stamp is not None and stamp.is_file else None

    async def stamp(self, name: str) -> Stamp | None:
        """Look at what has a final name; see `Sink.stamp`."""

        def read() -> Stamp | None:
            try:
                with self.tree.folder_of(name) as (folder, final):
                    info = folder.lstat(final)
            except FileNotFoundError:
                return None
            return None if info is None or stat.S_ISDIR(info.st_mode) else stamp_of(info)

        return await self.run(self.shown(name), read)

    async def open(
        self, name: str, held: ResumePoint, foreign: UnknownFiles, care: WritePolicy = DEFAULT_WRITES
    ) -> LocalPartial:
        """Open the partial of a final name; see `Sink.open`."""
        partial = LocalPartial(self, name, foreign, care)
        if held != FROM_START:
            try:
                await partial.resume(held)
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
            with self.tree.folder_of(name) as (folder, final):
                number = 1
                while folder.lstat(aside := f"{final}.changed-{number}") is not None:
                    number += 1
                folder.rename(final, aside)
            return path.with_name(aside)

        return await self.run(path, rename)

    async def digest(self, name: str) -> str:
        """Return the SHA-256 of the file under a final name, in hexadecimal."""

        def read() -> str:
            with self.tree.folder_of(name) as (folder, final):
                descriptor = folder.open_to_read(final)
            with io.FileIO(descriptor) as file:
                return digests_of(file, frozenset())["sha256"].digest().hex()

        return await self.run(self.shown(name), read)

    async def is_folder(self, name: str) -> bool:
        """Tell whether a name is that of a folder."""

        def read() -> bool:
            try:
                with self.tree.folder_of(name) as (folder, last):
                    info = folder.lstat(last)
            except FileNotFoundError:
                return False
            return info is not None and stat.S_ISDIR(info.st_mode)

        return await self.run(self.shown(name), read)

    async def extract(self, name: str, folder: str, *, has_room: HasRoom = always) -> None:
        """Extract the ZIP under a final name; see `Sink.extract`."""
        stop = threading.Event()
        running = asyncio.ensure_future(
            self.run(
                self.shown(name),
                lambda: extract(self.tree, name, folder, stop, has_room),
                threads=self._extracting,
            )
        )
        try:
            await asyncio.wait([running])
        except BaseException:
            stop.set()
            await to_end(self._abort(running, folder))
            raise
        running.result()

    async def _abort(self, running: asyncio.Future[None], folder: str) -> None:
        """Wait for the end of an extraction that nobody wants, which may have come just now."""
        with contextlib.suppress(Exception):  # the cancellation goes first
            await running
            await self.run(self.shown(folder), lambda: discard(self.tree, folder))

    async def reveal(self, folder: str) -> None:
        """Give a folder that was extracted its final name; see `Sink.reveal`."""
        await self.run(self.shown(folder), lambda: reveal(self.tree, folder))

    async def disk(self) -> Disk:
        """Return the size of the disk, and the free space on it."""
        return await self.run(self._folder, lambda: disk_of(self._folder))

    def disk_now(self) -> Disk:
        """Return the same on the calling thread."""
        try:
            return disk_of(self._folder)
        except OSError as error:
            raise sink_error(error, self._folder) from error

    async def remove(self, name: str) -> None:
        """Remove the file under a final name."""

        def unlink() -> None:
            with contextlib.suppress(FileNotFoundError), self.tree.folder_of(name) as found:
                folder, final = found
                folder.unlink(final)

        await self.run(self.shown(name), unlink)

    async def run(
        self,
        path: Path | str,
        work: Callable[[], T],
        *,
        drop: Callable[[T], None] = keep,
        threads: ThreadPool | None = None,
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
