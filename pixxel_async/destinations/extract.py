"""Extracts a saved ZIP into a folder of its own; blocks, so it belongs in a thread.

Rules:
    * `extraction_plan` and `zip_structure` of `sansio.files` decide before a byte is written.
    * Everything goes into a hidden folder, which is new: no file of it can have been put there by
      somebody else. It gets its final name when all of it is written and synced, in one step.
    * What an entry brings is counted against what its directory says; its CRC-32 has to be right.
    * There has to be room for all of it before anything is written, and again for each piece.
    * Each file is opened relative to the descriptor of its folder, and no link is followed.
    * Whatever goes wrong, the hidden folder is removed and the ZIP stays.
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
from ..sansio.redact import printable, redact
from .folder_tree import FolderTree, OpenFolder
from .paths import disk_of
from .sink import HasRoom, always
from .zip_check import UNREADABLE, check_structure

PIECE_BYTES = 1024 * 1024
SYNC_BYTES = 256 * 1024 * 1024
"""Written between two syncs: who stops an extraction waits for no more than that."""
HIDDEN_SUFFIX = ".extracting"


class StoppedError(Exception):
    """An extraction was told to stop."""


class _ArchiveFile(io.BufferedReader):
    """A ZIP whose directory is read only if it is not too long: `zipfile` reads it at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `io.BufferedReader` does.

        Raises:
            BadZipFile: These are more bytes than a directory may have.
        """
        if size is not None and size > MAX_DIRECTORY_BYTES:
            message = f"its directory has {size} bytes, and {MAX_DIRECTORY_BYTES} are the most"
            raise zipfile.BadZipFile(message)
        return super().read(size)


def hidden_name(name: str) -> str:
    """Return the last part of a folder's name until all of it is extracted."""
    return f".{name}{HIDDEN_SUFFIX}"


def extract(
    tree: FolderTree,
    archive: str,
    folder: str,
    stop: threading.Event,
    has_room: HasRoom = always,
) -> None:
    """Extract an archive into the hidden folder beside `folder`; what a killed try left goes first.

    Args:
        tree: Where both are.
        archive: The name of the ZIP.
        folder: The final name, which is not given yet: `reveal` does that.
        stop: Ends the extraction soon after it is set.
        has_room: Asked before bytes are written.

    Raises:
        ArchiveError: The archive is refused, or cannot be read.
        SinkError: The final name is taken, or the disk has too little space.
        OSError: The operating system refused.
        StoppedError: It was told to stop.
    """
    with tree.folder_of(folder) as (parent, name):
        _check_name(parent, name)
        hidden = hidden_name(name)
        _discard(parent, hidden)
        parent.mkdir(hidden)
        try:
            with tree.folder_of(archive) as (place, zip_name):
                descriptor = place.open_to_read(zip_name)
            with _readable():
                _extract(descriptor, parent, hidden, stop, has_room)
        except BaseException:
            with contextlib.suppress(OSError):
                _discard(parent, hidden)
            raise


def discard(tree: FolderTree, folder: str) -> None:
    """Remove what was extracted and did not get its final name; a link is not followed.

    Raises:
        OSError: The operating system refused.
    """
    with tree.folder_of(folder) as (parent, name):
        _discard(parent, hidden_name(name))


def _discard(parent: OpenFolder, hidden: str) -> None:
    there = parent.lstat(hidden)
    if there is not None and stat.S_ISDIR(there.st_mode):
        parent.remove_folder(hidden)
    else:
        parent.unlink(hidden)


def reveal(tree: FolderTree, folder: str) -> None:
    """Give an extracted folder its final name, for good.

    Raises:
        SinkError: The name is taken.
        OSError: The operating system refused.
    """
    with tree.folder_of(folder) as (parent, name):
        _check_name(parent, name)
        with parent.folder(hidden_name(name)):
            parent.rename(hidden_name(name), name)
        parent.sync()


def _check_name(parent: OpenFolder, name: str) -> None:
    """Find out whether a name may be taken: a rename would replace an empty folder."""
    if parent.lstat(name) is not None:
        message = f"{parent.shown(name)}: there is something of this name; move it away"
        raise SinkError(message)


def _extract(
    descriptor: int,
    parent: OpenFolder,
    hidden: str,
    stop: threading.Event,
    has_room: HasRoom,
) -> None:
    with _ArchiveFile(io.FileIO(descriptor)) as file, zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
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
            with _open_folders(parent, folders, make=True) as place:
                if not is_folder:
                    with archive.open(_with_extra_byte(info)) as source:
                        _write(source, place, last, info, stop, has_room)
        for path in made:
            _check_stop(stop)
            with _open_folders(parent, path) as place:
                place.sync()


@contextlib.contextmanager
def _open_folders(
    parent: OpenFolder, parts: Sequence[str], *, make: bool = False
) -> Iterator[OpenFolder]:
    with contextlib.ExitStack() as stack:
        for part in parts:
            parent = stack.enter_context(parent.folder(part, make=make))
        yield parent


def _write(  # noqa: PLR0913, PLR0917 - from where, to where, and what bounds it
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
            message = f'its entry "{printable(info.orig_filename)}" has not the size that it says'
            raise ArchiveError(message)
        os.fsync(file.fileno())


def _check_stop(stop: threading.Event) -> None:
    if stop.is_set():
        raise StoppedError


def _with_extra_byte(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return an entry with a byte more: `zipfile` hides what goes beyond the size that it says."""
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
        "some of which have to stay (--min-free); free some space and run it again"
    )
    return SinkError(message, code=errno.errorcode[errno.ENOSPC])


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Turn what `zipfile` raises over a bad archive into an error of ours."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise  # of the disk, not of the archive: bz2 raises it without a number
        failure = ArchiveError(f"it cannot be read: {redact(str(error))}")
    except UNREADABLE as error:
        failure = ArchiveError(f"it cannot be read: {redact(str(error))}")
    else:
        return
    raise failure
