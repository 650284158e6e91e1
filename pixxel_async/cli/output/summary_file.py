"""The file of `--summary`: the outcome of an export as JSON.

Rules:
    * It is there from the start of the export, with `"ending": "running"`: a run that is killed
      leaves that, and no summary of an earlier run is mistaken for its own.
    * It is replaced as a whole; a reader never sees half of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...destinations.paths import absolute_path
from ...export.summary import Report
from ...report.write import write_file
from ...sansio.moments import iso

VERSION = 1
"""Increases when a field changes its meaning or is removed."""


class SummaryFile:
    """Writes the outcome; does nothing without a path."""

    def __init__(
        self, path: Path | None, folder: Path, clock: Callable[[], float] = time.time
    ) -> None:
        """Write that the export runs.

        Args:
            path: The file, or None.
            folder: The absolute path of the export folder.
            clock: Seconds since 1970.

        Raises:
            SinkError: The file cannot be written.
        """
        self.path = None if path is None else absolute_path(path)
        self._folder = folder
        self._clock = clock
        self._began_at = clock()
        self._write("running", None)

    def end(
        self,
        report: Report | None,
        exit_code: int,
        *,
        signal: int | None = None,
        error: BaseException | None = None,
        hooks: Mapping[str, Any] | None = None,
    ) -> None:
        """Write how the export ended.

        Args:
            report: Its totals, or None if it did not begin.
            exit_code: Of the command.
            signal: The number of the signal that ended it, or None.
            error: Why it did not begin, or ended early.
            hooks: The outcome of each hook.

        Raises:
            SinkError: The file cannot be written.
        """
        if signal is not None:
            ending = "interrupted"
        elif exit_code == 0:
            ending = "complete"
        else:
            ending = "failed" if report is None or error is not None else "incomplete"
        fields = _totals(report) if report is not None else {}
        stopped = error or (report.stopped if report is not None else None)
        self._write(
            ending,
            exit_code,
            signal=signal,
            error=None if stopped is None else _error(stopped),
            hooks=dict(hooks or {}),
            **fields,
        )

    def _write(self, ending: str, exit_code: int | None, **fields: Any) -> None:
        if self.path is None:
            return
        row = {
            "version": VERSION,
            "program": __version__,
            "directory": str(self._folder),
            "ending": ending,
            "exit_code": exit_code,
            "began_at": iso(self._began_at),
            "ended_at": None if exit_code is None else iso(self._clock()),
            **fields,
        }
        write_file(self.path, json.dumps(row, ensure_ascii=True, indent=2) + "\n")


def _totals(report: Report) -> dict[str, Any]:
    return {
        "total": report.total,
        **report.counts(),
        "left": report.left,
        "elapsed_s": round(report.elapsed_s, 3),
        "failures": [
            {"target": event.download.row(), "error": _error(event.error)}
            for event in report.failed
        ]
        + [
            {"target": event.run.row(), "error": _error(event.error)}
            for event in report.failed_runs
        ],
    }


def _error(error: BaseException) -> dict[str, str]:
    return {"type": type(error).__name__, "message": str(error)}
