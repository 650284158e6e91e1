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

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from .. import events
from ..export.summary import Report
from ..sansio.redact import printable
from .base import Verbosity
from .event_text import told
from .progress_view import ProgressView

REDRAWS_PER_SECOND = 10

STYLES = {Verbosity.ERRORS: "red", Verbosity.DETAILS: "dim"}
"""What is told above the bars, and how; that a package is saved is seen from the bars."""


class Bars:
    """Draws one bar for all packages and one for each transfer."""

    def __init__(
        self, console: Console, loudness: Verbosity, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; nothing is drawn before the context is entered.

        Args:
            console: Where to draw.
            loudness: How much is told above the bars.
            clock: Seconds, for rates and the time left.
        """
        self._console = console
        self._loudness = loudness
        self._picture = ProgressView(console, clock)
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
        self._picture.follow(event, report)
        line = told(event, report)
        if line is not None and line.loudness in STYLES and line.loudness <= self._loudness:
            self._print(Text(str(line), style=STYLES[line.loudness]))

    def say(self, text: str) -> None:
        """Write a line of somebody else above the bars."""
        self._print(Text(printable(text)))

    def draw(self) -> RenderableType:
        """Return what is drawn now."""
        return self._picture.draw()

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
