"""The bars that terminals and notebooks share.

Rules:
    * Amounts, rates and times are never cut. A narrow terminal shortens the names in the middle,
      then the bars; the narrowest ones have neither bars nor rates.
    * A column never gets narrower while an export runs, so that nothing jumps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .. import events
from ..export.summary import Report
from ..sansio.layout import short
from ..sansio.units import size, time_left
from .progress_state import ProgressState, Transfer, left_text

NAME_CHARS = 24
LEAST_NAME_CHARS = 8
BAR_CHARS = 8
LEAST_BAR_CHARS = 4

OTHER_LINES = 7
"""Console lines reserved for everything but transfers."""

ALL = "bar.complete"
ONE = "progress.remaining"


@dataclass(frozen=True, slots=True)
class Row:
    """A bar with its figures.

    Attributes:
        name: What it is about.
        done: How much is done, in the unit of `total`.
        total: How much there is; None if that is unknown.
        amount: The same as text.
        rate: The rate as text.
        left_s: The estimated time left in seconds, or None.
        style: The style of the bar.
    """

    name: str
    done: float
    total: float | None
    amount: str
    rate: str
    left_s: float | None
    style: str

    @property
    def left(self) -> str:
        """The time left as text."""
        return "-:--" if self.left_s is None else time_left(self.left_s)


class Rows:
    """Draws rows whose columns stay in line."""

    def __init__(self) -> None:
        """Start with narrow columns."""
        self._amount, self._rate, self._left = 13, 9, 5

    def fit(self, rows: Sequence[Row]) -> None:
        """Widen the columns to what rows need; all that are drawn together."""
        for row in rows:
            self._amount = max(self._amount, len(row.amount))
            self._rate = max(self._rate, len(row.rate))
            self._left = max(self._left, len(row.left))

    def draw(self, rows: Sequence[Row], width: int) -> Table:
        """Return fitted rows as lines of at most `width` characters."""
        room = width - self._amount - self._left - 2
        has_rate = room - self._rate - 1 >= LEAST_NAME_CHARS
        if has_rate:
            room -= self._rate + 1
        name = min(NAME_CHARS, max(LEAST_NAME_CHARS, room - 1 - BAR_CHARS))
        bar = room - 1 - name
        has_bar = bar >= LEAST_BAR_CHARS
        grid = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
        grid.add_column(width=name if has_bar else max(room, 1), no_wrap=True)
        if has_bar:
            grid.add_column(width=bar)
        for chars in (self._amount, *([self._rate] if has_rate else []), self._left):
            grid.add_column(width=chars, no_wrap=True, justify="right")
        for row in rows:
            cells: list[RenderableType] = [Text(short(row.name, name if has_bar else max(room, 1)))]
            if has_bar:
                cells.append(_bar(row, bar))
            cells.append(Text(row.amount, style="progress.download"))
            if has_rate:
                cells.append(Text(row.rate, style="progress.data.speed"))
            grid.add_row(*cells, Text(row.left, style="progress.remaining"))
        return grid


def _bar(row: Row, width: int) -> ProgressBar:
    return ProgressBar(
        total=row.total,
        completed=row.done,
        width=width,
        complete_style=row.style,
        finished_style=row.style,
    )


class ProgressView:
    """One bar for all packages, lines of counts, and a bar for each transfer."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty.

        Args:
            console: Where to draw; its height limits the number of transfers shown.
            clock: A monotonic clock in seconds, for rates and remaining times.
        """
        self._console = console
        self._clock = clock
        self._state = ProgressState()
        self._rows = Rows()

    def follow(self, event: events.Event, report: Report) -> None:
        """Update the bars."""
        self._state.follow(event, report, self._clock())

    def draw(self) -> RenderableType:
        """Return the current bars."""
        now, (width, height) = self._clock(), self._console.size
        room = max(height - OTHER_LINES, 1)
        transfers = self._state.transfers(now)
        overall, rows = [self._overall(now)], [_row(one) for one in transfers[:room]]
        self._rows.fit([*overall, *rows])
        parts: list[RenderableType] = [
            self._rows.draw(overall, width),
            Text("\n".join(self._counts(now, width)) + "\n", style="dim"),
            self._rows.draw(rows, width),
        ]
        if more := len(transfers[room:]):
            parts.append(Text(f"and {more} more", style="dim"))
        return Group(*parts)

    def _overall(self, now: float) -> Row:
        report = self._state.report
        received, rate = self._state.received(now)
        left = self._state.left(now)
        total = "?" if report.total is None else str(report.total)
        return Row(
            name="packages",
            done=report.settled,
            total=report.total,
            amount=f"{report.settled}/{total}  {size(received)}",
            rate=f"{size(rate)}/s",
            left_s=None if left is None else left.median_s,
            style=ALL,
        )

    def _counts(self, now: float, width: int) -> Iterator[str]:
        """Yield lines of counts; a line breaks between two of them."""
        report = self._state.report
        figures = {
            **self._state.counts(),
            "failed": len(report.failed),
            "retried": report.retries + report.recreated + report.interrupted,
        }
        parts = [f"{count} {label}" for label, count in figures.items()]
        if (left := self._state.left(now)) is not None:
            parts.insert(0, left_text(left))
        line = ""
        for figure in parts:
            if line and len(f"{line}, {figure}") > width - 1:
                yield f"{line},"
                line = figure
            else:
                line = f"{line}, {figure}" if line else figure
        yield line


def _row(transfer: Transfer) -> Row:
    total = "?" if transfer.total is None else size(transfer.total)
    return Row(
        name=transfer.name.removesuffix(".zip"),
        done=transfer.bytes,
        total=transfer.total,
        amount=f"{size(transfer.bytes)} / {total}",
        rate=f"{size(transfer.bytes_per_s)}/s",
        left_s=transfer.left_s,
        style=ONE,
    )
