"""Saves files in a local folder.

Rules:
    * Disk work has its own threads: the event loop's default threads also resolve host names, and
      must stay free.
    * A cancelled call waits for its thread: nothing else may use a file that is being written.
    * Every name is checked, and opened without following links; see `folder_tree`.
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
from .sink import (
    DEFAULT_WRITES,
    FROM_START,
    Disk,
    HasRoom,
    ResumePoint,
    Stamp,
    Wants,
    WritePolicy,
    always,
    every_member,
    stamp_of,
)
from .thread_pool import ThreadPool

T = TypeVar("T")

THREADS = 4
EXTRACTING_THREADS = 2
"""Separate, since an extraction occupies its thread for minutes, which would delay writes."""


class LocalSink:
    """Saves into one folder, which is created if needed."""

    def __init__(self, folder: Path, *, threads: int = THREADS) -> None:
        """Start no thread yet; `threads` limits concurrent reads, writes, syncs and renames."""
        self._folder = folder
        self._text = str(folder)
        self.tree = FolderTree(folder)
        self._threads = ThreadPool(threads, "pixxel-sink")
        self._extracting = ThreadPool(EXTRACTING_THREADS, "pixxel-extract")

    def path(self, name: str) -> Path:
        """Return the path of a final name; see `Sink.path`."""
        check_name(self._folder, name)
        return self._folder / name

    def shown(self, name: str) -> str:
        """Return the path of a name, for messages."""
        # Text: for a small package, `Path` would be a tenth of the event loop's work.
        return f"{self._text}{os.sep}{name}"

    async def size(self, name: str) -> int | None:
        """Return the size of the file under a final name, or None if there is none."""
        try:
            stamp = await self.stamp(name)
        except SinkError:
            return None
        return stamp.size if stamp is not None and stamp.is_file else None

    async def stamp(self, name: str) -> Stamp | None:
        """Return the stamp of a final name; see `Sink.stamp`."""

        def read() -> Stamp | None:
            try:
                with self.tree.folder_of(name) as (folder, final):
                    info = folder.lstat(final)
            except FileNotFoundError:
                return None
            return None if info is None or stat.S_ISDIR(info.st_mode) else stamp_of(info)

        return await self.run(self.shown(name), read)

    async def open(
        self,
        name: str,
        held: ResumePoint,
        foreign: UnknownFiles,
        write_policy: WritePolicy = DEFAULT_WRITES,
    ) -> LocalPartial:
        """Open the partial of a final name; see `Sink.open`."""
        partial = LocalPartial(self, name, foreign, write_policy)
        if held != FROM_START:
            try:
                await partial.resume(held)
            except BaseException:  # a cancellation arrives when the file is already open
                with anyio.CancelScope(shield=True):
                    await partial.aclose()
                raise
        return partial

    def streamed(self, file: DigestingFile) -> AsyncFileIO:
        """Wrap an open file, so that its writes run on the sink's threads."""
        loop = asyncio.get_running_loop()
        return cast("AsyncFileIO", wrap(file, loop=loop, executor=self._threads))

    async def set_aside(self, name: str) -> Path:
        """Rename a file that was changed after it was saved; return its new path."""
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
        """Return whether the name is a folder."""

        def read() -> bool:
            try:
                with self.tree.folder_of(name) as (folder, last):
                    info = folder.lstat(last)
            except FileNotFoundError:
                return False
            return info is not None and stat.S_ISDIR(info.st_mode)

        return await self.run(self.shown(name), read)

    async def extract(
        self,
        name: str,
        folder: str,
        *,
        has_room: HasRoom = always,
        wants: Wants = every_member,
    ) -> None:
        """Extract the ZIP under a final name; see `Sink.extract`."""
        stop = threading.Event()
        running = asyncio.ensure_future(
            self.run(
                self.shown(name),
                lambda: extract(self.tree, name, folder, stop, has_room, wants),
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
        """Wait for the end of a cancelled extraction, and remove its result."""
        with contextlib.suppress(Exception):  # the cancellation takes precedence
            await running
            await self.run(self.shown(folder), lambda: discard(self.tree, folder))

    async def reveal(self, folder: str) -> None:
        """Give an extracted folder its final name; see `Sink.reveal`."""
        await self.run(self.shown(folder), lambda: reveal(self.tree, folder))

    async def disk(self) -> Disk:
        """Return the size of the disk and its free space."""
        return await self.run(self._folder, lambda: disk_of(self._folder))

    def disk_now(self) -> Disk:
        """Do the same on the calling thread."""
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
        """Run blocking work on a thread and wait for its end, even if cancelled.

        Errors name `path`; `drop` takes the result if the caller was cancelled.

        Raises:
            SinkError: The operating system refused.
        """
        try:
            return await (threads or self._threads).run(work, drop=drop)
        except OSError as error:
            raise sink_error(error, path) from error

    async def aclose(self) -> None:
        """Stop the threads; may be called twice."""
        self._threads.shutdown(wait=True)
        self._extracting.shutdown(wait=True)
