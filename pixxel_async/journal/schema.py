"""The tables of a journal, and the statements that read and write them.

Rules:
    * `user_version` is the version of the schema. Opening for an export migrates an older one, and
      refuses a newer one.
    * No table has a column for a signed URL or a key.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from ..errors import SinkError
from ..sansio.package_state import State
from .models import Corruption, PackageRow, Run, Step
from .row_validation import read_row, read_run, read_step, stand_in, target_problem

SCHEMA_VERSION = 6

_PACKAGE_1 = """
CREATE TABLE IF NOT EXISTS package (
    key TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    download_id TEXT,
    validator TEXT,
    total INTEGER,
    mark INTEGER NOT NULL,
    bytes INTEGER,
    sha256 TEXT,
    checksum TEXT NOT NULL,
    error TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""
_NEW_IN_2 = (
    "is_unanswered INTEGER NOT NULL DEFAULT 0",
    "recreated INTEGER NOT NULL DEFAULT 0",
    "written INTEGER NOT NULL DEFAULT 0",
    "written_sha256 TEXT",
    "attempts INTEGER NOT NULL DEFAULT 0",
    "extracted TEXT",
    "is_discarded INTEGER NOT NULL DEFAULT 0",
    "error_type TEXT NOT NULL DEFAULT ''",
    "is_retryable_next_run INTEGER NOT NULL DEFAULT 0",
)
_NEW_IN_3 = ("stretches TEXT NOT NULL DEFAULT ''",)
_NEW_IN_4 = ("mtime_ns INTEGER", "inode INTEGER")
_NEW_IN_5 = ("ctime_ns INTEGER",)
_NEW_IN_6 = (
    "is_subset INTEGER NOT NULL DEFAULT 0",
    "members TEXT NOT NULL DEFAULT ''",
)
_RUN = """
CREATE TABLE IF NOT EXISTS run (
    number INTEGER PRIMARY KEY,
    pid INTEGER NOT NULL,
    version TEXT NOT NULL,
    began_at REAL NOT NULL,
    seen_at REAL NOT NULL,
    ending TEXT,
    total INTEGER,
    counts TEXT NOT NULL
) STRICT
"""
_STEP = """
CREATE TABLE IF NOT EXISTS step (
    key TEXT NOT NULL,
    run INTEGER NOT NULL,
    at REAL NOT NULL,
    doing TEXT NOT NULL,
    size INTEGER NOT NULL
) STRICT
"""
_DELETE_DUPLICATE_STEPS = (
    "DELETE FROM step WHERE rowid NOT IN"
    " (SELECT min(rowid) FROM step GROUP BY run, at, key, doing, size)"
)
_UNIQUE_STEPS = (
    "CREATE UNIQUE INDEX IF NOT EXISTS each_step_once ON step (run, at, key, doing, size)"
)

_LARGEST = 2**63 - 1
MOST_RUNS = 2**31
"""No export writes a run with a larger number."""
_LAST_RUN = "SELECT coalesce(max(number), 0) FROM run WHERE number BETWEEN 0 AND ?"
_RUN_FIELDS = ("number", "pid", "version", "began_at", "seen_at", "ending", "total", "counts")
_ROW_FIELDS = tuple(field.name for field in fields(PackageRow))
_values: Callable[[PackageRow], tuple[Any, ...]] = attrgetter(*_ROW_FIELDS)
_COLUMNS = ", ".join(_ROW_FIELDS)
_MARKS = ", ".join("?" for _ in _ROW_FIELDS)
_NEW_VALUES = ", ".join(f"{name} = excluded.{name}" for name in _ROW_FIELDS[1:])
_PUT_ROW = (
    f"INSERT INTO package ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - our names
    f" ON CONFLICT (key) DO UPDATE SET {_NEW_VALUES}"
)
_GET_ROW = f"SELECT {_COLUMNS} FROM package WHERE key = ?"  # noqa: S608 - our names
_ALL_ROWS = f"SELECT {_COLUMNS} FROM package ORDER BY key"  # noqa: S608 - our names
_PUT_STEP = "INSERT OR IGNORE INTO step (key, run, at, doing, size) VALUES (?, ?, ?, ?, ?)"
_ALL_STEPS = "SELECT key, run, at, doing, size FROM step ORDER BY at, rowid"
_PUT_RUN = (
    "INSERT OR REPLACE INTO run (number, pid, version, began_at, seen_at, ending, total, counts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_ALL_RUNS = (
    "SELECT number, pid, version, began_at, seen_at, ending, total, counts FROM run ORDER BY number"
)


class NewerJournalError(SinkError):
    """The journal was written by a newer version of this library."""


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables, or migrate those of an older version.

    Raises:
        NewerJournalError: They are of a newer version.
    """
    version = version_of(connection, path)
    if version == SCHEMA_VERSION:
        return
    with connection:  # a killed run leaves all of it or nothing
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_PACKAGE_1)
        existing = {name for (_, name, *_) in connection.execute("PRAGMA table_info(package)")}
        for column in (*_NEW_IN_2, *_NEW_IN_3, *_NEW_IN_4, *_NEW_IN_5, *_NEW_IN_6):
            if column.split()[0] not in existing:
                connection.execute(f"ALTER TABLE package ADD COLUMN {column}")
        connection.execute(_RUN)
        connection.execute(_STEP)
        connection.execute(_DELETE_DUPLICATE_STEPS)
        connection.execute(_UNIQUE_STEPS)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the schema; zero for an empty database.

    Raises:
        NewerJournalError: It is newer than this version of the library supports.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        message = (
            f"{path}: written by a newer version of pixxel-async (schema {version}); "
            "upgrade, or choose another folder"
        )
        raise NewerJournalError(message)
    return int(version)


def keys(connection: sqlite3.Connection) -> set[str]:
    """Return the keys of all packages."""
    return {key for (key,) in connection.execute("SELECT key FROM package")}


def get_row(
    connection: sqlite3.Connection, key: str
) -> tuple[PackageRow | None, Corruption | None]:
    """Return the valid part of a row, and its damage."""
    found = connection.execute(_GET_ROW, (key,)).fetchone()
    if not found:
        return None, None
    values = _named(found)
    if (reason := target_problem(values["target"])) is None:
        return read_row(values)
    row, damage = read_row({**values, "target": "{}"})  # the caller knows the target
    return row, damage or Corruption(key=key, field="target", reason=reason)


def other_members(connection: sqlite3.Connection, members: str) -> str | None:
    """Return a choice of members that a saved package has, and that differs from this one."""
    found = connection.execute(
        "SELECT members FROM package WHERE members <> ? AND bytes IS NOT NULL LIMIT 1", (members,)
    ).fetchone()
    return None if found is None else str(found[0])


def check(row: PackageRow) -> None:
    """Check that the columns accept a row.

    Raises:
        ValueError: A text is not valid Unicode.
        OverflowError: A number is too large.
    """
    for name, value in zip(_ROW_FIELDS, _values(row), strict=True):
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, int) and value > _LARGEST:
            message = f"{name} is too large"
            raise OverflowError(message)


def put_rows(connection: sqlite3.Connection, rows: Iterable[PackageRow]) -> None:
    """Insert or replace packages."""
    connection.executemany(_PUT_ROW, map(_values, rows))


def put_states(connection: sqlite3.Connection, states: Mapping[str, State]) -> None:
    """Update the states of packages, and nothing else."""
    connection.executemany(
        "UPDATE package SET state = ? WHERE key = ?",
        [(state, key) for key, state in states.items()],
    )


def put_steps(connection: sqlite3.Connection, steps: Iterable[Step]) -> None:
    """Add steps, ignoring duplicates."""
    connection.executemany(
        _PUT_STEP, ((step.key, step.run, step.at, step.doing, step.size) for step in steps)
    )


def data_version(connection: sqlite3.Connection) -> int:
    """Return a number that changes when anything but this connection writes to the journal."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def last_run(connection: sqlite3.Connection) -> int:
    """Return the number of the last run, or zero."""
    (last,) = connection.execute(_LAST_RUN, (MOST_RUNS,)).fetchone()
    return int(last)


def put_run(connection: sqlite3.Connection, run: Run) -> None:
    """Insert or replace a run."""
    connection.execute(
        _PUT_RUN,
        (
            run.number,
            run.pid,
            run.version,
            run.began_at,
            run.seen_at,
            run.ending,
            run.total,
            json.dumps(dict(run.counts)),
        ),
    )


def all_rows(
    connection: sqlite3.Connection,
) -> tuple[tuple[PackageRow, ...], tuple[Corruption, ...]]:
    """Return all packages, ordered by key, and the damage of their rows."""
    rows, damaged = [], []
    for found in connection.execute(_ALL_ROWS):
        values = _named(found)
        row, damage = read_row(values)
        if damage is not None:
            damaged.append(damage)
            row = row or stand_in(values)
        if row is not None:
            rows.append(row)
    return tuple(rows), tuple(damaged)


def all_steps(connection: sqlite3.Connection) -> tuple[Step, ...]:
    """Return all valid steps, in order of time."""
    steps = (read_step(*found) for found in connection.execute(_ALL_STEPS))
    return tuple(step for step in steps if step is not None)


def all_runs(connection: sqlite3.Connection) -> tuple[Run, ...]:
    """Return all valid runs, oldest first."""
    found = (dict(zip(_RUN_FIELDS, run, strict=True)) for run in connection.execute(_ALL_RUNS))
    runs = (read_run(values) for values in found)
    return tuple(run for run in runs if run is not None)


def readable(connection: sqlite3.Connection) -> None:
    """Read text that is not UTF-8 in a form that `row_validation` rejects."""
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")


def _named(found: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(_ROW_FIELDS, found, strict=True))
