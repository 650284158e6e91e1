"""The display for terminals: progress bars, with messages above them.

Rules:
    * External text is never markup: it is a `Text` without control characters.
    * rich draws on its own thread; a paused terminal (Ctrl-S) blocks the drawing, not the export.
    * The display is never taller than the terminal.
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
from ..sansio.layout import wrapped
from ..sansio.redact import printable
from .base import Verbosity
from .event_text import EventText, event_text
from .progress_view import ProgressView

REDRAWS_PER_SECOND = 10

STYLES = {Verbosity.ERRORS: "red", Verbosity.DETAILS: "dim", Verbosity.DEBUG: "dim"}
"""The levels printed above the bars, with their styles."""


def line_of(event: events.Event, report: Report, loudness: Verbosity) -> EventText | None:
    """Return what stands above the bars about an event; they show saved packages themselves."""
    line = None if isinstance(event, events.Saved) else event_text(event, report)
    return line if line and line.loudness in STYLES and line.loudness <= loudness else None


class Bars:
    """Draws one bar for all packages and one for each transfer."""

    def __init__(
        self, console: Console, loudness: Verbosity, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; drawing starts when the context is entered.

        Args:
            console: Where to draw.
            loudness: The level of messages above the bars.
            clock: A monotonic clock in seconds, for rates and remaining times.
        """
        self._console = console
        self._loudness = loudness
        self._view = ProgressView(console, clock)
        self._live = Live(
            console=console,
            get_renderable=self.draw,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
            # With --json, rows go to a standard output that is not a terminal: leave it alone.
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        """Start drawing."""
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bars; messages stay."""
        self._live.stop()

    def show(self, event: events.Event, report: Report) -> None:
        """Update the bars; they change at the next redraw."""
        self._view.follow(event, report)
        line = line_of(event, report, self._loudness)
        if line is not None:
            # Two lines at once: the thread that draws stays out.
            text = "\n".join(line.lines(self._console.width))
            self._print(Text(text, style=STYLES[line.loudness]))

    def beat(self) -> None:
        """Do nothing: the bars show it."""

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._print(Text("\n".join(wrapped("", printable(text), self._console.width))))

    def draw(self) -> RenderableType:
        """Return the current bars."""
        return self._view.draw()

    def _print(self, line: Text) -> None:
        self._console.print(line, overflow="ignore", crop=False)  # breaks between words
