"""Export folders with made-up records in their journals."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from pixxel_async.journal import schema
from pixxel_async.journal.export_folder import HIDDEN, JOURNAL
from pixxel_async.journal.models import ExportRecord


def folder_of(folder: Path, record: ExportRecord) -> Path:
    """Make an export folder that remembers a record."""
    path = folder / HIDDEN / JOURNAL
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        schema.prepare(connection, path)
        with connection:
            schema.put_rows(connection, record.rows)
            schema.put_steps(connection, record.steps)
            for run in record.runs:
                schema.put_run(connection, run)
    return folder
