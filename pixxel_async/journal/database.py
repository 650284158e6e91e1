"""Opens the database of a journal; SQLite opens by name, so the file is checked first.

Rules:
    * The journal and the side files of SQLite are regular files of this user, or absent.
    * Where the file system has no locks, SQLite creates a lock directory instead.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
import time
from pathlib import Path

from ..destinations.folder_tree import FILE_MODE, FolderTree, OpenFolder
from ..destinations.os_errors import sink_error
from ..destinations.paths import PERMISSIONS
from ..errors import SinkError
from . import corruption, schema
from .folder_lock import LOCK
from .os_locks import has_record_locks

DOTFILE = "unix-dotfile"
LOCK_FILE_SUFFIX = ".lock"
LOCK_FILE_S = 10.0
"""A lock file of SQLite older than this, in seconds, was left by a killed process."""

SIDE_FILES = ("-journal", "-wal", "-shm")
"""The suffixes of the files that SQLite may create beside a database."""

LOCK_POLL_S = 0.1

MOST_PATH_BYTES = 500
"""SQLite allows 512 bytes (`MAX_PATHNAME`), including the suffix of its rollback journal."""

BUSY_TIMEOUT_S = 60.0
"""How long a commit waits for readers, in seconds."""


def connect(path: Path) -> tuple[sqlite3.Connection, set[str], int]:
    """Open or create a journal; return its connection, its keys and its last run's number; blocks.

    Raises:
        sqlite3.Error: It is corrupt, or cannot be opened.
        SinkError: It is of a newer version, or its name is taken or too long.
        OSError: The operating system refused.
    """
    if len(os.fsencode(path)) > MOST_PATH_BYTES:
        raise sink_error(OSError(errno.ENAMETOOLONG, "too long"), path)
    uri = prepare_to_open(path)
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=BUSY_TIMEOUT_S)
    try:
        corruption.check(connection, path)  # before the first write
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("PRAGMA synchronous = FULL")
        schema.prepare(connection, path)
        schema.readable(connection)
        keys, runs = schema.keys(connection), schema.last_run(connection)
    except BaseException:
        connection.close()
        raise
    return connection, keys, runs


def prepare_to_open(path: Path) -> str:
    """Create a journal if there is none, and return the URI that SQLite opens; blocks.

    The caller holds the lock of the folder.

    Raises:
        SinkError: Its name is taken by something other than a regular file of this user.
        OSError: The operating system refused.
    """
    with FolderTree(path.parent).open() as folder:
        make_safe(folder, path.name)
        uri = uri_of(folder, path)
        if DOTFILE in uri:
            _wait_for_lock_file(folder, path.name + LOCK_FILE_SUFFIX)
    return uri


def make_safe(folder: OpenFolder, name: str) -> None:
    """Create the file of a journal, or refuse one that no export created.

    It does not open an existing file: closing it would drop the locks of readers in this process.

    Raises:
        SinkError: It, or a side file of SQLite, is not a regular file of this user.
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
    """Return the URI of a journal; it uses lock files where the file system has no locks."""
    is_locking = True
    with contextlib.suppress(OSError, SinkError):
        descriptor = folder.open(LOCK, os.O_RDONLY)
        try:
            is_locking = has_record_locks(descriptor)
        finally:
            os.close(descriptor)
    vfs = "" if is_locking else f"&vfs={DOTFILE if mode == 'rw' else 'unix-none'}"
    return f"{path.as_uri()}?mode={mode}{vfs}"


def _wait_for_lock_file(folder: OpenFolder, name: str) -> None:
    """Wait for readers, and remove the lock file of a killed process; blocks."""
    with contextlib.suppress(OSError):
        while (there := folder.lstat(name)) is not None:
            if abs(time.time() - there.st_mtime) > LOCK_FILE_S:
                folder.remove_folder(name)
            time.sleep(LOCK_POLL_S)
