"""The plain display: one line a fact, without control sequences, for logs and pipes."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from ..events import Event, Settled
from ..export.summary import Report
from ..sansio.redact import printable
from .base import Verbosity
from .event_text import told


class Lines:
    """Writes lines; those of packages that have ended are numbered."""

    def __init__(self, stream: TextIO, loudness: Verbosity) -> None:
        """Write to a stream, and tell as much as the loudness says."""
        self._stream = stream
        self._loudness = loudness
        self._ended = 0

    def __enter__(self) -> Self:
        """Return the display."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave nothing behind."""

    def show(self, event: Event, report: Report) -> None:
        """Write the line of an event, if it has one."""
        has_ended = isinstance(event, Settled)
        self._ended += has_ended
        line = told(event, report)
        if line is None or line.loudness > self._loudness:
            return
        if has_ended and self._loudness > Verbosity.ERRORS:
            total = str(report.total or "?")
            self._write(f"[{self._ended:>{len(total)}}/{total}] {line}")
        else:
            self._write(str(line))

    def say(self, text: str) -> None:
        """Write a line of somebody else."""
        self._write(printable(text))

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
