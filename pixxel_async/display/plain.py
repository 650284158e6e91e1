"""The plain display for logs and pipes: lines without control sequences.

Rules:
    * Saved packages are listed on request (`DETAILS`), skipped ones on a second one (`DEBUG`);
      a heartbeat counts both.
    * Failed packages are always listed, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from ..events import Event, Settled, Started
from ..export.summary import Report
from ..sansio.redact import printable
from ..sansio.units import counted
from .base import Verbosity
from .event_text import event_text
from .progress_state import ProgressState, heartbeat


class Lines:
    """Writes lines; those of saved, skipped and failed packages are numbered."""

    def __init__(
        self,
        stream: TextIO | None,
        loudness: Verbosity,
        clock: Callable[[], float] = time.monotonic,
        *,
        numbers: bool = True,
    ) -> None:
        """Write to a stream, up to a verbosity.

        Args:
            stream: Where to write; None if a derived class knows.
            loudness: The level of lines.
            clock: A monotonic clock in seconds, for rates and remaining times.
            numbers: Whether the export has a beginning, and lines of packages are numbered.
        """
        self._stream = stream
        self._numbers = numbers
        self._loudness = loudness
        self._clock = clock
        self._state = ProgressState()
        self._settled = 0

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
        self._state.follow(event, report, self._clock())
        is_settled = isinstance(event, Settled)
        self._settled += is_settled
        has_numbers = self._numbers and self._loudness > Verbosity.ERRORS
        if isinstance(event, Started) and has_numbers:
            self._write(f"started: {_packages(event.total)}")
        line = event_text(event, report)
        if line is None or line.loudness > self._loudness:
            return
        if is_settled and has_numbers:
            total = str(report.total or "?")
            self._write(f"[{self._settled:>{len(total)}}/{total}] {line}")
        else:
            self._write(str(line))

    def beat(self) -> None:
        """Write how far the export is."""
        if self._loudness > Verbosity.ERRORS:
            self._write(heartbeat(self._state, self._clock()))

    def say(self, text: str) -> None:
        """Write a line."""
        self._write(printable(text))

    def _write(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(line + "\n")
            self._stream.flush()


def _packages(total: int | None) -> str:
    return "packages from a stream" if total is None else counted(total, "package")
