"""The bars that terminals and notebooks share.

One thread may add events while another draws. All rows have the same fixed column widths, so that
they line up and nothing jumps while numbers change.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from .. import events
from ..export.summary import Report
from ..sansio.package_state import State
from ..sansio.redact import printable
from ..sansio.units import rough, size
from .event_text import short, time_left_text

NAME_CHARS = 24
AMOUNT_CHARS = 21
RATE_CHARS = 10
TIME_CHARS = 6

WINDOW_S = 4.0
STEP_S = 0.1
"""Counts within this interval are merged."""

OTHER_LINES = 6
"""Console lines reserved for everything but transfers."""


class FigureColumn(ProgressColumn):
    """A column with the text that a function returns for a task, never read as markup."""

    def __init__(self, figure: Callable[[Task], str], *, style: str, column: Column) -> None:
        """Show the text of `figure` in this style and column."""
        super().__init__(table_column=column)
        self._figure = figure
        self._style = style

    def render(self, task: Task) -> Text:
        """Return the text; rich calls this on the drawing thread."""
        return Text(self._figure(task), style=self._style, overflow="ellipsis")


def progress(  # noqa: PLR0913 - a column is a parameter
    console: Console,
    clock: Callable[[], float],
    *,
    amount: Callable[[Task], str],
    rate: Callable[[Task], str],
    bar_style: str,
    remaining: ProgressColumn | None = None,
) -> Progress:
    """Return a progress display with name, bar, amount, rate and remaining time.

    Args:
        console: Where to draw.
        clock: A monotonic clock in seconds, for the remaining time.
        amount: Returns the completed amount as text.
        rate: Returns the current rate as text.
        bar_style: The style of the completed part of the bar.
        remaining: The column of the remaining time; by default, the rate so far is taken to last.
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
        remaining or TimeRemainingColumn(compact=True, table_column=_right(TIME_CHARS)),
        console=console,
        get_time=clock,
        auto_refresh=False,
        expand=True,
    )


def _right(chars: int) -> Column:
    return Column(width=chars, no_wrap=True, justify="right")


class ThroughputMeter:
    """Measures throughput over the last few seconds; one thread may add while another reads."""

    def __init__(self) -> None:
        """Start at zero."""
        self.total = 0
        self._lock = threading.Lock()
        self._counts: deque[tuple[float, int]] = deque()
        self._began: float | None = None

    def add(self, now: float, count: int) -> None:
        """Add bytes received by `now`, in seconds of a monotonic clock."""
        with self._lock:
            self.total += count
            if self._began is None:
                self._began = now
            if self._counts and now - self._counts[-1][0] < STEP_S:
                at, before = self._counts.pop()
                self._counts.append((at, before + count))
            else:
                self._counts.append((now, count))

    def rate(self, now: float) -> float:
        """Return the bytes per second over the window that ends at `now`."""
        with self._lock:
            while self._counts and self._counts[0][0] <= now - WINDOW_S:
                self._counts.popleft()
            if self._began is None:
                return 0.0
            window_s = max(min(now - self._began, WINDOW_S), STEP_S)
            return sum(count for _, count in self._counts) / window_s


