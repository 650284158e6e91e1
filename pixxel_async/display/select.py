"""Where the progress of a blocking call is drawn.

Rules:
    * AUTO draws in a notebook, and on a standard error that is a terminal which can move its
      cursor. Anywhere else nothing is written: a log file is no place for bars.
    * A terminal has room for the bars of one export: of several at once the first draws.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from ..events import Event
from ..export.summary import Report
from .bars import Bars
from .base import Progress, Verbosity
from .notebook import NotebookBars, in_notebook

_terminal = threading.Lock()


@dataclass(frozen=True, slots=True)
class Shown:
    """What a blocking call tells of its export.

    Attributes:
        show: Takes in an event; the thread of the event loop calls it.
        redraw: Draws, where no thread does so by itself; the caller's thread calls it.
    """

    show: Callable[[Event, Report], None]
    redraw: Callable[[], None]


@contextmanager
def shown(progress: Progress) -> Iterator[Shown]:
    """Draw while the context is open, if and where the choice says so."""
    if progress is not Progress.NONE and in_notebook():
        with NotebookBars(Verbosity.NORMAL) as notebook:
            yield Shown(notebook.show, notebook.redraw)
        return
    console = Console(stderr=True, force_terminal=True if progress is Progress.BARS else None)
    can_draw = progress is Progress.BARS or (
        progress is Progress.AUTO and sys.stderr.isatty() and not console.is_dumb_terminal
    )
    if can_draw and _terminal.acquire(blocking=False):
        try:
            with Bars(console, Verbosity.NORMAL) as bars:
                yield Shown(bars.show, _nothing)
        finally:
            _terminal.release()
    else:
        yield Shown(_nothing, _nothing)


def _nothing(*_: object) -> None:
    """Show nothing."""
