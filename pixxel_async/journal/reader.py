"""Reads a journal without disturbing a running export."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ..destinations.folder_tree import FolderTree
from ..destinations.os_errors import sink_error
from ..destinations.paths import absolute_path
from ..errors import SinkError
from . import corruption, schema
from .database import SIDE_FILES, uri_of
from .export_folder import HIDDEN, JOURNAL, running_process
from .models import ExportRecord

READ_TIMEOUT_S = 10.0
"""How long to wait for a commit of a running export, in seconds."""


def has_journal(folder: Path) -> bool:
    """Whether a folder has a journal.

    Raises:
        SinkError: The journal is not a regular file of this user.
    """
    try:
        with FolderTree(folder).open() as root, root.folder(HIDDEN) as hidden:
            for suffix in SIDE_FILES:
                hidden.check(JOURNAL + suffix)
            return hidden.check(JOURNAL)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise sink_error(error, folder) from error


def journal_of(folder: Path) -> Path:
    """Return the path of the journal of an export folder.

    Raises:
        SinkError: It is not an export folder.
    """
    if not has_journal(folder):
        message = f"{folder}: not an export folder: it has no {HIDDEN}/{JOURNAL}"
        raise SinkError(message)
    return folder / HIDDEN / JOURNAL


def read_record(directory: str | Path) -> ExportRecord:
    """Read the journal of an export folder as of one moment; blocks.

    It does not disturb a running export, and does not see what that has not committed yet (at most
    some tenths of a second). It does not change a read-only folder.

    Raises:
        SinkError: It is not an export folder, or its journal cannot be read.
    """
    folder = absolute_path(directory)
    path = journal_of(folder)
    running = running_process(folder)
    try:
        if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
            # Not read-only: opening rolls back the unfinished commit of a killed run.
            return _read(path, running, mode="rw")
        if _needs_write(path):
            return _read_copy(path, running)
        return _read(path, running, mode="ro")
    except (sqlite3.Error, ValueError) as error:
        if isinstance(error, sqlite3.Error) and corruption.is_damage(error):
            raise SinkError(corruption.refusal(path, error)) from error
        message = f"{path}: the journal cannot be read: {error}"
        raise SinkError(message) from error
    except OSError as error:
        raise sink_error(error, path) from error


def _read(path: Path, running: int | None, *, mode: str) -> ExportRecord:
    with FolderTree(path.parent).open() as hidden:
        uri = uri_of(hidden, path, mode=mode)
    with closing(sqlite3.connect(uri, uri=True, timeout=READ_TIMEOUT_S)) as connection:
        version = schema.version_of(connection, path)
        if version == 0:  # an export is creating it, or was killed before
            return ExportRecord(rows=(), runs=(), steps=(), running=running)
        if version < schema.SCHEMA_VERSION and running is None:
            schema.prepare(connection, path)
        schema.readable(connection)
        with connection:
            connection.execute("BEGIN")
            rows, damaged = schema.all_rows(connection)
            intents, damaged_intents = schema.all_intents(connection)
            return ExportRecord(
                rows=rows,
                damaged=damaged + damaged_intents,
                intents=intents,
                runs=schema.all_runs(connection),
                steps=schema.all_steps(connection),
                running=running,
            )


def _needs_write(path: Path) -> bool:
    """Whether reading a journal requires a write: a rollback or a migration."""
    rollback = path.with_name(f"{path.name}-journal")
    if rollback.exists() and rollback.stat().st_size:
        return True
    with FolderTree(path.parent).open() as hidden:
        uri = uri_of(hidden, path, mode="ro")
    with closing(sqlite3.connect(uri, uri=True, timeout=READ_TIMEOUT_S)) as connection:
        return 0 < schema.version_of(connection, path) < schema.SCHEMA_VERSION


def _read_copy(path: Path, running: int | None) -> ExportRecord:
    """Read the journal of a killed run or an earlier version in a read-only folder."""
    with tempfile.TemporaryDirectory(prefix="pixxel-async-") as temporary:
        copy = Path(temporary) / path.name
        shutil.copyfile(path, copy)
        rollback = path.with_name(f"{path.name}-journal")
        if rollback.exists():
            shutil.copyfile(rollback, copy.with_name(rollback.name))
        return replace(_read(copy, None, mode="rw"), running=running)
