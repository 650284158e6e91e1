"""The display for notebooks: the bars as one output of the cell, drawn anew in place.

Rules:
    * It is an IPython display with an id, which every front end of Jupyter can update, and which
      stays readable in the saved notebook; widgets are neither needed nor used.
    * Only `redraw` writes, and the caller's thread calls it: what other threads show may land
      below another cell.
    * Texts are escaped for HTML; nothing from outside is markup.
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
from .bars import STYLES
from .base import Verbosity
from .event_text import told
from .progress_view import ProgressView

WIDTH_CHARS = 100
HEIGHT_LINES = 22
SHOWN_MESSAGES = 20
"""Older messages make room for newer ones; failures are in the report too."""

HTML = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:normal;font-family:monospace">'
    "{code}</pre>"
)


def in_notebook() -> bool:
    """Tell whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")  # whoever runs a notebook has imported it
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class NotebookBars:
    """Draws the bars below the cell that runs."""

    def __init__(self, loudness: Verbosity) -> None:
        """Prepare; nothing is drawn before the context is entered."""
        self._loudness = loudness
        self._picture = ProgressView(_console())
        self._messages: deque[Text] = deque(maxlen=SHOWN_MESSAGES)
        self._drawn: dict[str, str] = {}
        self._output: Any = None

    def __enter__(self) -> Self:
        """Begin to draw."""
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
        """Draw how it has ended; that stays in the notebook."""
        self.redraw()

    def show(self, event: events.Event, report: Report) -> None:
        """Take in what has happened; it is drawn at the next redraw."""
        self._picture.follow(event, report)
        line = told(event, report)
        if line is not None and line.loudness in STYLES and line.loudness <= self._loudness:
            self._messages.append(Text(str(line), style=STYLES[line.loudness]))

    def say(self, text: str) -> None:
        """Show a line of somebody else above the bars."""
        self._messages.append(Text(printable(text)))

    def redraw(self) -> None:
        """Draw what has changed; call it in the thread that runs the cell."""
        mime = self._mime()
        if mime != self._drawn:
            self._drawn = mime
            self._output.update(mime, raw=True)

    def _mime(self) -> dict[str, str]:
        console = _console()
        console.print(*self._messages.copy(), self._picture.draw(), sep="\n")
        html = console.export_html(code_format=HTML, inline_styles=True, clear=False)
        return {"text/html": html, "text/plain": console.export_text()}


def _console() -> Console:
    """Return a console that only keeps what is drawn."""
    return Console(
        file=io.StringIO(),
        record=True,
        width=WIDTH_CHARS,
        height=HEIGHT_LINES,
        force_terminal=True,
        force_jupyter=False,
        color_system="truecolor",
    )
