"""Where SQLite opens a journal: it opens by name, so that is looked at before.

Rules:
    * The journal, and what SQLite puts beside it, are files of ours, or none.
    * Where the file system has no locks, SQLite makes a directory of its own in their place.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path

from ..destinations.folder_tree import FILE_MODE, FolderTree, OpenFolder
from ..destinations.paths import PERMISSIONS
from ..errors import SinkError
from .folder_lock import LOCK
from .os_locks import has_record_locks

DOTFILE = "unix-dotfile"
LOCK_FILE_SUFFIX = ".lock"
LOCK_FILE_S = 10.0
"""A lock file of SQLite that is older, in seconds, was left by a process that was killed."""

SIDE_FILES = ("-journal", "-wal", "-shm")
"""What SQLite may put beside a database."""

LOOK_S = 0.1


def prepare_to_open(path: Path) -> str:
    """Make a journal if there is none, and return what SQLite opens; blocks.

    Whoever calls it holds the folder.

    Raises:
        SinkError: Something has its name that is not a file of ours.
        OSError: The operating system refused.
    """
    with FolderTree(path.parent).open() as folder:
        make_safe(folder, path.name)
        uri = uri_of(folder, path)
        if DOTFILE in uri:
            _outlast_lock_file(folder, path.name + LOCK_FILE_SUFFIX)
    return uri


def make_safe(folder: OpenFolder, name: str) -> None:
    """Make the file of a journal, or refuse what an export has not made; SQLite opens by name.

    The file is not opened: to close it would take the locks from who reads it in this process.

    Raises:
        SinkError: It, or what SQLite would put beside it, is not a file of ours.
    """
    for suffix in SIDE_FILES:
        folder.check(name + suffix)
    if not folder.check(name):
        with contextlib.suppress(FileExistsError):
            os.close(folder.create(name))
    info = folder.lstat(name)
    if info is not None and stat.S_IMODE(info.st_mode) & PERMISSIONS & ~FILE_MODE:
        with contextlib.suppress(OSError):
            folder.chmod(name, FILE_MODE)


def uri_of(folder: OpenFolder, path: Path, *, mode: str = "rw") -> str:
    """Return how SQLite opens a journal: with lock files where the file system has no locks."""
    is_locking = True
    with contextlib.suppress(OSError, SinkError):
        descriptor = folder.open(LOCK, os.O_RDONLY)
        try:
            is_locking = has_record_locks(descriptor)
        finally:
            os.close(descriptor)
    vfs = "" if is_locking else f"&vfs={DOTFILE if mode == 'rw' else 'unix-none'}"
    return f"{path.as_uri()}?mode={mode}{vfs}"


def _outlast_lock_file(folder: OpenFolder, name: str) -> None:
    """Wait for whoever reads, and remove what a killed process has left; blocks."""
    with contextlib.suppress(OSError):
        while (there := folder.lstat(name)) is not None:
            if abs(time.time() - there.st_mtime) > LOCK_FILE_S:
                folder.remove_folder(name)
            time.sleep(LOOK_S)
