"""Reads what an export folder remembers, without disturbing who exports into it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ..errors import SinkError
from . import damage, schema
from .folder import HIDDEN, JOURNAL, running_process
from .record import ExportRecord

READ_TIMEOUT_S = 10.0
"""How long a commit of a running export is waited for."""


def journal_of(folder: Path) -> Path:
    """Return where the journal of an export folder lies.

    Raises:
        SinkError: It is no export folder.
    """
    path = folder / HIDDEN / JOURNAL
    if not path.is_file():
        message = f"{folder}: no export has been here: there is no {HIDDEN}/{JOURNAL} in it"
        raise SinkError(message)
    return path


def read_record(directory: str | Path) -> ExportRecord:
    """Read all that an export folder remembers, as of one moment; blocks for as long as it takes.

    An export that runs meanwhile in any process is not disturbed, and what it has not committed
    yet (at most some tenths of a second) is not seen.

    Args:
        directory: The export folder.

    Raises:
        SinkError: It is no export folder, or its journal cannot be read.
    """
    folder = Path(directory).expanduser().absolute()
    path = journal_of(folder)
    running = running_process(folder)
    try:
        # Not read-only: what a killed run has left half written is rolled back on opening.
        uri = f"{path.as_uri()}?mode=rw"
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
    except (sqlite3.Error, ValueError) as error:
        if isinstance(error, sqlite3.Error) and damage.is_damage(error):
            raise SinkError(damage.refusal(path, error)) from error
        message = f"{path}: the journal cannot be read: {error}"
        raise SinkError(message) from error
