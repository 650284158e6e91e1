"""What an export folder remembers of its packages, in one SQLite database.

Rules:
    * One connection, used on one thread of its own. SQLite's rollback journal, since its
      write-ahead log can be corrupted by two connections up to 3.51.2; `synchronous=FULL`.
    * `put` returns when the row is on the disk. Rows that come while a commit runs share the
      next one, so a slow disk costs one sync for many packages.
    * The keys are held in memory: to find that a package is new costs no hop to the thread, which
      on a busy event loop takes as long as a hundred polls.
    * No signed URL and no key is ever stored.
    * `user_version` says which schema it is. A newer one is refused, not guessed at.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import anyio

from ..errors import SinkError
from ..sansio.lifecycle import State
from ..sinks.local import FILE_MODE
from ..sinks.threads import keep, to_end

T = TypeVar("T")

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is remembered of one package.

    Attributes:
        key: The key of the download.
        target: The manifest row, as JSON.
        name: The final name of its file.
        state: Where it stands.
        download_id: What the status call takes, or None.
        validator: The strong entity tag of the object that is being fetched, or None.
        total: The size of that object, in bytes, or None while unknown.
        mark: Bytes of the partial that are surely on the disk.
        bytes: The size of the file; set before it gets its final name.
        sha256: Its SHA-256, in hexadecimal; set together with `bytes`.
        checksum: Which checksum of the storage it agreed with, or empty.
        error: Why it failed, or empty.
    """

    key: str
    target: str
    name: str
    state: State = State.QUEUED
    download_id: str | None = None
    validator: str | None = None
    total: int | None = None
    mark: int = 0
    bytes: int | None = None
    sha256: str | None = None
    checksum: str = ""
    error: str = ""

    def changed(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


_COLUMNS = ", ".join(field.name for field in fields(Row))
_MARKS = ", ".join("?" for _ in fields(Row))
_SCHEMA = """
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
_PUT = f"INSERT OR REPLACE INTO package ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - our names
_GET = f"SELECT {_COLUMNS} FROM package WHERE key = ?"  # noqa: S608 - our names


class Journal:
    """An open journal; close it with `aclose`."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        thread: ThreadPoolExecutor,
        keys: set[str],
    ) -> None:
        """Take over an open connection, the thread that it was opened on, and all its keys."""
        self._path = path
        self._keys = keys
        self._connection = connection
        self._thread = thread
        self._turn = anyio.Lock()
        self._waiting: list[Row] = []
        self._put = 0
        self._committed = 0

    @classmethod
    async def open(cls, path: Path) -> Journal:
        """Open a journal, and make it if there is none.

        Raises:
            SinkError: It cannot be read or written, or is of a newer version.
        """
        thread = ThreadPoolExecutor(1, thread_name_prefix="pixxel-journal")
        try:
            connection, keys = await _on(
                thread, path, lambda: _connect(path), drop=lambda opened: opened[0].close()
            )
        except BaseException:
            thread.shutdown(wait=True)
            raise
        return cls(path, connection, thread, keys)

    async def get(self, key: str) -> Row | None:
        """Return what is remembered of a package, or None; what is new costs no look-up."""
        if key not in self._keys:
            return None

        def select() -> Row | None:
            found = self._connection.execute(_GET, (key,)).fetchone()
            return _row(found) if found else None

        return await _on(self._thread, self._path, select)

    async def put(self, row: Row) -> None:
        """Remember a package, and return when that is on the disk.

        Raises:
            SinkError: The disk refused; the row is tried again with the next one.
        """
        self._waiting.append(row)
        self._put += 1
        ticket = self._put
        async with self._turn:
            if self._committed >= ticket:
                return
            rows, self._waiting, last = self._waiting, [], self._put
            try:
                await _on(self._thread, self._path, lambda: self._commit(rows))
            except BaseException:
                self._waiting = rows + self._waiting
                raise
            self._committed = last

    async def aclose(self) -> None:
        """Write the rows of cancelled puts, and close the database; may be called twice."""
        rows, self._waiting = self._waiting, []

        def close() -> None:
            try:
                if rows:
                    self._commit(rows)
            finally:
                self._connection.close()

        try:
            with contextlib.suppress(RuntimeError):  # the thread is gone: closed already
                await _on(self._thread, self._path, close)
        finally:
            self._thread.shutdown(wait=True)

    def _commit(self, rows: list[Row]) -> None:
        with self._connection:
            self._connection.executemany(_PUT, [astuple(row) for row in rows])
        self._keys.update(row.key for row in rows)


async def _on(
    thread: ThreadPoolExecutor,
    path: Path,
    work: Callable[[], T],
    *,
    drop: Callable[[T], None] = keep,
) -> T:
    try:
        running = asyncio.get_running_loop().run_in_executor(thread, work)
        return await to_end(running, drop=drop)
    except (sqlite3.Error, ValueError, OverflowError) as error:  # or a value that no column takes
        message = f"{path}: the journal cannot be used: {error}"
        raise SinkError(message) from error


def _connect(path: Path) -> tuple[sqlite3.Connection, set[str]]:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("PRAGMA synchronous = FULL")
        _prepare(connection, path)
        keys = {key for (key,) in connection.execute("SELECT key FROM package")}
    except BaseException:
        connection.close()
        raise
    return connection, keys


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        message = (
            f"{path}: written by a newer version of pixxel-async (schema {version}); "
            "upgrade, or choose another folder"
        )
        raise SinkError(message)
    if version == 0:
        with connection:  # a run that was killed in between has made the table already
            connection.execute(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _row(found: tuple[Any, ...]) -> Row:
    values = dict(zip((field.name for field in fields(Row)), found, strict=True))
    return Row(**{**values, "state": State(values["state"])})
