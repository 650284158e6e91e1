"""The journal of an export folder: one SQLite database, written on one thread.

Rules:
    * One connection, used on its own thread. SQLite's rollback journal, since two connections can
      corrupt the write-ahead log up to SQLite 3.51.2; `synchronous=FULL`.
    * `put` returns when the row is on disk. Rows that arrive during a commit share the next one, so
      a slow disk costs one sync for many packages.
    * `note`, `step` and `count` return at once. Their data is committed at once, or `NOTE_S` after
      the last commit: a crash loses that much, and nothing that the next run cannot find again.
    * The thread records whether a batch is on disk. A caller that waits for the commit may be
      cancelled after it succeeded; such a batch is not written again.
    * The keys are in memory: checking that a package is new needs no hop to the thread, which on a
      busy event loop takes as long as a hundred polls.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import anyio

from ..destinations.os_errors import sink_error
from ..destinations.thread_pool import ThreadPool
from ..errors import SinkError
from ..sansio.package_state import State
from ..sansio.redact import printable
from ..waits import keep
from . import corruption, schema
from .database import connect
from .heartbeat_lock import FolderLostError
from .models import Corruption, PackageRow, Run, Step

T = TypeVar("T")

NOTE_S = 0.04
"""Longest wait of a `note` for its commit, in seconds; longer on a slow disk.

