"""The interface of a destination that saves files."""

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
    """Bytes in a partial behind a gap; valid if they match the digest.

    Attributes:
        begin: The first byte.
        end: The byte after the last.
        sha256: In hexadecimal.
    """

    begin: int
    end: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """The recorded state of a partial that an earlier run left.

    Attributes:
        synced: Bytes that were synced to disk, and are valid.
        written: Bytes that are valid if they match `sha256`.
        sha256: In hexadecimal, or None if unknown.
        ranges: Ranges behind them, in order.
    """

    synced: int = 0
    written: int = 0
    sha256: str | None = None
    ranges: tuple[VerifiedRange, ...] = ()


FROM_START = ResumePoint()


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """What to do besides writing the bytes.

    Attributes:
        checksum: Which checksums to compute.
        sync: Whether to flush to disk.
    """

    checksum: Checksum = Checksum.SHA256
    sync: Sync = Sync.DISK


DEFAULT_WRITES = WritePolicy()


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of a sink.

    Attributes:
        total_bytes: Its size, or zero if the file system does not report it.
        free_bytes: The space available to this user.
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
    """Identifies a saved file without reading it.

    Attributes:
        size: In bytes.
        mtime_ns: The last modification, in nanoseconds since 1970.
        inode: Its number in the file system.
        ctime_ns: The last change of contents or attributes, likewise; it cannot be set.
        is_file: Whether it is a regular file.
    """

    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int
    is_file: bool = True


def stamp_of(info: os.stat_result) -> Stamp:
    """Return the stamp of a file from its status."""
    # A column of SQLite has 63 bits and a sign.
    inode, is_file = info.st_ino & _LARGEST, stat.S_ISREG(info.st_mode)
    return Stamp(info.st_size, info.st_mtime_ns, inode, info.st_ctime_ns, is_file)


HasRoom: TypeAlias = Callable[[int], bool]
"""Returns whether the disk has room for a number of bytes."""


def always(_count: int) -> bool:
    """Return True for any number of bytes."""
    return True


Wants: TypeAlias = Callable[[str], bool]
"""Returns whether a member is extracted, by its name."""


def every_member(_name: str) -> bool:
    """Return True for any member."""
    return True


class PartialFile(Protocol):
    """A file that does not have its final name yet.

    Only one task may use it at a time. Exceptions are `size`, `noted` and `sync`, which may be used
    while another thread runs `write_now`. After a cancelled call, all bytes up to `size` are valid.
    """

    @property
    def size(self) -> int:
        """Bytes written."""
        ...

    @property
    def noted(self) -> ResumePoint:
        """The state to record for a later run, as of a moment ago."""
        ...

    @property
    def ranges(self) -> tuple[VerifiedRange, ...]:
        """Verified ranges that an earlier run left behind `size`."""
        ...

    @property
    def supports_ranges(self) -> bool:
        """Whether bytes can be written behind its end, after the first write."""
        ...

    def begin(self, algorithms: frozenset[str]) -> None:
        """Choose the digests of a file that is still empty; see `restart`."""
        ...

    def write_now(
        self, data: bytes | bytearray | memoryview, *, check: Verify | None = None
    ) -> None:
        """Append all of `data` on the calling thread, which blocks; otherwise like `write`."""
        ...

    def write_at(self, data: memoryview, at: int) -> None:
        """Write bytes behind the end, on the calling thread; `join` adds them to the size."""
        ...

    async def join(self, end: int) -> None:
        """Extend the file and its digests up to `end`, by bytes already written there."""
        ...

    async def write(
        self, data: bytes | bytearray | memoryview, *, check: Verify | None = None
    ) -> None:
        """Append all of `data`, and update the digests.

        `check` comes with the last bytes of the file: the check that `problem` will run. A sink may
        run it at once if that is cheap.

        Raises:
            SinkError: The write failed; `size` may lie within `data`.
        """
        ...

    async def restart(self, algorithms: frozenset[str]) -> None:
        """Empty the file, and choose new digests.

        `sha256` is always included, unless the policy wants no checksum: then there is none.
        """
        ...

    def written(self) -> ResumePoint:
        """Return the state to record for a later run; nothing may write meanwhile."""
        ...

    async def sync(self) -> int:
        """Flush to disk if the write policy says so; return at least how many bytes are flushed."""
        ...

    async def digests(self, algorithms: frozenset[str]) -> dict[str, bytes]:
        """Return digests of the whole file; reads it again for those not computed while writing."""
        ...

    async def problem(self, verify: Verify) -> str | None:
        """Return why the file is not a complete ZIP, or None."""
        ...

    async def commit(self, foreign: UnknownFiles) -> Stamp:
        """Sync, close, and give the file its final name; return its stamp.

        `foreign` says what to do with an unknown file of that name.

        Raises:
            SinkError: The name is taken, or the disk refused; the partial stays.
        """
        ...

    async def discard(self) -> None:
        """Close and remove the file."""
        ...

    async def aclose(self) -> None:
        """Close the file and keep its bytes; may be called twice."""
        ...


class Sink(Protocol):
    """A destination that saves files."""

    def path(self, name: str) -> Path:
        """Return the path of a final name."""
        ...

    async def size(self, name: str) -> int | None:
        """Return the size of the file under a final name, or None if there is none."""
        ...

    async def stamp(self, name: str) -> Stamp | None:
        """Return the stamp of a final name; None if it does not exist or is a directory."""
        ...

    async def open(
        self,
        name: str,
        held: ResumePoint,
        foreign: UnknownFiles,
        write_policy: WritePolicy = DEFAULT_WRITES,
    ) -> PartialFile:
        """Open the partial of a final name; the parts of `name` are separated by `/`.

        Args:
            name: The final name.
            held: The state of an earlier partial. Bytes beyond it are cut off; if the partial is
                shorter than `held.synced`, all of it is discarded.
            foreign: What to do with an unknown file of that name.
            write_policy: Digests and syncs.

        Raises:
            SinkError: The name is taken, or the folder or the file cannot be written. A sink may
                raise this only at the first `write`.
        """
        ...

    async def set_aside(self, name: str) -> Path:
        """Rename a file that was changed after it was saved; return its new path."""
        ...

    async def digest(self, name: str) -> str:
        """Return the SHA-256 of the file under a final name, in hexadecimal."""
        ...

    async def is_folder(self, name: str) -> bool:
        """Return whether the name is a folder."""
        ...

    async def extract(
        self,
        name: str,
        folder: str,
        *,
        has_room: HasRoom = always,
        wants: Wants = every_member,
    ) -> None:
        """Extract the ZIP under a final name into a folder; `reveal` gives it its name.

        A cancelled call stops soon, and leaves no files. `has_room` is called before bytes are
        written, on the thread that writes them. `wants` chooses the members.

        Raises:
            ArchiveError: The archive is refused or unreadable.
            SinkError: The folder's name is taken, or the disk refused.
        """
        ...

    async def reveal(self, folder: str) -> None:
        """Give an extracted folder its final name."""
        ...

    async def disk(self) -> Disk:
        """Return the size of the disk and its free space."""
        ...

    def disk_now(self) -> Disk:
        """Do the same on the calling thread; may block."""
        ...

    async def remove(self, name: str) -> None:
        """Remove the file under a final name."""
        ...

    async def aclose(self) -> None:
        """Wait for running disk work and stop the threads; may be called twice."""
        ...
