"""The display for notebooks: the bars are one cell output that is updated in place.

Rules:
    * It is an IPython display with an id. Every Jupyter front end can update it, the saved
      notebook stays readable, and it needs no widgets.
    * Only `redraw` writes, on the caller's thread: output of other threads may appear below
      another cell.
    * Text is escaped for HTML; external text is never markup.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections import deque
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.text import Text

from .. import events
from ..export.summary import Report
from ..sansio.redact import printable
from .bars import STYLES, line_of
from .base import Verbosity
from .progress_view import ProgressView

WIDTH_CHARS = 100
HEIGHT_LINES = 22
SHOWN_MESSAGES = 20
"""Older messages are dropped; the report lists all failures."""

HTML = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:normal;font-family:monospace">'
    "{code}</pre>"
)


def in_notebook() -> bool:
    """Return whether this process is a notebook kernel."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class NotebookBars:
    """Draws the bars below the cell that runs."""

    def __init__(self, loudness: Verbosity) -> None:
        """Prepare; drawing starts when the context is entered."""
        self._loudness = loudness
        self._view = ProgressView(_console())
        self._messages: deque[Text] = deque(maxlen=SHOWN_MESSAGES)
        self._drawn: dict[str, str] = {}
        self._output: Any = None

    def __enter__(self) -> Self:
        """Start drawing."""
        self._drawn = self._mime()
        display = importlib.import_module("IPython.display").display
        self._output = display(self._drawn, raw=True, display_id=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw the final state, which stays in the notebook."""
        self.redraw()

    def show(self, event: events.Event, report: Report) -> None:
        """Update the bars; they change at the next redraw."""
        self._view.follow(event, report)
        line = line_of(event, report, self._loudness)
        if line is not None:
            self._messages.append(Text(str(line), style=STYLES[line.loudness]))

    def beat(self) -> None:
        """Do nothing: the bars show it."""

    def say(self, text: str) -> None:
        """Show a line above the bars."""
        self._messages.append(Text(printable(text)))

    def redraw(self) -> None:
        """Update the output if it has changed; call it on the thread that runs the cell."""
        mime = self._mime()
        if mime != self._drawn:
            self._drawn = mime
            self._output.update(mime, raw=True)

    def _mime(self) -> dict[str, str]:
        console = _console()
        console.print(*self._messages.copy(), self._view.draw(), sep="\n")
        html = console.export_html(code_format=HTML, inline_styles=True, clear=False)
        return {"text/html": html, "text/plain": console.export_text()}


def _console() -> Console:
    """Return a console that only records its output."""
    return Console(
        file=io.StringIO(),
        record=True,
        width=WIDTH_CHARS,
        height=HEIGHT_LINES,
        force_terminal=True,
        force_jupyter=False,
        color_system="truecolor",
    )
