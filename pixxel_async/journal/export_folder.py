"""An open export folder: its lock, its journal, its sink.

Rules:
    * One process at a time exports into a folder; see `folder_lock`.
    * Nothing in the folder is trusted: the export refuses a link, or another user's file, in place
      of its own state.
    * Exports of one client into the same folder share it. A package that two of them want is
      fetched once: the second waits, and finds it saved.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from ..destinations.file_system_probe import SHORTAGES, probe
from ..destinations.folder_tree import FolderTree, OpenFolder
from ..destinations.local_sink import LocalSink
from ..destinations.sink import Sink
from ..sansio.redact import printable
from .folder_lock import FolderLock, holder_of
from .intents import Intents
from .journal import Journal

HIDDEN = ".pixxel-async"
JOURNAL = "journal.sqlite"


class ExportFolder:
    """One open export folder."""

    def __init__(self, path: Path, lock: FolderLock, journal: Journal, sink: Sink) -> None:
        """Take over what `open` opened."""
        self.path = path
        self.journal = journal
        self.intents = Intents(journal)
        self.sink = sink
        self._lock = lock
        self._claims: dict[str, anyio.Event] = {}

    @classmethod
    async def open(cls, path: Path) -> ExportFolder:
        """Create the folder if missing, lock it, and open its journal.

        Raises:
            FolderBusyError: Another process holds its lock.
            SinkError: It cannot be written, or its journal cannot be used.
        """
        sink = LocalSink(path)
        hidden = path / HIDDEN
        try:
            lock = await sink.run(path, lambda: _lock(sink.tree), drop=FolderLock.release)
            try:
                journal = await Journal.open(hidden / JOURNAL, check=lock.check)
            except BaseException:
                lock.release()
                raise
        except BaseException:
            await sink.aclose()
            raise
        return cls(path, lock, journal, sink)

    async def claim(self, key: str) -> None:
        """Claim a package; waits while another export has it."""
        while (taken := self._claims.get(key)) is not None:
            await taken.wait()
        self._claims[key] = anyio.Event()

    def release(self, key: str) -> None:
        """Release the claim on a package."""
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


def _lock(tree: FolderTree) -> FolderLock:
    shown = printable(str(tree.root))
    with tree.open(make=True) as root, root.folder(HIDDEN, make=True) as hidden:
        hidden.check_owner()
        lock = FolderLock.acquire(hidden, shown=shown)
        try:
            _probe(hidden, shown)
        except BaseException:
            lock.release()
            raise
    return lock


def _probe(hidden: OpenFolder, shown: str) -> None:
    try:
        probe(hidden, shown)
    except OSError as error:
        if error.errno not in SHORTAGES:
            raise  # a full disk is reported when a package is written


def running_process(folder: Path) -> int | None:
    """Return the id of the process that exports into a folder now, or None.

    This takes the lock for a moment, which `LOCK_TIMEOUT_S` allows for, and writes nothing.

    Raises:
        SinkError: The state in the folder was not created by an export.
    """
    try:
        with FolderTree(folder).open() as root, root.folder(HIDDEN) as hidden:
            return holder_of(hidden)
    except OSError:
        return None


class OpenFolders:
    """The folders that one client has open."""

    def __init__(self) -> None:
        """Start with none."""
        self._open: dict[Path, tuple[ExportFolder, int]] = {}
        self._lock = anyio.Lock()

    @asynccontextmanager
    async def use(self, path: Path) -> AsyncIterator[ExportFolder]:
        """Share the folder at an absolute path with its other users; the last one closes it.

        Raises:
            FolderBusyError: Another process holds its lock.
            SinkError: It cannot be written, or its journal cannot be used.
        """
        async with self._lock:
            folder, users = self._open.get(path) or (await ExportFolder.open(path), 0)
            self._open[path] = folder, users + 1
        try:
            yield folder
        finally:
            with anyio.CancelScope(shield=True):
                async with self._lock:
                    folder, users = self._open.pop(path)
                    if users > 1:
                        self._open[path] = folder, users - 1
                    else:
                        await folder.aclose()
