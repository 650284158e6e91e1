"""Extracts a saved ZIP into its own folder; blocks, so it belongs in a thread.

Rules:
    * `extraction_plan` and `zip_structure` of `sansio.files` decide before a byte is written.
    * All files go into a new hidden folder, so nobody else can have put a file there. It gets its
      final name in one step, when everything is written and synced.
    * The size of an entry must match the directory, and its CRC-32 must match its bytes.
    * There must be room for all files before the first write, and again for each piece.
    * Each file is opened relative to the descriptor of its folder, and no link is followed.
    * After any error, the hidden folder is removed and the ZIP stays.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import io
import os
import stat
import threading
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO

from ..errors import ArchiveError, SinkError
from ..sansio.files.extraction_plan import MAX_DIRECTORY_BYTES, Entry, Plan, plan
from ..sansio.redact import printable
from .folder_tree import FolderTree, OpenFolder
from .paths import disk_of
from .sink import HasRoom, Wants, always, every_member
from .zip_check import archive_errors, check_structure

PIECE_BYTES = 1024 * 1024
SYNC_BYTES = 256 * 1024 * 1024
"""Bytes written between two syncs; stopping an extraction waits for no more than that."""
HIDDEN_SUFFIX = ".extracting"


class StoppedError(Exception):
    """The extraction was stopped."""


class _ArchiveFile(io.BufferedReader):
    """A ZIP with a limit on its directory, which `zipfile` reads at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `io.BufferedReader` does, or raise `BadZipFile` above the limit."""
        if size is not None and size > MAX_DIRECTORY_BYTES:
            message = f"its directory has {size} bytes; the limit is {MAX_DIRECTORY_BYTES}"
            raise zipfile.BadZipFile(message)
        return super().read(size)


def hidden_name(name: str) -> str:
    """Return the last part of a folder's name until it is extracted."""
    return f".{name}{HIDDEN_SUFFIX}"


def extract(  # noqa: PLR0913, PLR0917 - source, destination and limits
    tree: FolderTree,
    archive: str,
    folder: str,
    stop: threading.Event,
    has_room: HasRoom = always,
    wants: Wants = every_member,
) -> None:
    """Extract an archive into the hidden folder beside `folder`; removes an unfinished one first.

    `reveal` gives it the final name later. `stop` stops the extraction soon after it is set, and
    `wants` chooses the members.

    Raises:
        ArchiveError: The archive is refused or unreadable.
        SinkError: The final name is taken, or the disk has too little space.
        OSError: The operating system refused.
        StoppedError: `stop` was set.
    """
    with tree.folder_of(folder) as (parent, name):
        _check_name(parent, name)
        hidden = hidden_name(name)
        _discard(parent, hidden)
        parent.mkdir(hidden)
        try:
            with tree.folder_of(archive) as (directory, zip_name):
                descriptor = directory.open_to_read(zip_name)
            with archive_errors():
                _extract(descriptor, parent, hidden, stop, has_room, wants)
        except BaseException:
            with contextlib.suppress(OSError):
                _discard(parent, hidden)
            raise


def discard(tree: FolderTree, folder: str) -> None:
    """Remove an extracted folder that has no final name yet; a link is not followed."""
    with tree.folder_of(folder) as (parent, name):
        _discard(parent, hidden_name(name))


def _discard(parent: OpenFolder, hidden: str) -> None:
    there = parent.lstat(hidden)
    if there is not None and stat.S_ISDIR(there.st_mode):
        parent.remove_folder(hidden)
    else:
        parent.unlink(hidden)


def reveal(tree: FolderTree, folder: str) -> None:
    """Give an extracted folder its final name, and sync it.

    Raises:
        SinkError: The name is taken.
    """
    with tree.folder_of(folder) as (parent, name):
        _check_name(parent, name)
        with parent.folder(hidden_name(name)):
            parent.rename(hidden_name(name), name)
        parent.sync()


