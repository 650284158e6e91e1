"""A file on its way, on the local disk.

Rules:
    * A partial lies beside its final name, with `.part` at its end: same file system, so that
      the rename is one step.
    * Write, sync, verify, rename, sync the folder: in this order, so that a final name always
      stands for a whole file, also after a power cut.
    * A partial that is a link, has further hard links or belongs to another user loses its name,
      and a new one is begun. Anything else that is not a file fails its package.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import anyio
from aiofiles.threadpool.binary import AsyncFileIO

from ..config import Sync, UnknownFiles, Verify
from ..errors import SinkError
from ..waits import to_end
from .digests import DigestingFile, digests_of, initial_digests, resume_digests, verified_ranges
from .folder_tree import OpenFolder, kind_of
from .os_errors import sink_error
from .sink import FROM_START, ResumePoint, Stamp, VerifiedRange, WritePolicy, stamp_of
from .zip_check import file_problem

if TYPE_CHECKING:
    from .local_sink import LocalSink

T = TypeVar("T")

PART_SUFFIX = ".part"
SHORTAGE_CODES = frozenset({"EMFILE", "ENFILE"})
SHORTAGE_S = 0.1
SHORTAGES = 300
"""So often a descriptor is waited for, which others hold for a moment each."""


class LocalPartial:
    """A partial on the local disk; see `PartialFile`.

    Nothing is opened before there is something to write: a package that fits into one write is
    opened, written and looked at in a single trip to a thread.
    """

    def __init__(
        self, sink: LocalSink, name: str, foreign: UnknownFiles, care: WritePolicy
    ) -> None:
        """Prepare; nothing is opened.

        Args:
            sink: Whose folder and threads are used.
            name: The final name.
            foreign: What is done with another file of that name.
            care: What is done for the bytes.
        """
        self._sink = sink
        self._name = name
        self._part = sink.shown(name) + PART_SUFFIX
        self._foreign = foreign
        self._care = care
        self._file: DigestingFile | None = None
        self._wrapped: AsyncFileIO | None = None
        self._algorithms: frozenset[str] = frozenset()
        self._checked: tuple[Verify, str | None] | None = None

    @property
    def size(self) -> int:
        """Bytes that have been written."""
        return 0 if self._file is None else self._file.size

    @property
    def noted(self) -> ResumePoint:
        """What a later run may be told of this partial as it was a moment ago."""
        return FROM_START if self._file is None else self._file.held

    @property
    def stretches(self) -> tuple[VerifiedRange, ...]:
        """What an earlier run has left behind `size`, as far as it is right."""
        return () if self._file is None else self._file.ranges

    @property
    def supports_ranges(self) -> bool:
        """Whether bytes can be written behind its end."""
        return hasattr(os, "pwrite")  # Windows has none

    async def resume(self, held: ResumePoint) -> None:
        """Open what an earlier run has left.

        Raises:
            SinkError: The name is taken, or the disk refused.
        """
        await self._run(lambda: self._open(held))

    def begin(self, algorithms: frozenset[str]) -> None:
        """Compute these digests of a file to which nothing was written yet."""
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

    def _structure_problem(self, file: DigestingFile, latest: bytes | bytearray | memoryview) -> str | None:
        if len(latest) == file.size:  # all of it is at hand: no need to read what was just written
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
        """Let the file grow by bytes that were written behind its end; see `PartialFile.join`."""
        file = self._file  # none if nothing has been written, and so nothing behind it
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
        """Empty the file, and compute these digests from now on."""
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
            file.digests = initial_digests(algorithms, self._care)

        await self._run(empty)

    def written(self) -> ResumePoint:
        """Return what a later run may be told of this partial, while nobody writes to it."""
        if self._file is not None:
            self._file.note()
        return self.noted

    async def sync(self) -> int:
        """Bring what is written to the disk, if that is wanted; see `PartialFile.sync`."""
        file, size = self._file, self.size
        if file is None or self._care.sync is Sync.NONE:
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
        """Tell why the file is no whole ZIP, or return None."""
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
            is_synced = self._care.sync is Sync.DISK
            if self._file is None:  # an empty one, which nobody asked to be written
                self._open(FROM_START)
            file = cast("DigestingFile", self._file)
            # Opened before, so that nothing has been renamed if that fails.
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
                pass  # the directory is gone, too

        await self._run(remove)

    async def aclose(self) -> None:
        """Close the file and keep what is written; may be called twice."""
        if self._file is not None and not self._file.closed:
            await self._run(self._file.close)

    def _open(self, held: ResumePoint) -> DigestingFile:
        with self._sink.tree.folder_of(self._name, make=True) as (folder, final):
            _check_name(folder, final, self._foreign)
            self._file = _open(folder, final + PART_SUFFIX, held, self._care, self._algorithms)
        return self._file

    async def _run_with_descriptor(self, work: Callable[[], T]) -> T:
        """Run what needs a descriptor for a moment; where there is none, wait for others."""
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
    folder: OpenFolder, part: str, held: ResumePoint, care: WritePolicy, algorithms: frozenset[str]
) -> DigestingFile:
    is_new = held == FROM_START
    file = DigestingFile(_descriptor(folder, part, is_new=is_new), "r+b", closefd=True)
    try:
        if is_new:
            file.size, file.digests = 0, initial_digests(algorithms, care)
        else:
            _resume(file, held, care)
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


def _resume(file: DigestingFile, held: ResumePoint, care: WritePolicy) -> None:
    """Keep what is right of a file that an earlier run has left."""
    file.size, file.digests = resume_digests(file, held, care)
    if file.digests:
        file.ranges = verified_ranges(file, held, file.size)
        while file.ranges and file.stretches[0].begin == file.size:
            file.join(file.stretches[0].end)
            file.ranges = file.stretches[1:]
    file.truncate(file.stretches[-1].end if file.ranges else file.size)
    file.seek(file.size)
    if file.size and "sha256" in file.digests:
        file.held = ResumePoint(written=file.size, sha256=file.digests["sha256"].digest().hex())


def _check_same(part: str, there: os.stat_result | None, ours: os.stat_result) -> None:
    """Refuse a partial that is not the file that was written.

    Raises:
        SinkError: Something else has its name.
    """
    if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
        message = f"{part}: removed or replaced while it was written; run the command again"
        raise SinkError(message)


def _check_name(folder: OpenFolder, final: str, foreign: UnknownFiles) -> None:
    """Find out whether a name may be taken: the export holds the folder, so looking will do."""
    there = folder.lstat(final)
    if there is None:
        return
    if stat.S_ISDIR(there.st_mode):
        message = f"{folder.shown(final)}: there is a folder of this name; move it away"
        raise SinkError(message)
    if foreign is UnknownFiles.REFUSE:
        message = (
            f"{folder.shown(final)}: there is {kind_of(there)} of this name that no export has "
            "saved; move it away, or have it replaced with --overwrite"
        )
        raise SinkError(message)