Shorter than the interval at which transfers are checked, so that their notes do not wait.
"""

SHORTAGE_S = 0.1
SHORTAGES = 50
"""How often a commit is retried when the process may open no more files."""

CANNOT_OPEN = "SQLITE_CANTOPEN"
NO_SPACE = "ENOSPC"
_KNOWN = {
    "SQLITE_FULL": (NO_SPACE, "; free some space and run it again"),
    CANNOT_OPEN: (CANNOT_OPEN, ""),
}
"""Error code and remedy, by the error name of SQLite."""

MOVED = "SQLITE_READONLY_DBMOVED"
LOST = (
    "the journal was deleted or replaced while the export ran, so nothing more can be recorded: "
    "restore it from a backup and run the command again; without one, choose another folder, or "
    "add --overwrite to save every package again"
)
CHANGED = (
    "another program changed the journal while the export ran, so nothing more was recorded: run "
    "the command again; add --overwrite if it refuses files that the journal no longer lists"
)

COMMIT_SHARE = 0.1
"""The share of time that the disk may spend on commits that no caller waits for."""

COMMITS = 3
"""The fastest of this many commits measures the speed of the disk, ignoring delayed ones."""


@dataclass(slots=True)
class _Batch:
    """The content of the next commit.

    Attributes:
        rows: By key; a later row replaces an earlier one.
        states: By key, for packages whose row did not change since.
        steps: In the order in which they were recorded.
        runs: By number.
        is_committed: Whether it is on disk; set on the journal's thread.
    """

    rows: dict[str, PackageRow] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    runs: dict[int, Run] = field(default_factory=dict)
    is_committed: bool = False

    def __bool__(self) -> bool:
        return bool(self.rows or self.states or self.steps or self.runs)

    def followed_by(self, later: _Batch) -> _Batch:
        """Return a batch that writes this one and then `later`."""
        kept = {key: state for key, state in self.states.items() if key not in later.rows}
        return _Batch(
            rows=self.rows | later.rows,
            states=kept | later.states,
            steps=self.steps + later.steps,
            runs=self.runs | later.runs,
        )


def _no_check() -> None:
    """Assume that this process still holds the folder."""


class Journal:
    """An open journal; close it with `aclose`."""

    def __init__(  # noqa: PLR0913 - what `open` found
        self,
        path: Path,
        connection: sqlite3.Connection,
        thread: ThreadPool,
        keys: set[str],
        runs: int,
        *,
        check: Callable[[], None] = _no_check,
    ) -> None:
        """Take over an open connection, its thread, its keys and the number of the last run."""
        self._check = check
        self._path = path
        self._keys = keys
        self._runs = runs
        self._connection = connection
        self._thread = thread
        self._commit_lock = anyio.Lock()
        self._queued = _Batch()
        self._has_queued = anyio.Event()
        self._writing = _Batch()
        self._tickets = 0
        self._committed = 0
        self._commit_s = deque([0.0], maxlen=COMMITS)
        self._damaged: dict[str, Corruption] = {}
        self._refused: dict[str, str] = {}
        self._is_lost = False
        self._version = schema.data_version(connection)

    @classmethod
    async def open(cls, path: Path, *, check: Callable[[], None] = _no_check) -> Journal:
        """Open a journal, or create it.

        Args:
            path: Its path.
            check: Called before each commit; raises if another process took over the folder.

        Raises:
            SinkError: It cannot be read or written, or is of a newer version.
        """
        thread = ThreadPool(1, "pixxel-journal")
        try:
            connection, keys, runs = await _run_on(
                thread, path, lambda: connect(path), drop=lambda opened: opened[0].close()
            )
        except BaseException:
            thread.shutdown(wait=True)
            raise
        return cls(path, connection, thread, keys, runs, check=check)

    def knows(self, key: str) -> bool:
        """Whether the journal has a row of a package."""
        return key in self._keys

    async def get(self, key: str) -> PackageRow | None:
        """Return the row of a package, or None; a new package costs no query.

        Of a damaged row it returns the valid part, or None; `take_damage` returns the damage.
        """
        if key not in self._keys:
            return None
        for batch in (self._queued, self._writing):
            if (row := batch.rows.get(key)) is not None:
                return row
        row, damage = await self._run(lambda: schema.get_row(self._connection, key))
        if damage is not None:
            self._damaged[key] = damage
        return row

    async def other_members(self, members: str) -> str | None:
        """Return a choice of members of a saved package that differs from this one, or None."""
        return await self._run(lambda: schema.other_members(self._connection, members))

    def take_damage(self, key: str) -> Corruption | None:
        """Return, once, the damage that `get` found in a row, or None."""
        return self._damaged.pop(key, None)

    def new_run(self) -> int:
        """Return the number of a new run."""
        self._runs += 1
        return self._runs

    async def put(self, row: PackageRow) -> None:
        """Write the row of a package, and return when it is on disk.

        Raises:
            SinkError: The disk refused, and the next commit retries the row; or a column refused a
                value, and the row is dropped.
        """
        self._refused.pop(row.key, None)
        self.note(row)
        await self.flush()
        if (reason := self._refused.pop(row.key, None)) is not None:
            message = (
                f"{self._path}: the journal rejects {printable(row.key)}: {reason}; another "
                f"row has its name, {printable(row.name)}: put a good copy of the journal in its "
                "place, or choose another folder"
            )
            raise SinkError(message)

    def note(self, row: PackageRow) -> None:
        """Queue the row of a package for the next commit.

        Raises:
            SinkError: A column refuses a value.
        """
        try:
            schema.check(row)
        except (ValueError, OverflowError) as error:
            raise _unusable(self._path, error) from error
        self._has_queued.set()
        self._queued.rows[row.key] = row
        self._queued.states.pop(row.key, None)
        self._keys.add(row.key)

    def step(self, step: Step, state: State | None) -> None:
        """Queue a step of a package, and its new state unless that is None."""
        self._has_queued.set()
        self._queued.steps.append(step)
        if state is not None:
            self._queued.states[step.key] = state

    def count(self, run: Run) -> None:
        """Queue the progress of a run."""
        self._has_queued.set()
        self._queued.runs[run.number] = run

    async def flush(self) -> None:
        """Return when everything queued so far is on disk.

        Raises:
            SinkError: The disk refused; the next commit retries.
        """
        self._tickets += 1
        ticket = self._tickets
        async with self._commit_lock:
            if self._committed >= ticket:
                return
            batch, self._queued, last = self._queued, _Batch(), self._tickets
            if not batch:
                self._committed = last
                return
            self._writing = batch
            try:
                await self._commit_when_possible(batch)
            finally:
                self._writing = _Batch()
                if batch.is_committed:
                    self._committed = last
                else:
                    self._queued = batch.followed_by(self._queued)

    async def loss(self) -> FolderLostError | None:
        """Flush, and return why the journal on disk is lost, or None.

        Another program may have deleted, replaced, changed or damaged it. A disk that refuses is no
        loss: `put` raises that.
        """
        try:
            await self.flush()
            await self._run(self._check_disk)
        except FolderLostError as error:
            return error
        except SinkError:
            pass
        return None

    async def flush_queued(self, within_s: float) -> None:
        """Commit queued data, or return if none is queued within `within_s` seconds.

        After a commit it rests: `NOTE_S`, or longer if the disk is slow, so that commits take at
        most `COMMIT_SHARE` of the disk's time. It ignores errors of the disk: `put` raises them.
        """
        with anyio.move_on_after(within_s):
            await self._has_queued.wait()
        if not self._has_queued.is_set():
            return
        self._has_queued = anyio.Event()
        began = anyio.current_time()
        if self._queued:
            with contextlib.suppress(SinkError):
                await self.flush()
        rest_s = NOTE_S - (anyio.current_time() - began)
        await anyio.sleep(max(rest_s, min(self._commit_s) / COMMIT_SHARE))

    async def aclose(self) -> None:
        """Commit queued data, and close the database; may be called twice.

        It ignores a full disk: `put` has raised that, and the next run finds the rest again.
        """
        batch, self._queued = self._queued, _Batch()

        def close() -> None:
            try:
                if batch:
                    self._commit(batch)
            finally:
                self._connection.close()

        try:
            with contextlib.suppress(RuntimeError):  # the thread has ended: already closed
                await self._run(close)
        except FolderLostError:
            if not self._is_lost:
                raise
        except SinkError as error:
            if error.code != NO_SPACE:
                raise
        finally:
            self._thread.shutdown(wait=True)

    async def _commit_when_possible(self, batch: _Batch) -> None:
        """Commit; SQLite opens a file for that, so wait if the process may open no more."""
        for _ in range(SHORTAGES):
            try:
                return await self._run(lambda: self._commit(batch))
            except SinkError as error:
                if error.code != CANNOT_OPEN:
                    raise
            await anyio.sleep(SHORTAGE_S)
        return await self._run(lambda: self._commit(batch))

    def _commit(self, batch: _Batch) -> None:
        self._check()
        began = time.monotonic()
        try:
            self._write(batch, self._put_rows)
        except sqlite3.IntegrityError:  # one row is refused: write the others
            self._write(batch, self._put_each_row)
        self._commit_s.append(time.monotonic() - began)

    def _put_rows(self, rows: Collection[PackageRow]) -> None:
        schema.put_rows(self._connection, rows)

    def _put_each_row(self, rows: Collection[PackageRow]) -> None:
        for row in rows:
            try:
                schema.put_rows(self._connection, [row])
            except sqlite3.IntegrityError as error:
                self._refused[row.key] = str(error)

    def _write(self, batch: _Batch, put_rows: Callable[[Collection[PackageRow]], None]) -> None:
        with self._connection:
            put_rows(batch.rows.values())
            schema.put_states(self._connection, batch.states)
            schema.put_steps(self._connection, batch.steps)
            for run in batch.runs.values():
                schema.put_run(self._connection, run)
            self._raise_if_changed()  # last, since a damaged journal is reported as such
        batch.is_committed = True

    def _check_disk(self) -> None:
        corruption.check_disk(self._connection, self._path)
        self._raise_if_changed()

    def _raise_if_changed(self) -> None:
        if schema.data_version(self._connection) != self._version:
            message = f"{self._path}: {CHANGED}"
            raise FolderLostError(message)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await _run_on(self._thread, self._path, work)
        except FolderLostError:
            self._is_lost = True
            raise
        except corruption.CorruptJournalError as error:  # damaged during the export
            self._is_lost = True
            raise FolderLostError(str(error)) from error


async def _run_on(
    thread: ThreadPool,
    path: Path,
    work: Callable[[], T],
    *,
    drop: Callable[[T], None] = keep,
) -> T:
    try:
        return await thread.run(lambda: corruption.refusing(path, work), drop=drop)
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise _unusable(path, error) from error
    except OSError as error:
        raise sink_error(error, path) from error


def _unusable(path: Path, error: Exception) -> SinkError:
    name = getattr(error, "sqlite_errorname", "")
    if name == MOVED or (isinstance(error, sqlite3.Error) and not os.path.lexists(path)):
        return FolderLostError(f"{path}: {LOST}")
    code, remedy = _KNOWN.get(name, ("", ""))
    return SinkError(f"{path}: the journal cannot be used: {error}{remedy}", code=code)
