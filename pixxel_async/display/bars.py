"""The display for terminals: bars that move, and messages above them.

Rules:
    * Nothing from outside is markup: texts are `Text`, and safe for a terminal.
    * A thread of rich draws; a terminal that is held (Ctrl-S) holds the drawing, not the export.
    * There are never more lines than the terminal has.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.live import Live
from rich.progress import Task
from rich.text import Text

from .. import events
from ..engine.report import Report
from ..sansio.lifecycle import State
from ..sansio.redact import printable
from .base import Loudness
from .columns import progress
from .meter import Meter
from .transfers import Transfers
from .wording import told

REDRAWS_PER_SECOND = 10
OTHER_LINES = 6
"""Lines of the terminal that are kept free of transfers."""

_STYLES = {Loudness.ERRORS: "red", Loudness.DETAILS: "dim"}
"""What is told above the bars, and how; that a package is saved is seen from the bars."""


class Bars:
    """Draws one bar for all packages and one for each transfer."""

    def __init__(
        self, console: Console, loudness: Loudness, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; nothing is drawn before the context is entered.

        Args:
            console: Where to draw.
            loudness: How much is told above the bars.
            clock: Seconds, for rates and the time left.
        """
        self._console = console
        self._loudness = loudness
        self._clock = clock
        self._meter = Meter()
        self._report = Report()
        self._overall = progress(
            console, clock, amount=self._amount, rate=self._rate, bar_style="bar.complete"
        )
        self._packages = self._overall.add_task("packages", total=None)
        self._transfers = Transfers(console, clock, self._meter)
        self._live = Live(
            console=console,
            get_renderable=self.draw,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
            # The rows of --json go to a standard output that is no terminal: leave it alone.
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bars away; messages stay."""
        self._live.stop()

    def show(self, event: events.Event, report: Report) -> None:
        """Take in what has happened; it is drawn at the next redraw."""
        self._report = report
        self._transfers.follow(event)
        if isinstance(event, events.Started):
            self._overall.update(self._packages, total=event.total)
        elif isinstance(event, events.Settled):
            self._overall.advance(self._packages)
        line = told(event, report)
        if line is not None and line.loudness in _STYLES and line.loudness <= self._loudness:
            self._print(Text(str(line), style=_STYLES[line.loudness]))

    def say(self, text: str) -> None:
        """Write a line of somebody else above the bars."""
        self._print(Text(printable(text)))

    def draw(self) -> RenderableType:
        """Return what is drawn now."""
        room = max(self._console.size.height - OTHER_LINES, 1)
        return Group(self._overall, _counts(self._report), *self._transfers.draw(room))

    def _amount(self, packages: Task) -> str:
        total = "?" if packages.total is None else f"{packages.total:.0f}"
        return f"{packages.completed:.0f}/{total}  {decimal(self._meter.total)}"

    def _rate(self, _: Task) -> str:
        return f"{decimal(int(self._meter.rate(self._clock())))}/s"

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)


def _counts(report: Report) -> Text:
    """Return where the packages are that are not on their way over the wire."""
    states = report.states
    begun = sum(states[state] for state in State if state is not State.QUEUED)
    figures = {
        "not asked for": (report.total or begun) - begun,
        "packaging": states[State.REQUESTED],
        "waiting for a slot": states[State.READY],
        "failed": len(report.failed),
        "retried": report.retries + report.recreated + report.interrupted,
    }
    text = ", ".join(f"{count} {label}" for label, count in figures.items())
    return Text(text + "\n", style="dim", overflow="ellipsis", no_wrap=True)
