"""Inspects the file under a saved name; reads only.

Rules:
    * A file of unexpected size is not read.
    * Size, digest and ZIP check use one open file, even if it is renamed meanwhile.
    * Links are not followed.
    * Reading stops soon after a cancellation, even within a file of many gigabytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from threading import Event

from ..config import Verify
from ..sansio.files.verification import (
    FileFound,
    FolderFound,
    Found,
    NothingFound,
    NotReadable,
    OtherFound,
)
from .folder_tree import FolderTree, UnsafeFileError, kind_of
from .zip_check import file_problem


class StoppedError(Exception):
    """Reading was stopped; not among the errors that archive readers catch."""


class StoppableFile(io.FileIO):
    """A file that can be read until an event is set."""

    def __init__(self, descriptor: int, stop: Event) -> None:
        """Take ownership of an open descriptor."""
        super().__init__(descriptor)
        self._stop = stop

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # typeshed names a wider buffer
        """Read as `io.FileIO` does, or raise `StoppedError`."""
        if self._stop.is_set():
            raise StoppedError
        return super().readinto(buffer)


def look(tree: FolderTree, name: str, *, size: int, verify: Verify, stop: Event) -> Found:
    """Inspect a name in the export folder; blocks, so it belongs in a thread.

    Only a file of the expected `size` is read. Setting `stop` ends the reading; the result is then
    meaningless.
    """
    try:
        with tree.folder_of(name) as (folder, last):
            other = _other_than_a_file(folder.lstat(last))
            if other is not None:
                return other
            descriptor = folder.open_to_read(last)
        return _read(descriptor, size, verify, stop)
    except FileNotFoundError:
        return NothingFound()
    except StoppedError:
        return NotReadable("stopped")
    except OSError as error:
        return NotReadable(error.strerror or type(error).__name__)
    except UnsafeFileError:
        return OtherFound("behind something that is not a directory")


def _other_than_a_file(there: os.stat_result | None) -> Found | None:
    if there is None:
        return NothingFound()
    if stat.S_ISDIR(there.st_mode):
        return FolderFound()
    return None if stat.S_ISREG(there.st_mode) else OtherFound(kind_of(there))


def _read(descriptor: int, size: int, verify: Verify, stop: Event) -> FileFound:
    with io.BufferedReader(StoppableFile(descriptor, stop)) as file:
        held = os.fstat(file.fileno()).st_size
        if held != size:
            return FileFound(size=held)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        problem = file_problem(file, verify)
        return FileFound(size=held, sha256=sha256, zip_problem=problem)
