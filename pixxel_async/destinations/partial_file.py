"""A partial file on the local disk.

Rules:
    * A partial lies beside its final name, with the suffix `.part`: on the same file system, the
      rename is atomic.
    * Write, sync, verify, rename, sync the folder, in this order: a final name always means a
      complete file, even after a power failure.
    * A partial that is a link, has further hard links or belongs to another user is unlinked, and
      a new one is started. Anything else that is not a file fails its package.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar, cast

import anyio
from aiofiles.threadpool.binary import AsyncFileIO

from ..config import Sync, UnknownFiles, Verify
from ..errors import SinkError
from ..waits import to_end
from .digests import DigestingFile, digests_of, initial_digests, resume_digests, verified_ranges
from .folder_tree import FolderTree, OpenFolder, kind_of
from .os_errors import sink_error
from .sink import FROM_START, ResumePoint, Stamp, VerifiedRange, WritePolicy, stamp_of
from .zip_check import file_problem

T = TypeVar("T")

PART_SUFFIX = ".part"
SHORTAGE_CODES = frozenset({"EMFILE", "ENFILE"})
SHORTAGE_S = 0.1
SHORTAGES = 300
"""How often to wait for a file descriptor; others hold each for only a moment."""


class PartialHost(Protocol):
    """The part of a sink that its partials use."""

    tree: FolderTree

    def shown(self, name: str) -> str:
        """Return the path of a name, for messages."""
        ...

    def streamed(self, file: DigestingFile) -> AsyncFileIO:
        """Wrap an open file, so that its writes run on the sink's threads."""
        ...

    async def run(self, path: Path | str, work: Callable[[], T]) -> T:
        """Run blocking work on a thread; `path` is named in errors."""
        ...


