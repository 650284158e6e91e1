"""The findings of `verify`: lines, objects, a bar and a summary."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from ...display.base import Verbosity
from ...display.progress_state import Meter
from ...display.progress_view import ALL, Row, Rows
from ...export.verify import bytes_to_read
from ...journal.reader import read_record
from ...sansio.files.verification import Condition, Finding
from ...sansio.layout import labelled, wrapped
from ...sansio.redact import printable
from ...sansio.units import counted, duration, size
from ..options.export import RunOptions
from .exit_codes import terminal_width
from .json_lines import write_line

REDRAWS_PER_SECOND = 10

_WORDS = {
    Condition.OK: "ok",
    Condition.MISSING: "missing",
    Condition.CHANGED: "changed",
    Condition.BROKEN: "broken",
    Condition.UNREADABLE: "not readable",
    Condition.NOT_SAVED: "not saved",
    Condition.UNKNOWN: "unknown",
    Condition.DAMAGED: "damaged",
}
_LOUDNESS = {
    Condition.OK: Verbosity.DETAILS,
    Condition.NOT_SAVED: Verbosity.DETAILS,
    Condition.UNKNOWN: Verbosity.NORMAL,
}
"""The lowest verbosity that lists a finding; problems are always listed."""
_WIDTH = max(map(len, _WORDS.values()))


def lines_of(finding: Finding, folder: Path, width: int | None = None) -> list[str]:
    """Return a finding as lines of this width, safe for a terminal."""
    path = finding.path.relative_to(folder).as_posix()
    text = f"{path}: {finding.reason}" if finding.reason else path
    label = f"{_WORDS[finding.condition]:<{_WIDTH}}  "
    return wrapped(label, printable(text), width)


def object_of(finding: Finding, folder: Path) -> dict[str, Any]:
    """Return a finding as an object of `--json`.

    Args:
        finding: The finding.
        folder: The absolute path that `path` is relative to.
    """
    return {
        "target": None if finding.download is None else finding.download.row(),
        "status": finding.condition.value,
        "path": finding.path.relative_to(folder).as_posix(),
        "bytes": finding.bytes,
        "sha256": finding.sha256,
        "reason": finding.reason or None,
    }


def summary(
    counts: Counter[Condition], folder: Path, elapsed_s: float, width: int | None = None
) -> list[str]:
    """Return the counts of findings as lines with aligned columns, safe for a terminal."""
    return labelled(_rows(counts, folder, elapsed_s), width)


def _rows(counts: Counter[Condition], folder: Path, elapsed_s: float) -> Iterator[tuple[str, str]]:
    saved = (
        Condition.OK,
        Condition.MISSING,
        Condition.CHANGED,
        Condition.BROKEN,
        Condition.UNREADABLE,
    )
    parts = ", ".join(f"{counts[condition]:,} {_WORDS[condition]}" for condition in saved)
    yield "packages", f"{sum(counts[condition] for condition in saved):,}: {parts}"
    if count := counts[Condition.NOT_SAVED]:
        yield "", f"{count:,} not saved yet: the next export downloads them"
    if count := counts[Condition.DAMAGED]:
        yield "journal", f"{counted(count, 'row')} with impossible values"
    if count := counts[Condition.UNKNOWN]:
        yield "files", f"{count:,} unknown: they belong to no package"
    yield "time", duration(elapsed_s)
    yield "folder", str(folder)


class FindingWriter:
    """Writes findings to standard output while its context is open, and a summary at its end."""

    def __init__(self, stream: TextIO, folder: Path, options: RunOptions, bar: Bar | None) -> None:
        """Prepare; nothing is written before the first finding.

        Args:
            stream: Takes lines or objects.
            folder: The absolute path of the export folder.
            options: How much is printed, and in which form.
            bar: Drawn while the context is open; lines wait until it is removed.
        """
        self._stream = stream
        self._folder = folder
        self._options = options
        self._bar = bar
        self._width = terminal_width(stream)
        self._held: list[str] = []
        self._counts: Counter[Condition] = Counter()
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bar, write the lines that waited, and the summary if nothing failed."""
        if self._bar is not None:
            self._bar.stop()
        for line in self._held:
            write_line(self._stream, line)
        if exc is None and not self._options.json and self._options.loudness > Verbosity.ERRORS:
            elapsed_s = time.monotonic() - self._began
            for line in summary(self._counts, self._folder, elapsed_s, self._width):
                write_line(self._stream, line)

    def write(self, finding: Finding) -> None:
        """Count a finding, and write it if its verbosity is enabled.

        Raises:
            BrokenPipeError: The stream has no reader.
            SinkError: The stream cannot be written.
        """
        self._counts[finding.condition] += 1
        if self._bar is not None:
            self._bar.advance(finding)
        if self._options.json:
            row = object_of(finding, self._folder)
            write_line(self._stream, json.dumps(row, ensure_ascii=True))
        elif _LOUDNESS.get(finding.condition, Verbosity.ERRORS) <= self._options.loudness:
            lines = lines_of(finding, self._folder, self._width)
            if self._bar is not None:
                self._held += lines
                return
            for line in lines:
                write_line(self._stream, line)


def finding_writer(
    folder: Path, options: RunOptions, *, only: Collection[str] | None
) -> FindingWriter:
    """Return a writer of findings, with a bar if standard error is a terminal.

    Args:
        folder: The absolute path of the export folder.
        options: How much is printed, and in which form.
        only: The keys of the packages to verify, or None for all.

    Raises:
        SinkError: It is no export folder, or its journal cannot be read.
    """
    console = Console(stderr=True)
    can_draw = sys.stderr.isatty() and not console.is_dumb_terminal
    rows_on_terminal = options.json and sys.stdout.isatty()
    if not can_draw or rows_on_terminal or options.loudness is Verbosity.ERRORS:
        return FindingWriter(sys.stdout, folder, options, None)
    rows = [row for row in read_record(folder).rows if only is None or row.key in only]
    bar = Bar(console, packages=len(rows), size=bytes_to_read(rows))
    return FindingWriter(sys.stdout, folder, options, bar)


class Bar:
    """Draws on standard error how much has been read."""

    def __init__(self, console: Console, *, packages: int, size: int) -> None:
        """Prepare; nothing is drawn before `start`.

        Args:
            console: Where to draw.
            packages: The number of packages.
            size: The bytes to read.
        """
        self._console = console
        self._packages = packages
        self._size = size
        self._verified = 0
        self._meter = Meter()
        self._rows = Rows()
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self) -> None:
        """Start drawing."""
        self._live.start(refresh=True)

    def stop(self) -> None:
        """Remove the bar."""
        self._live.stop()

    def advance(self, finding: Finding) -> None:
        """Count a finding; it is drawn at the next redraw."""
        if finding.download is not None:
            self._verified += 1
            if finding.condition is not Condition.NOT_SAVED:
                self._meter.add(time.monotonic(), finding.bytes or 0)

    def _draw(self) -> RenderableType:
        rate = self._meter.rate(time.monotonic())
        done = self._meter.total
        row = Row(
            name="packages",
            done=done,
            total=self._size,
            amount=f"{self._verified}/{self._packages}  {size(done)}",
            rate=f"{size(rate)}/s",
            left_s=(self._size - done) / rate if rate else None,
            style=ALL,
        )
        self._rows.fit([row])
        return self._rows.draw([row], self._console.width)
