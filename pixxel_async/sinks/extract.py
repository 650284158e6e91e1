"""Extracts a saved ZIP into a folder of its own; blocks, so it belongs in a thread.

Rules:
    * `sansio.archive` and `sansio.zips` decide before a byte is written.
    * Everything goes into a hidden folder, which is new: no file of it can have been put there by
      somebody else. It gets its final name when all of it is written and synced, in one step.
    * What an entry brings is counted against what its directory says; its CRC-32 has to be right.
    * There has to be room for all of it before anything is written, and again for each piece.
    * Whatever goes wrong, the hidden folder is removed and the ZIP stays.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import io
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import ArchiveError, SinkError
from ..sansio.archive import MAX_DIRECTORY_BYTES, Entry, Plan, plan
from ..sansio.redact import printable, redact
from .base import HasRoom, always
from .zip_check import UNREADABLE, check_structure

PIECE_BYTES = 1024 * 1024
SYNC_BYTES = 256 * 1024 * 1024
"""Written between two syncs: who stops an extraction waits for no more than that."""
HIDDEN_SUFFIX = ".extracting"
FILE_MODE = 0o600
FOLDER_MODE = 0o700

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_FLAGS = _NEW | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


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


def hidden_folder(folder: Path) -> Path:
    """Return where an archive is extracted to before its folder gets its name."""
    return folder.with_name(f".{folder.name}{HIDDEN_SUFFIX}")


def extract(archive: Path, folder: Path, stop: threading.Event, has_room: HasRoom = always) -> None:
    """Extract an archive into the hidden folder beside `folder`; what a killed try left goes first.

    Args:
        archive: The ZIP.
        folder: The final name, which is not given yet: `reveal` does that.
        stop: Ends the extraction soon after it is set.
        has_room: Asked before bytes are written.

    Raises:
        ArchiveError: The archive is refused, or cannot be read.
        SinkError: The final name is taken, or the disk has too little space.
        OSError: The operating system refused.
        StoppedError: It was told to stop.
    """
    _check_name(folder)
    hidden = hidden_folder(folder)
    discard(folder)
    hidden.mkdir(mode=FOLDER_MODE)
    try:
        with _readable():
            _extract(archive, hidden, stop, has_room)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise


def discard(folder: Path) -> None:
    """Remove what was extracted and did not get its final name; a link is not followed.

    Raises:
        OSError: The operating system refused.
    """
    hidden = hidden_folder(folder)
    if hidden.is_dir() and not hidden.is_symlink():
        shutil.rmtree(hidden)
    else:
        hidden.unlink(missing_ok=True)


def reveal(folder: Path) -> None:
    """Give an extracted folder its final name, for good.

    Raises:
        SinkError: The name is taken.
        OSError: The operating system refused.
    """
    _check_name(folder)
    hidden_folder(folder).rename(folder)
    _sync(folder.parent)


def _check_name(folder: Path) -> None:
    """Find out whether a name may be taken: a rename would replace an empty folder."""
    if os.path.lexists(folder):
        message = f"{printable(str(folder))}: there is something of this name; move it away"
        raise SinkError(message)


def _extract(path: Path, hidden: Path, stop: threading.Event, has_room: HasRoom) -> None:
    with _ArchiveFile(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        planned = plan([_entry(info) for info in infos], archive_bytes=archive.start_dir)
        check_structure(file)
        _check_space(planned, hidden, has_room)
        made = {hidden}
        for info, parts in zip(infos, planned.paths, strict=True):
            _check_stop(stop)
            target = hidden.joinpath(*parts)
            is_folder = info.orig_filename.endswith("/")
            _make(target if is_folder else target.parent, made)
            if not is_folder:
                with archive.open(_longer(info)) as source:
                    _write(source, target, info, stop, has_room)
        for folder in made:
            _check_stop(stop)
            _sync(folder)


def _make(folder: Path, made: set[Path]) -> None:
    """Make a folder and those above it, each for the owner only, which `Path.mkdir` does not do."""
    missing = []
    while folder not in made:
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)  # another spelling of it may be there
        made.add(path)


def _write(
    source: IO[bytes],
    target: Path,
    info: zipfile.ZipInfo,
    stop: threading.Event,
    has_room: HasRoom,
) -> None:
    left, unsynced = info.file_size, 0
    with os.fdopen(os.open(target, _FLAGS, FILE_MODE), "wb", buffering=0) as file:
        while piece := source.read(PIECE_BYTES):
            _check_stop(stop)
            left -= len(piece)
            if left < 0:
                break
            if not has_room(len(piece)):
                raise _no_space(target.parent, len(piece))
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


def _longer(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return an entry with a byte more: `zipfile` hides what goes beyond the size that it says."""
    longer = copy.copy(info)
    longer.file_size += 1
    return longer


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


def _check_space(planned: Plan, folder: Path, has_room: HasRoom) -> None:
    free = shutil.disk_usage(folder).free
    if planned.total_bytes > free or not has_room(planned.total_bytes):
        raise _no_space(folder.parent, planned.total_bytes)


def _no_space(folder: Path, count: int) -> SinkError:
    free = shutil.disk_usage(folder).free
    message = (
        f"{printable(str(folder))}: extracting needs {count} bytes, and {free} are free, "
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


def _sync(folder: Path) -> None:
    if os.name == "nt":  # Windows has no such call, and needs none
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