class Transfers:
    """The bars of the running transfers."""

    def __init__(
        self, console: Console, clock: Callable[[], float], meter: ThroughputMeter
    ) -> None:
        """Start without transfers; `meter` counts the bytes of all of them."""
        self._progress = progress(
            console, clock, amount=_amount, rate=_rate, bar_style="progress.remaining"
        )
        self._clock = clock
        self._meter = meter
        self._tasks: dict[str, TaskID] = {}
        self._sizes: dict[str, int] = {}

    def follow(self, event: events.Event) -> None:
        """Update the bars; events that do not concern transfers are ignored."""
        match event:
            case events.FetchStarted(key=key, name=name, offset=offset):
                self._end(key)
                self._sizes[key] = offset
                self._tasks[key] = self._progress.add_task(
                    short(printable(name), NAME_CHARS), total=None, completed=offset
                )
            case events.FetchProgress(key=key, bytes=size, total=total):
                self._grow(key, size, total)
            case events.FetchInterrupted(key=key, offset=offset):
                if key in self._sizes:
                    self._sizes[key] = offset
                    self._progress.update(self._tasks[key], completed=offset)
            case events.Saved(key=key, saved=saved):
                self._grow(key, saved.bytes, saved.bytes)
                self._end(key)
            case events.Failed(key=key) | events.Polled(key=key):
                # Polled during a transfer: the package is pending again.
                self._end(key)

    def draw(self, room: int) -> Iterator[RenderableType]:
        """Yield at most `room` bars, and the number of the others."""
        tasks = self._progress.tasks
        yield self._progress.make_tasks_table(tasks[:room])
        if more := len(tasks[room:]):
            yield Text(f"and {more} more", style="dim")

    def _grow(self, key: str, size: int, total: int | None) -> None:
        if key not in self._sizes:
            return
        self._meter.add(self._clock(), max(size - self._sizes[key], 0))
        self._sizes[key] = size
        self._progress.update(self._tasks[key], completed=size, total=total)

    def _end(self, key: str) -> None:
        self._sizes.pop(key, None)
        task = self._tasks.pop(key, None)
        if task is not None:
            self._progress.remove_task(task)


def _amount(task: Task) -> str:
    total = "?" if task.total is None else size(int(task.total))
    return f"{size(int(task.completed))} / {total}"


def _rate(task: Task) -> str:
    return "" if task.speed is None else f"{size(int(task.speed))}/s"


class ProgressView:
    """One bar for all packages, a line of counts, and a bar for each transfer."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty.

        Args:
            console: Where to draw; its height limits the number of transfers shown.
            clock: A monotonic clock in seconds, for rates and remaining times.
        """
        self._console = console
        self._clock = clock
        self._meter = ThroughputMeter()
        self._report = Report()
        self._overall = progress(
            console,
            clock,
            amount=self._amount,
            rate=self._rate,
            remaining=FigureColumn(
                self._remaining, style="progress.remaining", column=_right(TIME_CHARS)
            ),
            bar_style="bar.complete",
        )
        self._packages = self._overall.add_task("packages", total=None)
        self._transfers = Transfers(console, clock, self._meter)

    def follow(self, event: events.Event, report: Report) -> None:
        """Update the bars."""
        self._report = report
        self._transfers.follow(event)
        if isinstance(event, events.Started):
            self._overall.update(self._packages, total=event.total)
        elif isinstance(event, events.Settled):
            self._overall.advance(self._packages)

    def draw(self) -> RenderableType:
        """Return the current bars."""
        room = max(self._console.size.height - OTHER_LINES, 1)
        return Group(self._overall, _counts(self._report), *self._transfers.draw(room))

    def _amount(self, packages: Task) -> str:
        total = "?" if packages.total is None else f"{packages.total:.0f}"
        return f"{packages.completed:.0f}/{total}  {size(self._meter.total)}"

    def _remaining(self, _: Task) -> str:
        left = self._report.time_left
        if left is None:
            return ""
        return rough(max(0.0, left.at_s + left.median_s - self._report.elapsed_s))

    def _rate(self, _: Task) -> str:
        return f"{size(int(self._meter.rate(self._clock())))}/s"


def _counts(report: Report) -> Text:
    """Return the counts of packages that are not being transferred."""
    states = report.states
    started = sum(states[state] for state in State if state is not State.QUEUED)
    figures = {
        "not requested": (report.total or started) - started,
        "packaging": states[State.REQUESTED],
        "waiting for a slot": states[State.READY],
        "failed": len(report.failed),
        "retried": report.retries + report.recreated + report.interrupted,
    }
    parts = [f"{count} {label}" for label, count in figures.items()]
    if (left := time_left_text(report)) is not None:
        parts.insert(0, left)
    text = ", ".join(parts)
    return Text(text + "\n", style="dim", overflow="ellipsis", no_wrap=True)
