"""What the fetcher needs of a place to save files in."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from ..config import Checksum, Sync, UnknownFiles, Verify


@dataclass(frozen=True, slots=True)
class VerifiedRange:
    """Bytes in the middle of a partial, behind a gap, that are right if they have a digest.

    Attributes:
        begin: The first one.
        end: The one after the last.
        sha256: In hexadecimal.
    """

    begin: int
    end: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """What is known of a partial that an earlier run has left.

    Attributes:
        synced: Bytes that are surely right, since they were synced to the disk.
        written: Bytes that are right if they have `sha256`.
        sha256: In hexadecimal, or None if nothing is known of these.
        ranges: What is there behind them, in its order.
    """

    synced: int = 0
    written: int = 0
    sha256: str | None = None
    ranges: tuple[VerifiedRange, ...] = ()


FROM_START = ResumePoint()


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """What is done for the bytes besides writing them.

    Attributes:
        checksum: What is computed over them.
        sync: Whether they are brought to the disk.
    """

    checksum: Checksum = Checksum.SHA256
    sync: Sync = Sync.DISK


DEFAULT_WRITES = WritePolicy()


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that a sink writes to.

    Attributes:
        total_bytes: Its size, or zero if the file system does not report it.
        free_bytes: What this user may still write.
    """

    total_bytes: int
    free_bytes: int

    @property
    def is_known(self) -> bool:
        """Whether the file system reports its size; some in user space report zeros."""
        return self.total_bytes > 0


