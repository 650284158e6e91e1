"""What `verify` has found: its lines, its objects, its bar, its summary."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress import Task

from ...display.base import Verbosity
from ...display.progress_view import progress
from ...export.verify import bytes_to_read
from ...journal.reader import read_record
from ...sansio.files.verification import Condition, Finding
from ...sansio.redact import printable
from ...sansio.units import duration, size
from ..options.export import RunOptions
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
"""The least loudness that tells a finding; what is wrong is always told."""
_WIDTH = max(map(len, _WORDS.values()))


def line_of(finding: Finding, folder: Path) -> str:
    """Return a finding as a line, safe for a terminal."""
    path = finding.path.relative_to(folder).as_posix()
    text = f"{path}: {finding.reason}" if finding.reason else path
    return printable(f"{_WORDS[finding.condition]:<{_WIDTH}}  {text}")


def object_of(finding: Finding, folder: Path) -> dict[str, Any]:
    """Return a finding as an object of `--json`.

    Args:
        finding: What was found.
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


def summary(counts: Counter[Condition], folder: Path, elapsed_s: float) -> str:
    """Return what was found, as lines with aligned columns, safe for a terminal."""
    return "\n".join(
        f"{label:<9} {printable(text)}" for label, text in _rows(counts, folder, elapsed_s)
    )


def _rows(counts: Counter[Condition], folder: Path, elapsed_s: float) -> Iterator[tuple[str, str]]:
    saved = (
        Condition.OK,
        Condition.MISSING,
        Condition.CHANGED,
        Condition.BROKEN,
        Condition.UNREADABLE,
    )
    told = ", ".join(f"{counts[condition]} {_WORDS[condition]}" for condition in saved)
    yield "packages", f"{sum(counts[condition] for condition in saved)}: {told}"
    if counts[Condition.DAMAGED]:
        yield "journal", f"{counts[Condition.DAMAGED]} damaged: their rows hold what cannot be"
    if counts[Condition.NOT_SAVED]:
        yield "", f"{counts[Condition.NOT_SAVED]} not saved yet: the next export fetches them"
    if counts[Condition.UNKNOWN]:
        yield "files", f"{counts[Condition.UNKNOWN]} unknown: no package has their names"
    yield "time", duration(elapsed_s)
    yield "folder", str(folder)


class FindingWriter:
    """Tells findings on standard output while its context is open, and sums them up at its end."""

    def __init__(self, stream: TextIO, folder: Path, options: RunOptions, bar: Bar | None) -> None:
        """Prepare; nothing is written before the first finding.

        Args:
            stream: Takes lines or objects.
            folder: The absolute path of the export folder.
            options: How much is printed, and how.
            bar: Drawn while the context is open. Lines would tear it, and wait for its end.
        """
        self._stream = stream
        self._folder = folder
        self._options = options
        self._bar = bar
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
        """Take the bar away, write what had to wait, and sum up if all was told."""
        if self._bar is not None:
            self._bar.stop()
        for line in self._held:
            write_line(self._stream, line)
        if exc is None and not self._options.json and self._options.loudness > Verbosity.ERRORS:
            elapsed_s = time.monotonic() - self._began
            write_line(self._stream, summary(self._counts, self._folder, elapsed_s))

    def tell(self, finding: Finding) -> Finding:
        """Take in a finding, write it if it is to be told, and return it.

        Raises:
            BrokenPipeError: Who reads the stream has gone.
            SinkError: The stream takes no more.
        """
        self._counts[finding.condition] += 1
        if self._bar is not None:
            self._bar.advance(finding)
        if self._options.json:
            told = json.dumps(object_of(finding, self._folder), ensure_ascii=True)
            write_line(self._stream, told)
        elif _LOUDNESS.get(finding.condition, Verbosity.ERRORS) <= self._options.loudness:
            line = line_of(finding, self._folder)
            if self._bar is None:
                write_line(self._stream, line)
            else:
                self._held.append(line)
        return finding


def finding_writer(
    folder: Path, options: RunOptions, *, only: Collection[str] | None
) -> FindingWriter:
    """Return what tells findings, with a bar where there is a terminal for it.

    Args:
        folder: The absolute path of the export folder.
        options: How much is printed, and how.
        only: The keys that are looked at, or None for all.

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
    """Draws how much is read, on standard error."""

    def __init__(self, console: Console, *, packages: int, size: int) -> None:
        """Prepare; nothing is drawn before the context is entered.

        Args:
            console: Where to draw.
            packages: How many there are.
            size: How much there is to be read, in bytes.
        """
        self._packages = packages
        self._looked_at = 0
        self._progress = progress(
            console, time.monotonic, amount=self._amount, rate=_rate, bar_style="bar.complete"
        )
        self._task = self._progress.add_task("packages", total=size)
        self._live = Live(
            self._progress,
            console=console,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self) -> None:
        """Begin to draw."""
        self._live.start(refresh=True)

    def stop(self) -> None:
        """Take the bar away."""
        self._live.stop()

    def advance(self, finding: Finding) -> None:
        """Take in a finding; it is drawn at the next redraw."""
        if finding.download is not None:
            self._looked_at += 1
            if finding.condition is not Condition.NOT_SAVED:
                self._progress.advance(self._task, finding.bytes or 0)

    def _amount(self, task: Task) -> str:
        return f"{self._looked_at}/{self._packages}  {size(int(task.completed))}"


def _rate(task: Task) -> str:
    return f"{size(int(task.speed or 0))}/s"
