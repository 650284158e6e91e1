"""The bars of the transfers that are running."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console, RenderableType
from rich.progress import Task, TaskID
from rich.text import Text

from .. import events
from ..sansio.redact import printable
from ..sansio.units import size
from .columns import NAME_CHARS, progress
from .event_text import short
from .throughput_meter import ThroughputMeter


class Transfers:
    """Follows transfers from their start to their end."""

    def __init__(
        self, console: Console, clock: Callable[[], float], meter: ThroughputMeter
    ) -> None:
        """Begin with none.

        Args:
            console: Where they are drawn.
            clock: Seconds, for rates and the time left.
            meter: Counts the bytes of all of them.
        """
        self._progress = progress(
            console, clock, amount=_amount, rate=_rate, bar_style="progress.remaining"
        )
        self._clock = clock
        self._meter = meter
        self._tasks: dict[str, TaskID] = {}
        self._sizes: dict[str, int] = {}

    def follow(self, event: events.Event) -> None:
        """Take in what has happened; events that concern no transfer change nothing."""
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
                # A poll after the start of a transfer: the package has to be waited for again.
                self._end(key)

    def draw(self, room: int) -> Iterator[RenderableType]:
        """Return the bars, at most as many as there is room for, and how many more there are."""
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
    whole = "?" if task.total is None else size(int(task.total))
    return f"{size(int(task.completed))} / {whole}"


def _rate(task: Task) -> str:
    return "" if task.speed is None else f"{size(int(task.speed))}/s"