_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a file from the one that was saved, without reading it.

    Attributes:
        size: In bytes.
        mtime_ns: When it was last written, in nanoseconds since 1970.
        inode: Its number in the file system.
        ctime_ns: When its contents or attributes last changed, likewise; nobody can set that.
        is_file: Whether it is a regular file.
    """

    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int
    is_file: bool = True


def stamp_of(info: os.stat_result) -> Stamp:
    """Return the stamp of a file that was looked at."""
    # A column of SQLite has 63 bits and a sign.
    inode, is_file = info.st_ino & _LARGEST, stat.S_ISREG(info.st_mode)
    return Stamp(info.st_size, info.st_mtime_ns, inode, info.st_ctime_ns, is_file)


HasRoom: TypeAlias = Callable[[int], bool]
"""Tells whether there is room on the disk for so many bytes."""


def always(_count: int) -> bool:
    """Find room for anything."""
    return True


class PartialFile(Protocol):
    """A file on its way, not yet under its final name.

    Only one task uses it at a time, but for `size`, `noted` and `sync`, which may be used while
    another thread is within `write_now`. A cancelled call leaves it whole up to `size`.
    """

    @property
    def size(self) -> int:
        """Bytes that have been written."""
        ...

    @property
    def noted(self) -> ResumePoint:
        """What a later run may be told of this partial as it was a moment ago."""
        ...

    @property
    def stretches(self) -> tuple[VerifiedRange, ...]:
        """What an earlier run has left behind `size`, as far as it is right."""
        ...

    @property
    def supports_ranges(self) -> bool:
        """Whether bytes can be written behind its end, once something was written."""
        ...

    def begin(self, algorithms: frozenset[str]) -> None:
        """Compute these digests of a file to which nothing was written yet; see `restart`."""
        ...

    def write_now(
        self, data: bytes | bytearray | memoryview, *, check: Verify | None = None
    ) -> None:
        """Append all of `data` on the calling thread, which it blocks; else as `write` does."""
        ...

    def write_at(self, data: memoryview, at: int) -> None:
        """Write bytes behind the end, on the calling thread; they count when they are joined.

        Raises:
            SinkError: They could not be written.
        """
        ...

    async def join(self, end: int) -> None:
        """Let the file grow up to `end` by bytes that were written there, and take their digests.

        Raises:
            SinkError: They could not be read.
        """
        ...

    async def write(
        self, data: bytes | bytearray | memoryview, *, check: Verify | None = None
    ) -> None:
        """Append all of `data`, and take it into the digests.

        Args:
            data: What is appended.
            check: Given with the last bytes of the file: what `problem` will be asked for, which
                a sink may find out at once if that is cheap.

        Raises:
            SinkError: It could not be written; `size` may lie within `data`.
        """
        ...

    async def restart(self, algorithms: frozenset[str]) -> None:
        """Empty the file, and compute these digests from now on.

        `sha256` is always one of them, unless no checksum is wanted: then there is none.
        """
        ...

    def written(self) -> ResumePoint:
        """Return what a later run may be told of this partial, while nobody writes to it."""
        ...

    async def sync(self) -> int:
        """Bring what is written to the disk, if that is wanted.

        Returns:
            How much that is at least: what was written before the sync began.
        """
        ...

    async def digests(self, algorithms: frozenset[str]) -> dict[str, bytes]:
        """Return digests of the whole file; what was not computed on the way is read again."""
        ...

    async def problem(self, verify: Verify) -> str | None:
        """Tell why the file is no whole ZIP, or return None."""
        ...

    async def commit(self, foreign: UnknownFiles) -> Stamp:
        """Sync, close, and give the file its final name.

        Args:
            foreign: What is done with another file of that name.

        Returns:
            What tells that file from another one.

        Raises:
            SinkError: The name is taken, or the disk refused; the partial stays.
        """
        ...

    async def discard(self) -> None:
        """Close and remove the file."""
        ...

    async def aclose(self) -> None:
        """Close the file and keep what is written; may be called twice."""
        ...


class Sink(Protocol):
    """A place to save files in."""

    def path(self, name: str) -> Path:
        """Return where a final name leads to.

        Raises:
            SinkError: The name is not valid.
        """
        ...

    async def size(self, name: str) -> int | None:
        """Return the size of the file under a final name, or None if there is none."""
        ...

    async def stamp(self, name: str) -> Stamp | None:
        """Look at what has a final name; None if nothing has, or a directory.

        Raises:
            SinkError: The name is not valid, or the disk refused.
        """
        ...

    async def open(
        self, name: str, held: ResumePoint, foreign: UnknownFiles, care: WritePolicy = DEFAULT_WRITES
    ) -> PartialFile:
        """Open the partial of a final name.

        Args:
            name: The final name, with `/` between its parts.
            held: What is known of an earlier partial. What goes beyond is cut off; if the partial
                is shorter than what was synced, nothing of it is kept.
            foreign: What is done with another file of that name.
            care: What is done for its bytes.

        Raises:
            SinkError: The name is taken, or the folder or the file cannot be written. A sink may
                find this out with the first `write` only.
        """
        ...

    async def set_aside(self, name: str) -> Path:
        """Give a file that was changed since it was saved another name, and return that."""
        ...

    async def digest(self, name: str) -> str:
        """Return the SHA-256 of the file under a final name, in hexadecimal."""
        ...

    async def is_folder(self, name: str) -> bool:
        """Tell whether a name is that of a folder."""
        ...

    async def extract(self, name: str, folder: str, *, has_room: HasRoom = always) -> None:
        """Extract the ZIP under a final name, into a folder that `reveal` will give its name.

        A cancelled one stops soon, and leaves nothing.

        Args:
            name: The final name.
            folder: That of the folder.
            has_room: Asked before bytes are written, on the thread that writes them.

        Raises:
            ArchiveError: It is refused, or cannot be read.
            SinkError: The folder's name is taken, or the disk refused.
        """
        ...

    async def reveal(self, folder: str) -> None:
        """Give a folder that was extracted its final name.

        Raises:
            SinkError: The disk refused.
        """
        ...

    async def disk(self) -> Disk:
        """Return the size of the disk, and the free space on it."""
        ...

    def disk_now(self) -> Disk:
        """Return the same on the calling thread, which it may block.

        Raises:
            SinkError: It cannot be looked at.
        """
        ...

    async def remove(self, name: str) -> None:
        """Remove the file under a final name."""
        ...

    async def aclose(self) -> None:
        """Wait for running disk work and free the threads; may be called twice."""
        ...
