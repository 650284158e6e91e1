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


class FieldColumn(ProgressColumn):
    """Shows one field of a task as it is, never as markup."""

    def __init__(self, field: str, *, style: str, column: Column) -> None:
        """Take the field's name, its style, and where it stands."""
        super().__init__(table_column=column)
        self._field = field
        self._style = style

    def render(self, task: Task) -> Text:
        """Return the field's text."""
        return Text(task.fields[self._field], style=self._style, overflow="ellipsis")


def progress(console: Console, clock: Callable[[], float], *, bar_style: str) -> Progress:
    """Return a progress whose tasks have the fields `name`, `amount` and `rate`.

    Args:
        console: Where it is drawn.
        clock: Seconds, for the time left.
        bar_style: The style of what is done.
    """
    return Progress(
        FieldColumn("name", style="default", column=Column(width=NAME_CHARS, no_wrap=True)),
        BarColumn(
            bar_width=None,
            complete_style=bar_style,
            finished_style=bar_style,
            table_column=Column(ratio=1),
        ),
        FieldColumn(
            "amount",
            style="progress.download",
            column=Column(width=AMOUNT_CHARS, no_wrap=True, justify="right"),
        ),
        FieldColumn(
            "rate",
            style="progress.data.speed",
            column=Column(width=RATE_CHARS, no_wrap=True, justify="right"),
        ),
        TimeRemainingColumn(compact=True, table_column=Column(width=5, no_wrap=True)),
        console=console,
        get_time=clock,
        auto_refresh=False,
        expand=True,
    )
