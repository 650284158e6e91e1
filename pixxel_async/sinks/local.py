"""Files in a local folder.

Rules:
    * A partial lies beside its final name, with `.part` at its end: same file system, so that
      the rename is one step.
    * Write, sync, verify, rename, sync the folder: in this order, so that a final name always
      stands for a whole file, also after a power cut.
    * Disk work runs on threads of its own; the event loop's default threads also look up host
      names, and must not be kept busy.
    * A call that was cancelled is waited for: nobody may use a file that a thread still writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, cast

from aiofiles.threadpool import wrap
from aiofiles.threadpool.binary import AsyncFileIO

from ..config import ForeignFiles, Sync, Verify
from ..errors import SinkError
from ..sansio.redact import printable
from .base import FULL_CARE, NOTHING_HELD, Care, Disk, Held
from .digests import DigestingFile, digests_of, first_digests, held_digests
from .extract import discard, extract, reveal
from .threads import in_thread, keep, to_end
from .zip_check import zip_problem

T = TypeVar("T")

THREADS = 4
EXTRACTING_THREADS = 2
"""An extraction takes its thread for minutes; no write of a transfer waits for that."""
PART_SUFFIX = ".part"
FILE_MODE = 0o600
FOLDER_MODE = 0o700

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and run it again",
    errno.EDQUOT: "the disk quota is used up; free some space and run it again",
    errno.EACCES: "permission denied; choose a folder that you may write to",
    errno.EPERM: "permission denied; choose a folder that you may write to",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENAMETOOLONG: "the path is too long; choose a folder with a shorter one",
    errno.ENOTDIR: "a part of the path is no folder",
    errno.EMFILE: "too many open files; use fewer transfers at once",
    errno.ENFILE: "too many open files on this machine; use fewer transfers at once",
}


def sink_error(error: OSError, path: Path) -> SinkError:
    """Turn an error of the operating system into one with a remedy."""
    reason = _REMEDIES.get(error.errno or 0, error.strerror or type(error).__name__)
    return SinkError(
        f"{printable(str(path))}: {reason}", code=errno.errorcode.get(error.errno or 0, "")
    )


class LocalSink:
    """Saves into one folder, which is made if need be."""

    def __init__(self, folder: Path, *, threads: int = THREADS) -> None:
        """Start no thread yet.

        Args:
            folder: Where the files go.
            threads: How many reads, writes, syncs and renames may run at once.
        """
        self._folder = folder
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="pixxel-sink")
        self._extracting = ThreadPoolExecutor(
            EXTRACTING_THREADS, thread_name_prefix="pixxel-extract"
        )

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
        partial = LocalPartial(self, self.path(name), foreign, care)
        if held != NOTHING_HELD:
            await partial.take_up(held)
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

    async def extract(self, name: str, folder: str) -> None:
        """Extract the ZIP under a final name; see `Sink.extract`."""
        archive, target, stop = self.path(name), self.path(folder), threading.Event()
        running = asyncio.ensure_future(
            self.run(archive, lambda: extract(archive, target, stop), threads=self._extracting)
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
        usage = await self.run(self._folder, lambda: shutil.disk_usage(self._folder))
        return Disk(total_bytes=usage.total, free_bytes=usage.free)

    async def remove(self, name: str) -> None:
        """Remove the file under a final name."""
        path = self.path(name)
        await self.run(path, lambda: path.unlink(missing_ok=True))

    async def run(
        self,
        path: Path,
        work: Callable[[], T],
        *,
        drop: Callable[[T], None] = keep,
        threads: ThreadPoolExecutor | None = None,
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
            return await in_thread(threads or self._threads, work, drop=drop)
        except OSError as error:
            raise sink_error(error, path) from error

    async def aclose(self) -> None:
        """Free the threads; may be called twice."""
        self._threads.shutdown(wait=True)
        self._extracting.shutdown(wait=True)


class LocalPartial:
    """A partial on the local disk; see `PartialFile`.

    Nothing is opened before there is something to write: a package that fits into one write is
    opened, written and looked at in a single trip to a thread.
    """

    def __init__(self, sink: LocalSink, final: Path, foreign: ForeignFiles, care: Care) -> None:
        """Prepare; nothing is opened."""
        self._sink = sink
        self._final = final
        self._part = final.with_name(final.name + PART_SUFFIX)
        self._foreign = foreign
        self._care = care
        self._file: DigestingFile | None = None
        self._wrapped: AsyncFileIO | None = None
        self._algorithms: frozenset[str] = frozenset()
        self._found: tuple[Verify, str | None] | None = None

    @property
    def size(self) -> int:
        """Bytes that have been written."""
        return 0 if self._file is None else self._file.size

    async def take_up(self, held: Held) -> None:
        """Open what an earlier run has left.

        Raises:
            SinkError: The name is taken, or the disk refused.
        """
        await self._run(lambda: self._open(held))

    async def write(
        self, data: bytes | bytearray | memoryview, *, check: Verify | None = None
    ) -> None:
        """Append all of `data`, in one trip to a thread; see `PartialFile.write`."""
        self._found = None
        if self._file is None:
            await self._run(lambda: self._open_and_write(data, check))
            return
        if self._wrapped is None:
            self._wrapped = self._sink.streamed(self._file)
        try:
            await to_end(self._wrapped.write(data))
        except OSError as error:
            raise sink_error(error, self._part) from error

    async def restart(self, algorithms: frozenset[str]) -> None:
        """Empty the file, and compute these digests from now on."""
        self._algorithms = algorithms
        self._found = None
        file = self._file
        if file is None:
            return

        def empty() -> None:
            file.seek(0)
            file.truncate()
            file.size = 0
            file.held = NOTHING_HELD
            file.digests = first_digests(algorithms, self._care)

        await self._run(empty)

    def written(self) -> Held:
        """Return what a later run may be told of this partial."""
        return NOTHING_HELD if self._file is None else self._file.held

    async def sync(self) -> int:
        """Bring what is written to the disk, if that is wanted; see `PartialFile.sync`."""
        file = self._file
        if file is None or self._care.sync is Sync.NONE:
            return self.size

        def sync() -> None:
            if not file.closed:
                os.fsync(file.fileno())

        await self._run(sync)
        return self.size

    async def digests(self, algorithms: frozenset[str]) -> dict[str, bytes]:
        """Return digests of the whole file; see `PartialFile.digests`."""
        known = {} if self._file is None else dict(self._file.digests)
        missing = algorithms - known.keys()
        if missing:
            known |= await self._run(lambda: digests_of(self._part, missing))
        return {name: known[name].digest() for name in algorithms}

    async def problem(self, verify: Verify) -> str | None:
        """Tell why the file is no whole ZIP, or return None."""
        if self._found is not None and self._found[0] is verify:
            return self._found[1]
        return await self._run(lambda: zip_problem(self._part, verify))

    async def commit(self, foreign: ForeignFiles) -> Path:
        """Sync, close, and give the file its final name; see `PartialFile.commit`."""

        def settle() -> None:
            is_synced = self._care.sync is Sync.DISK
            if self._file is None:  # an empty one, which nobody asked to be written
                self._open(NOTHING_HELD)
            file = cast("DigestingFile", self._file)
            if is_synced and not file.closed:
                os.fsync(file.fileno())
            file.close()
            _check_name(self._final, foreign)
            self._part.replace(self._final)
            if is_synced:
                _sync_folder(self._final.parent)

        await self._run(settle)
        return self._final

    async def discard(self) -> None:
        """Close and remove the file."""

        def remove() -> None:
            if self._file is not None:
                self._file.close()
            self._part.unlink(missing_ok=True)

        await self._run(remove)

    async def aclose(self) -> None:
        """Close the file and keep what is written; may be called twice."""
        if self._file is not None and not self._file.closed:
            await self._run(self._file.close)

    def _open(self, held: Held) -> DigestingFile:
        _check_name(self._final, self._foreign)
        self._file = _open(self._part, held, self._care)
        if held == NOTHING_HELD:
            self._file.digests = first_digests(self._algorithms, self._care)
        return self._file

    def _open_and_write(self, data: bytes | bytearray | memoryview, check: Verify | None) -> None:
        self._open(NOTHING_HELD).write(data)
        if check is not None:
            self._found = check, zip_problem(self._part, check)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._sink.run(self._part, work)


def _open(part: Path, held: Held, care: Care) -> DigestingFile:
    part.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    file = DigestingFile(os.open(part, _FLAGS, FILE_MODE), "r+b", closefd=True)
    try:
        file.size, file.digests = held_digests(part, held, care)
        file.truncate(file.size)
        file.seek(file.size)
        if file.size and "sha256" in file.digests:
            file.held = Held(written=file.size, sha256=file.digests["sha256"].digest().hex())
    except BaseException:
        file.close()
        raise
    return file


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def _check_name(final: Path, foreign: ForeignFiles) -> None:
    """Find out whether a name may be taken: the export holds the folder, so looking will do."""
    if final.is_dir() and not final.is_symlink():
        message = f"{printable(str(final))}: there is a folder of this name; move it away"
        raise SinkError(message)
    if foreign is ForeignFiles.REFUSE and os.path.lexists(final):
        message = (
            f"{printable(str(final))}: there is a file of this name that no export has saved; "
            "move it away, or have it replaced with --overwrite"
        )
        raise SinkError(message)


def _sync_folder(folder: Path) -> None:
    """Make a rename last; Windows has no such call, and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
