"""Chooses where a blocking call draws its progress.

Rules:
    * AUTO draws in a notebook, and on standard error if it is a terminal that can move its cursor.
      Nothing is written elsewhere: bars do not belong in log files.
    * A terminal shows the bars of one export; of several at once, the first draws.
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
    """The callbacks of a display.

    Attributes:
        show: Shows an event; called on the event loop's thread.
        redraw: Draws if no other thread does; called on the caller's thread.
    """

    show: Callable[[Event, Report], None]
    redraw: Callable[[], None]


@contextmanager
def shown(progress: Progress) -> Iterator[Shown]:
    """Draw progress while the context is open, where `progress` allows."""
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
    pass