class LocalPartial:
    """A partial on the local disk; see `PartialFile`.

    The first write opens the file: a package that fits into one write is opened, written and
    checked in a single trip to a thread.
    """

    def __init__(
        self, sink: PartialHost, name: str, foreign: UnknownFiles, write_policy: WritePolicy
    ) -> None:
        """Open nothing yet."""
        self._sink = sink
        self._name = name
        self._part = sink.shown(name) + PART_SUFFIX
        self._foreign = foreign
        self._write_policy = write_policy
        self._file: DigestingFile | None = None
        self._wrapped: AsyncFileIO | None = None
        self._algorithms: frozenset[str] = frozenset()
        self._checked: tuple[Verify, str | None] | None = None

    @property
    def size(self) -> int:
        """Bytes written."""
        return 0 if self._file is None else self._file.size

    @property
    def noted(self) -> ResumePoint:
        """The state to record for a later run, as of a moment ago."""
        return FROM_START if self._file is None else self._file.held

    @property
    def ranges(self) -> tuple[VerifiedRange, ...]:
        """Verified ranges that an earlier run left behind `size`."""
        return () if self._file is None else self._file.ranges

    @property
    def supports_ranges(self) -> bool:
        """Whether bytes can be written behind the end of the file."""
        return hasattr(os, "pwrite")  # Windows has none

    async def resume(self, held: ResumePoint) -> None:
        """Open the partial of an earlier run."""
        await self._run(lambda: self._open(held))

    def begin(self, algorithms: frozenset[str]) -> None:
        """Choose the digests of a file that is still empty."""
        self._algorithms = algorithms
        self._checked = None

    def write_now(
        self, data: bytes | bytearray | memoryview, *, check: Verify | None = None
    ) -> None:
        """Append all of `data` on the calling thread; see `PartialFile.write_now`."""
        self._checked = None
        try:
            file = self._open(FROM_START) if self._file is None else self._file
            file.write(data)
            if check is Verify.STRUCTURE:
                self._checked = check, self._structure_problem(file, data)
        except OSError as error:
            raise sink_error(error, self._part) from error

    def _structure_problem(
        self, file: DigestingFile, latest: bytes | bytearray | memoryview
    ) -> str | None:
        if len(latest) == file.size:  # the whole file is in memory
            return file_problem(io.BytesIO(latest), Verify.STRUCTURE)
        try:
            return file_problem(file, Verify.STRUCTURE)
        finally:
            file.seek(file.size)

    def write_at(self, data: memoryview, at: int) -> None:
        """Write bytes behind the end, on the calling thread; see `PartialFile.write_at`."""
        file = cast("DigestingFile", self._file)
        try:
            while data:
                count = os.pwrite(file.fileno(), data, at)
                data, at = data[count:], at + count
        except OSError as error:
            raise sink_error(error, self._part) from error

    async def join(self, end: int) -> None:
        """Extend the file by bytes written behind its end; see `PartialFile.join`."""
        file = self._file  # None if nothing has been written
        if file is not None and file.size < end:
            self._checked = None
            await self._run(lambda: file.join(end))

    async def write(
        self, data: bytes | bytearray | memoryview, *, check: Verify | None = None
    ) -> None:
        """Append all of `data`, in one trip to a thread; see `PartialFile.write`."""
        if self._file is None or check is not None:
            await self._run(lambda: self.write_now(data, check=check))
            return
        self._checked = None
        if self._wrapped is None:
            self._wrapped = self._sink.streamed(self._file)
        try:
            await to_end(self._wrapped.write(data))
        except OSError as error:
            raise sink_error(error, self._part) from error

    async def restart(self, algorithms: frozenset[str]) -> None:
        """Empty the file, and choose new digests."""
        self.begin(algorithms)
        file = self._file
        if file is None:
            return

        def empty() -> None:
            file.seek(0)
            file.truncate()
            file.size = 0
            file.held = FROM_START
            file.ranges = ()
            file.digests = initial_digests(algorithms, self._write_policy)

        await self._run(empty)

    def written(self) -> ResumePoint:
        """Return the state to record for a later run; nothing may write meanwhile."""
        if self._file is not None:
            self._file.note()
        return self.noted

    async def sync(self) -> int:
        """Flush to disk, if the write policy says so; see `PartialFile.sync`."""
        file, size = self._file, self.size
        if file is None or self._write_policy.sync is Sync.NONE:
            return size

        def sync() -> None:
            if not file.closed:
                os.fsync(file.fileno())

        await self._run(sync)
        return size

    async def digests(self, algorithms: frozenset[str]) -> dict[str, bytes]:
        """Return digests of the whole file; see `PartialFile.digests`."""
        known = {} if self._file is None else dict(self._file.digests)
        missing = algorithms - known.keys()
        if missing:
            known |= await self._run_with_descriptor(
                lambda: self._read_again(lambda file: digests_of(file, missing))
            )
        return {name: known[name].digest() for name in algorithms}

    async def problem(self, verify: Verify) -> str | None:
        """Return why the file is not a complete ZIP, or None."""
        if self._checked is not None and self._checked[0] is verify:
            return self._checked[1]
        return await self._run_with_descriptor(
            lambda: self._read_again(lambda file: _zip_problem(file, verify))
        )

    def _read_again(self, work: Callable[[io.FileIO], T]) -> T:
        with self._sink.tree.folder_of(self._name) as (folder, final):
            descriptor = folder.open_to_read(final + PART_SUFFIX)
        with io.FileIO(descriptor) as file:
            if self._file is not None and not self._file.closed:
                _check_same(self._part, os.fstat(descriptor), os.fstat(self._file.fileno()))
            return work(file)

    async def commit(self, foreign: UnknownFiles) -> Stamp:
        """Sync, close, and give the file its final name; see `PartialFile.commit`."""

        def rename() -> Stamp:
            is_synced = self._write_policy.sync is Sync.DISK
            if self._file is None:  # an empty file, without any write
                self._open(FROM_START)
            file = cast("DigestingFile", self._file)
            # Opened first: if this fails, nothing has been renamed.
            with self._sink.tree.folder_of(self._name) as (folder, final):
                part = final + PART_SUFFIX
                there = folder.lstat(part)
                if not file.closed:
                    if is_synced:
                        os.fsync(file.fileno())
                    _check_same(self._part, there, os.fstat(file.fileno()))
                file.close()
                _check_name(folder, final, foreign)
                folder.rename(part, final)
                if is_synced:
                    folder.sync()
                return stamp_of(cast("os.stat_result", folder.lstat(final)))

        return await self._run_with_descriptor(rename)

    async def discard(self) -> None:
        """Close and remove the file."""

        def remove() -> None:
            if self._file is not None:
                self._file.close()
            try:
                with self._sink.tree.folder_of(self._name) as (folder, final):
                    there = folder.lstat(final + PART_SUFFIX)
                    if there is not None and stat.S_ISREG(there.st_mode):
                        folder.unlink(final + PART_SUFFIX)
            except FileNotFoundError:
                pass  # the directory does not exist

        await self._run(remove)

    async def aclose(self) -> None:
        """Close the file and keep what is written; may be called twice."""
        if self._file is not None and not self._file.closed:
            await self._run(self._file.close)

    def _open(self, held: ResumePoint) -> DigestingFile:
        with self._sink.tree.folder_of(self._name, make=True) as (folder, final):
            _check_name(folder, final, self._foreign)
            self._file = _open(
                folder, final + PART_SUFFIX, held, self._write_policy, self._algorithms
            )
        return self._file

    async def _run_with_descriptor(self, work: Callable[[], T]) -> T:
        """Run work that needs a file descriptor; retry while none is free."""
        for _ in range(SHORTAGES):
            try:
                return await self._run(work)
            except SinkError as error:
                if error.code not in SHORTAGE_CODES:
                    raise
            await anyio.sleep(SHORTAGE_S)
        return await self._run(work)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._sink.run(self._part, work)


