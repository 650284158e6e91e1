"""The columns that the bar of all packages and the bars of transfers share.

Their widths are fixed, so that both tables line up and nothing jumps while figures change.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

NAME_CHARS = 24
AMOUNT_CHARS = 21
RATE_CHARS = 10
TIME_CHARS = 5


class FigureColumn(ProgressColumn):
    """Shows what a function says of a task, as it is: never as markup."""

    def __init__(self, figure: Callable[[Task], str], *, style: str, column: Column) -> None:
        """Take the function, the style of its text, and where that stands."""
        super().__init__(table_column=column)
        self._figure = figure
        self._style = style

    def render(self, task: Task) -> Text:
        """Return the text; rich calls this in the thread that draws."""
        return Text(self._figure(task), style=self._style, overflow="ellipsis")


def progress(
    console: Console,
    clock: Callable[[], float],
    *,
    amount: Callable[[Task], str],
    rate: Callable[[Task], str],
    bar_style: str,
) -> Progress:
    """Return a progress whose rows are name, bar, amount, rate and time left.

    Args:
        console: Where it is drawn.
        clock: Seconds, for the time left.
        amount: Says how much is done.
        rate: Says how fast it goes.
        bar_style: The style of the part that is done.
    """
    return Progress(
        FigureColumn(
            lambda task: task.description,
            style="none",
            column=Column(width=NAME_CHARS, no_wrap=True),
        ),
        BarColumn(
            bar_width=None,
            complete_style=bar_style,
            finished_style=bar_style,
            table_column=Column(ratio=1),
        ),
        FigureColumn(amount, style="progress.download", column=_right(AMOUNT_CHARS)),
        FigureColumn(rate, style="progress.data.speed", column=_right(RATE_CHARS)),
        TimeRemainingColumn(compact=True, table_column=_right(TIME_CHARS)),
        console=console,
        get_time=clock,
        auto_refresh=False,
        expand=True,
    )


def _right(chars: int) -> Column:
    return Column(width=chars, no_wrap=True, justify="right")
