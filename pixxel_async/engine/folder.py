"""An export folder in use: its lock, its journal, its sink.

Rules:
    * One process at a time exports into a folder; the lock is the operating system's, so it is
      gone when the process is.
    * Within one client, exports into the same folder share it, and a package that two of them
      want is fetched once: the second waits, and finds it saved.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from filelock import FileLock, Timeout

from ..errors import FolderBusyError
from ..sinks.base import Sink
from ..sinks.local import LocalSink
from ..sinks.partial import FOLDER_MODE
from ..sinks.trouble import sink_error
from .journal import Journal

HIDDEN = ".pixxel-async"
JOURNAL = "journal.sqlite"
LOCK = "lock"
OWNER = "owner"

LOCK_TIMEOUT_S = 0.4
"""How long a lock is waited for: who looks whether an export runs has it for a moment."""


class ExportFolder:
    """One open folder."""

    def __init__(self, path: Path, lock: FileLock, journal: Journal, sink: Sink) -> None:
        """Take over what `open` has opened."""
        self.path = path
        self.journal = journal
        self.sink = sink
        self._lock = lock
        self._claims: dict[str, anyio.Event] = {}

    @classmethod
    async def open(cls, path: Path) -> ExportFolder:
        """Make the folder if need be, lock it, and open its journal.

        Raises:
            FolderBusyError: Another process has it.
            SinkError: It cannot be written, or its journal cannot be used.
        """
        sink = LocalSink(path)
        hidden = path / HIDDEN
        try:
            lock = await sink.run(path, lambda: _lock(hidden), drop=FileLock.release)
            try:
                journal = await Journal.open(hidden / JOURNAL)
            except BaseException:
                lock.release()
                raise
        except BaseException:
            await sink.aclose()
            raise
        return cls(path, lock, journal, sink)

    async def claim(self, key: str) -> None:
        """Have a package for oneself; waits while somebody else has it."""
        while (taken := self._claims.get(key)) is not None:
            await taken.wait()
        self._claims[key] = anyio.Event()

    def release(self, key: str) -> None:
        """Let the next one have the package."""
        self._claims.pop(key).set()

    async def aclose(self) -> None:
        """Close journal and sink, and unlock; may be called twice."""
        try:
            with anyio.CancelScope(shield=True):
                try:
                    await self.journal.aclose()
                finally:
                    await self.sink.aclose()
        finally:
            self._lock.release()


def _lock(hidden: Path) -> FileLock:
    hidden.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    lock = FileLock(hidden / LOCK, timeout=LOCK_TIMEOUT_S, thread_local=False)
    owner = hidden / OWNER
    try:
        lock.acquire(poll_interval=LOCK_TIMEOUT_S / 4)
    except Timeout:
        pid = _owner(hidden)
        first = "another process" if pid is None else f"process {pid}"
        message = f"{hidden.parent}: {first} exports into this folder already"
        raise FolderBusyError(message) from None
    try:
        owner.write_text(str(os.getpid()), encoding="ascii")
    except OSError as error:
        lock.release()
        raise sink_error(error, owner) from error
    return lock


def running_process(folder: Path) -> int | None:
    """Return the number of the process that exports into a folder now, or None.

    Looking takes the lock for a moment, for which `LOCK_TIMEOUT_S` makes up.
    """
    hidden = folder / HIDDEN
    if not (hidden / LOCK).exists():
        return None
    lock = FileLock(hidden / LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return _owner(hidden)
    lock.release()
    return None


def _owner(hidden: Path) -> int | None:
    with suppress(OSError, ValueError):  # it may be about to write its number
        return int((hidden / OWNER).read_text(encoding="ascii"))
    return None


class OpenFolders:
    """The folders that one client has open, each of them once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: dict[Path, tuple[ExportFolder, int]] = {}
        self._turn = anyio.Lock()

    @asynccontextmanager
    async def use(self, path: Path) -> AsyncIterator[ExportFolder]:
        """Share a folder, named by its absolute path, with whoever uses it; the last closes it.

        Raises:
            FolderBusyError: Another process has it.
            SinkError: It cannot be written, or its journal cannot be used.
        """
        async with self._turn:
            folder, users = self._open.get(path) or (await ExportFolder.open(path), 0)
            self._open[path] = folder, users + 1
        try:
            yield folder
        finally:
            with anyio.CancelScope(shield=True):
                async with self._turn:
                    folder, users = self._open.pop(path)
                    if users > 1:
                        self._open[path] = folder, users - 1
                    else:
                        await folder.aclose()