def _zip_problem(file: io.FileIO, verify: Verify) -> str | None:
    with io.BufferedReader(file) as buffered:
        return file_problem(buffered, verify)


def _open(
    folder: OpenFolder,
    part: str,
    held: ResumePoint,
    write_policy: WritePolicy,
    algorithms: frozenset[str],
) -> DigestingFile:
    is_new = held == FROM_START
    file = DigestingFile(_descriptor(folder, part, is_new=is_new), "r+b", closefd=True)
    try:
        if is_new:
            file.size, file.digests = 0, initial_digests(algorithms, write_policy)
        else:
            _resume(file, held, write_policy)
    except BaseException:
        file.close()
        raise
    return file


def _descriptor(folder: OpenFolder, part: str, *, is_new: bool) -> int:
    try:
        return folder.create(part)
    except FileExistsError:
        there = folder.lstat(part)
    if there is None or folder.is_linked_or_foreign(there):
        folder.unlink(part)
        return folder.create(part)
    descriptor = folder.open(part)
    if is_new:
        os.ftruncate(descriptor, 0)
    return descriptor


def _resume(file: DigestingFile, held: ResumePoint, write_policy: WritePolicy) -> None:
    """Keep the valid bytes of an earlier run."""
    file.size, file.digests = resume_digests(file, held, write_policy)
    if file.digests:
        file.ranges = verified_ranges(file, held, file.size)
        while file.ranges and file.ranges[0].begin == file.size:
            file.join(file.ranges[0].end)
            file.ranges = file.ranges[1:]
    file.truncate(file.ranges[-1].end if file.ranges else file.size)
    file.seek(file.size)
    if file.size and "sha256" in file.digests:
        file.held = ResumePoint(written=file.size, sha256=file.digests["sha256"].digest().hex())


def _check_same(part: str, there: os.stat_result | None, ours: os.stat_result) -> None:
    """Raise if something else has the name of the partial."""
    if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
        message = f"{part}: removed or replaced during the write; run the command again"
        raise SinkError(message)


def _check_name(folder: OpenFolder, final: str, foreign: UnknownFiles) -> None:
    """Raise if the name is taken. No race: the export has locked the folder."""
    there = folder.lstat(final)
    if there is None:
        return
    if stat.S_ISDIR(there.st_mode):
        message = f"{folder.shown(final)}: a folder has this name; move it away"
        raise SinkError(message)
    if foreign is UnknownFiles.REFUSE:
        message = (
            f"{folder.shown(final)}: {kind_of(there)} that no export has saved has this name; "
            "move it away, or replace it with --overwrite"
        )
        raise SinkError(message)
