"""Reads what an export folder remembers, without disturbing who exports into it."""

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
"""How long a commit of a running export is waited for."""


def has_journal(folder: Path) -> bool:
    """Tell whether an export has been here.

    Raises:
        SinkError: What has the name of the journal is not a file that an export has made.
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
    """Return where the journal of an export folder lies.

    Raises:
        SinkError: It is no export folder.
    """
    if not has_journal(folder):
        message = f"{folder}: no export has been here: there is no {HIDDEN}/{JOURNAL} in it"
        raise SinkError(message)
    return folder / HIDDEN / JOURNAL


def read_record(directory: str | Path) -> ExportRecord:
    """Read all that an export folder remembers, as of one moment; blocks for as long as it takes.

    An export that runs meanwhile in any process is not disturbed, and what it has not committed
    yet (at most some tenths of a second) is not seen. A folder that is read-only stays as it is.

    Args:
        directory: The export folder.

    Raises:
        SinkError: It is no export folder, or its journal cannot be read.
    """
    folder = absolute_path(directory)
    path = journal_of(folder)
    running = running_process(folder)
    try:
        if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
            # Not read-only: what a killed run has left half written is rolled back on opening.
            return _read(path, running, mode="rw")
        if _must_be_changed(path):
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
        if version == 0:  # an export is about to make it, or was killed before it had
            return ExportRecord(rows=(), runs=(), steps=(), running=running)
        if version < schema.SCHEMA_VERSION and running is None:
            schema.prepare(connection, path)
        schema.readable(connection)
        with connection:
            connection.execute("BEGIN")
            rows, damaged = schema.all_rows(connection)
            return ExportRecord(
                rows=rows,
                damaged=damaged,
                runs=schema.all_runs(connection),
                steps=schema.all_steps(connection),
                running=running,
            )


def _must_be_changed(path: Path) -> bool:
    """Tell whether a journal can only be read after something was written to it."""
    rollback = path.with_name(f"{path.name}-journal")
    if rollback.exists() and rollback.stat().st_size:
        return True
    with FolderTree(path.parent).open() as hidden:
        uri = uri_of(hidden, path, mode="ro")
    with closing(sqlite3.connect(uri, uri=True, timeout=READ_TIMEOUT_S)) as connection:
        return 0 < schema.version_of(connection, path) < schema.SCHEMA_VERSION


def _read_copy(path: Path, running: int | None) -> ExportRecord:
    """Read a journal in a read-only folder that a killed run, or an earlier version, has left."""
    with tempfile.TemporaryDirectory(prefix="pixxel-async-") as place:
        copy = Path(place) / path.name
        shutil.copyfile(path, copy)
        rollback = path.with_name(f"{path.name}-journal")
        if rollback.exists():
            shutil.copyfile(rollback, copy.with_name(rollback.name))
        return replace(_read(copy, None, mode="rw"), running=running)
