"""What the bars show, without a word of where: a terminal and a notebook draw the same.

One thread may take in events while another draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.progress import Task
from rich.text import Text

from .. import events
from ..export.summary import Report
from ..sansio.package_state import State
from ..sansio.units import size
from .columns import progress
from .throughput_meter import ThroughputMeter
from .transfers import Transfers

OTHER_LINES = 6
"""Lines of the console that are kept free of transfers."""


class ProgressView:
    """One bar for all packages, a line of counts, and a bar for each transfer."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing known.

        Args:
            console: Where it is drawn; its height bounds how many transfers are shown.
            clock: Seconds, for rates and the time left.
        """
        self._console = console
        self._clock = clock
        self._meter = ThroughputMeter()
        self._report = Report()
        self._overall = progress(
            console, clock, amount=self._amount, rate=self._rate, bar_style="bar.complete"
        )
        self._packages = self._overall.add_task("packages", total=None)
        self._transfers = Transfers(console, clock, self._meter)

    def follow(self, event: events.Event, report: Report) -> None:
        """Take in what has happened."""
        self._report = report
        self._transfers.follow(event)
        if isinstance(event, events.Started):
            self._overall.update(self._packages, total=event.total)
        elif isinstance(event, events.Settled):
            self._overall.advance(self._packages)

    def draw(self) -> RenderableType:
        """Return what is drawn now."""
        room = max(self._console.size.height - OTHER_LINES, 1)
        return Group(self._overall, _counts(self._report), *self._transfers.draw(room))

    def _amount(self, packages: Task) -> str:
        total = "?" if packages.total is None else f"{packages.total:.0f}"
        return f"{packages.completed:.0f}/{total}  {size(self._meter.total)}"

    def _rate(self, _: Task) -> str:
        return f"{size(int(self._meter.rate(self._clock())))}/s"


def _counts(report: Report) -> Text:
    """Return where the packages are that are not on their way over the wire."""
    states = report.states
    begun = sum(states[state] for state in State if state is not State.QUEUED)
    figures = {
        "not asked for": (report.total or begun) - begun,
        "packaging": states[State.REQUESTED],
        "waiting for a slot": states[State.READY],
        "failed": len(report.failed),
        "retried": report.retries + report.recreated + report.interrupted,
    }
    text = ", ".join(f"{count} {label}" for label, count in figures.items())
    return Text(text + "\n", style="dim", overflow="ellipsis", no_wrap=True)
