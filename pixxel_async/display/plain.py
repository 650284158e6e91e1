"""The plain display for logs and pipes: one line per event, without control sequences."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from ..events import Event, Settled
from ..export.summary import Report
from ..sansio.redact import printable
from .base import Verbosity
from .event_text import event_text


class Lines:
    """Writes lines; those of saved, skipped and failed packages are numbered."""

    def __init__(self, stream: TextIO, loudness: Verbosity) -> None:
        """Write to a stream, up to a verbosity."""
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
        """Do nothing: there is nothing to restore."""

    def show(self, event: Event, report: Report) -> None:
        """Write an event, if its verbosity allows."""
        has_ended = isinstance(event, Settled)
        self._ended += has_ended
        line = event_text(event, report)
        if line is None or line.loudness > self._loudness:
            return
        if has_ended and self._loudness > Verbosity.ERRORS:
            total = str(report.total or "?")
            self._write(f"[{self._ended:>{len(total)}}/{total}] {line}")
        else:
            self._write(str(line))

    def say(self, text: str) -> None:
        """Write a line."""
        self._write(printable(text))

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