def _check_name(parent: OpenFolder, name: str) -> None:
    """Raise if the name is taken: a rename would replace an empty folder."""
    if parent.lstat(name) is not None:
        message = f"{parent.shown(name)}: something else has this name; move it away"
        raise SinkError(message)


def _extract(  # noqa: PLR0913, PLR0917 - source, destination and limits
    descriptor: int,
    parent: OpenFolder,
    hidden: str,
    stop: threading.Event,
    has_room: HasRoom,
    wants: Wants,
) -> None:
    with _ArchiveFile(io.FileIO(descriptor)) as file, zipfile.ZipFile(file) as archive:
        infos = [info for info in archive.infolist() if wants(info.orig_filename)]
        if not infos:
            message = "no member of it is chosen"
            raise ArchiveError(message)
        planned = plan([_entry(info) for info in infos], archive_bytes=archive.start_dir)
        check_structure(file)
        _check_space(planned, parent, has_room)
        made: set[tuple[str, ...]] = {(hidden,)}
        for info, parts in zip(infos, planned.paths, strict=True):
            _check_stop(stop)
            is_folder = info.orig_filename.endswith("/")
            *folders, last = (hidden, *parts)
            if is_folder:
                folders.append(last)
            made.update(tuple(folders[:end]) for end in range(1, len(folders) + 1))
            with _open_folders(parent, folders, make=True) as directory:
                if not is_folder:
                    with archive.open(_with_extra_byte(info)) as source:
                        _write(source, directory, last, info, stop, has_room)
        for path in made:
            _check_stop(stop)
            with _open_folders(parent, path) as directory:
                directory.sync()


@contextlib.contextmanager
def _open_folders(
    parent: OpenFolder, parts: Sequence[str], *, make: bool = False
) -> Iterator[OpenFolder]:
    with contextlib.ExitStack() as stack:
        for part in parts:
            parent = stack.enter_context(parent.folder(part, make=make))
        yield parent


def _write(  # noqa: PLR0913, PLR0917 - source, destination and limits
    source: IO[bytes],
    folder: OpenFolder,
    name: str,
    info: zipfile.ZipInfo,
    stop: threading.Event,
    has_room: HasRoom,
) -> None:
    left, unsynced = info.file_size, 0
    with os.fdopen(folder.create(name), "wb", buffering=0) as file:
        while piece := source.read(PIECE_BYTES):
            _check_stop(stop)
            left -= len(piece)
            if left < 0:
                break
            if not has_room(len(piece)):
                raise _no_space(folder, len(piece))
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
            unsynced += len(piece)
            if unsynced >= SYNC_BYTES:
                os.fsync(file.fileno())
                unsynced = 0
        if left:
            message = f'the size of its entry "{printable(info.orig_filename)}" is wrong'
            raise ArchiveError(message)
        os.fsync(file.fileno())


def _check_stop(stop: threading.Event) -> None:
    if stop.is_set():
        raise StoppedError


def _with_extra_byte(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return an entry with one more byte: `zipfile` hides bytes beyond the stated size."""
    extended = copy.copy(info)
    extended.file_size += 1
    return extended


def _entry(info: zipfile.ZipInfo) -> Entry:
    return Entry(
        name=info.orig_filename,
        size=info.file_size,
        packed_size=info.compress_size,
        offset=info.header_offset,
        flags=info.flag_bits,
        method=info.compress_type,
        mode=info.external_attr >> 16,
    )


def _check_space(planned: Plan, folder: OpenFolder, has_room: HasRoom) -> None:
    disk = disk_of(folder.path)
    if (disk.is_known and planned.total_bytes > disk.free_bytes) or not has_room(
        planned.total_bytes
    ):
        raise _no_space(folder, planned.total_bytes)


def _no_space(folder: OpenFolder, count: int) -> SinkError:
    free = disk_of(folder.path).free_bytes
    message = (
        f"{printable(folder.path)}: extracting needs {count} bytes, and {free} are free, "
        "part of which is reserved (--min-free); free some space and run it again"
    )
    return SinkError(message, code=errno.errorcode[errno.ENOSPC])
