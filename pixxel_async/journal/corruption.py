"""Refuses a journal that cannot be trusted, says what to do, and keeps a copy of it.

Rules:
    * A journal is never mended, emptied or replaced by guessing.
    * A copy is kept once for each content, beside the journal; no more than `MOST_COPIES` of a
      kind, since a journal may be large. What runs into it again adds nothing.
    * `PRAGMA quick_check` is part of opening, and of the end of a run. It takes about twice as
      long as reading the keys: 14 ms for 10,000 packages with six steps each, 120 ms for 100,000.
    * A full disk, a missing permission or a lock that is held is no damage.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import SinkError
from ..sansio.redact import printable
from .schema import NewerJournalError, version_of

T = TypeVar("T")

MOST_COPIES = 5
"""Copies that are kept of each kind."""

COPY_MODE = 0o600
_PRIMARY = 0xFF
"""The part of an error code of SQLite that says what kind of error it is."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NOT_OURS = "no such "
"""So begins what SQLite says of a table or a column that is not there."""


class CorruptJournalError(SinkError):
    """A journal is damaged; the message says what to do."""


class CorruptionFoundError(sqlite3.DatabaseError):
    """`quick_check` has found something."""


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Look through a journal, and write nothing.

    Raises:
        NewerJournalError: It is of a newer version.
        sqlite3.DatabaseError: It is damaged.
    """
    version_of(connection, path)
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise CorruptionFoundError(found.splitlines()[-1])


def check_disk(connection: sqlite3.Connection, path: Path) -> None:
    """Look through what is on the disk, not at the pages that a connection has in memory.

    Raises:
        NewerJournalError: It is of a newer version.
        sqlite3.DatabaseError: It is damaged.
    """
    connection.execute("PRAGMA shrink_memory")
    check(connection, path)


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error comes from what the journal holds, not from the disk."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return (
        isinstance(error, CorruptionFoundError)
        or code & _PRIMARY in _DAMAGE
        or str(error).startswith(_NOT_OURS)
    )


def refusing(path: Path, work: Callable[[], T]) -> T:
    """Do what needs a journal; blocks, so it belongs in a thread.

    Raises:
        CorruptJournalError: The journal is damaged; it says what to do.
        NewerJournalError: It is of a newer version, likewise.
    """
    try:
        return work()
    except NewerJournalError as error:
        message = f"{error}; {_kept(path, 'newer')}"
        raise NewerJournalError(message) from error
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        message = f"{refusal(path, error)}; {_kept(path, 'damaged')}"
        raise CorruptJournalError(message) from error


def refusal(path: Path, error: sqlite3.Error) -> str:
    """Say that a journal is damaged, and what to do."""
    return (
        f"{path}: the journal is damaged ({printable(str(error))}), and is left as it is: "
        "put a good copy of it in its place, or choose another folder"
    )


def _kept(path: Path, kind: str) -> str:
    try:
        copy = keep_copy(path, kind)
    except OSError as error:
        return f"no copy of it could be kept: {error.strerror or type(error).__name__}"
    if copy is None:
        return f"{MOST_COPIES} copies of others are kept beside it already"
    return f"a copy is kept as {copy.name}"


def keep_copy(path: Path, kind: str) -> Path | None:
    """Copy a journal to `NAME.KIND-1` or the next number, unless there is such a copy.

    A rollback journal that belongs to it is copied too, under the name that SQLite looks for.

    Returns:
        The copy, new or old, or None if there are `MOST_COPIES` others.

    Raises:
        OSError: The disk refused; nothing is left of the copy.
    """
    for number in range(1, MOST_COPIES + 1):
        copy = path.with_name(f"{path.name}.{kind}-{number}")
        if copy.exists():
            if filecmp.cmp(path, copy, shallow=False):
                return copy
            continue
        _copy(path, copy)
        rollback = path.with_name(f"{path.name}-journal")
        with contextlib.suppress(FileNotFoundError):
            if rollback.stat().st_size:
                _copy(rollback, copy.with_name(f"{copy.name}-journal"))
        return copy
    return None


def _copy(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, COPY_MODE)
    try:
        with os.fdopen(descriptor, "wb") as to, source.open("rb") as file:
            shutil.copyfileobj(file, to)
    except BaseException:
        target.unlink()
        raise
