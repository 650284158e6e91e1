"""The log file of an export.

Rules:
    * It has what `-v` shows, however quiet standard error is; with `-vv` more.
    * Text has local time with its offset, JSON has ISO 8601 in UTC.
    * It is appended to, and opened again after a rotation.
    * A log that cannot be written any more is reported once; the export continues.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from logging.handlers import WatchedFileHandler
from pathlib import Path
from types import TracebackType
from typing import Self

from ...destinations.os_errors import sink_error
from ...display.base import Display, Verbosity
from ...display.plain import Lines
from ...events import Event, PackageEvent
from ...export.summary import Report
from ...sansio.moments import iso, moment


class LogFormat(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


class _File(WatchedFileHandler):
    """Writes lines, and reports the first one that it cannot write."""

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._complain = complain
        self._has_failed = False

    def close(self) -> None:
        with suppress(OSError):  # it has been reported
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - of `logging`
        if not self._has_failed:
            self._has_failed = True
            self._complain(f"{self.baseFilename}: the log cannot be written; the export continues")


class LogFile(Lines):
    """A display that writes a log; closed as a context."""

    def __init__(  # noqa: PLR0913 - the last two are for tests and for watches
        self,
        path: Path,
        style: LogFormat,
        loudness: Verbosity,
        complain: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        *,
        numbers: bool = True,
    ) -> None:
        """Open the log.

        Args:
            path: The file, which is appended to.
            style: How a line is written.
            loudness: The level of lines, at least `DETAILS`.
            complain: Called if the log cannot be written any more.
            clock: Seconds since 1970.
            numbers: Whether lines of packages are numbered.

        Raises:
            SinkError: The file cannot be opened.
        """
        try:
            self._file = _File(path, complain)
        except OSError as error:
            raise sink_error(error, path) from error
        super().__init__(None, max(loudness, Verbosity.DETAILS), numbers=numbers)
        self._style = style
        self._now = clock
        self._event: Event | None = None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def show(self, event: Event, report: Report) -> None:
        """Write an event, if its verbosity allows."""
        self._event = event
        try:
            super().show(event, report)
        finally:
            self._event = None

    def _write(self, line: str) -> None:
        self._file.handle(logging.makeLogRecord({"msg": self._formatted(line)}))

    def _formatted(self, line: str) -> str:
        if self._style is LogFormat.TEXT:
            return f"{moment(self._now())}  {line}"
        event = self._event
        row = {
            "time": iso(self._now()),
            "event": None if event is None else type(event).__name__,
            "key": event.key if isinstance(event, PackageEvent) else None,
            "message": line,
        }
        return json.dumps(row, ensure_ascii=True)


class Both:
    """Shows everything on two displays."""

    def __init__(self, first: Display, second: Display) -> None:
        """Show on both; the first one is entered first."""
        self._first, self._second = first, second

    def __enter__(self) -> Self:
        """Start both."""
        self._first.__enter__()
        self._second.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End both."""
        self._first.__exit__(exc_type, exc, traceback)
        self._second.__exit__(exc_type, exc, traceback)

    def show(self, event: Event, report: Report) -> None:
        """Show an event."""
        self._first.show(event, report)
        self._second.show(event, report)

    def beat(self) -> None:
        """Show how far the export is."""
        self._first.beat()
        self._second.beat()

    def say(self, text: str) -> None:
        """Print a line."""
        self._first.say(text)
        self._second.say(text)
