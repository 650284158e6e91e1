"""Looks at what lies under a saved name; reads, and never writes.

Rules:
    * A file of another size than expected is not read.
    * Size, digest and ZIP are those of one opened file, whatever becomes of its name meanwhile.
    * Reading stops soon when nobody waits for it any more, also within a file of many gigabytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path
from threading import Event

from ..config import Verify
from ..sansio.checking import FileFound, FolderFound, Found, NothingFound, NotReadable, OtherFound
from .zip_check import file_problem


class StoppedError(Exception):
    """Nobody waits for what is read; none of the errors that readers of archives catch."""


class StoppableFile(io.FileIO):
    """A file that is read until an event is set."""

    def __init__(self, path: Path, stop: Event) -> None:
        """Open a file for reading."""
        super().__init__(path)
        self._stop = stop

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # typeshed names a wider buffer
        """Read as `io.FileIO` does.

        Raises:
            StoppedError: The event is set.
        """
        if self._stop.is_set():
            raise StoppedError
        return super().readinto(buffer)


def look(path: Path, *, size: int, verify: Verify, stop: Event) -> Found:
    """Find out what is there; blocks, so it belongs in a thread.

    Args:
        path: Where to look; links are followed.
        size: The size that a file should have, in bytes; only such a one is read.
        verify: How closely its ZIP is looked at.
        stop: Ends the reading when it is set; what is returned then means nothing.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return _read(path, size, verify, stop)
    except FileNotFoundError:
        return OtherFound() if os.path.lexists(path) else NothingFound()
    except StoppedError:
        return NotReadable("stopped")
    except OSError as error:
        return NotReadable(error.strerror or type(error).__name__)
    return FolderFound() if stat.S_ISDIR(mode) else OtherFound()


def _read(path: Path, size: int, verify: Verify, stop: Event) -> FileFound:
    with io.BufferedReader(StoppableFile(path, stop)) as file:
        held = os.fstat(file.fileno()).st_size
        if held != size:
            return FileFound(size=held)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        problem = file_problem(file, verify)
        return FileFound(size=held, sha256=sha256, zip_problem=problem)
