"""What the displays know of a running export: its transfers, its throughput, its time left.

One thread may follow events while another reads.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace

from .. import events
from ..export.summary import Report
from ..sansio.package_state import State
from ..sansio.polling.time_left import Estimate
from ..sansio.units import counted, rough, size

THROUGHPUT_S = 4.0
"""The window over which bytes per second are measured."""
STEPS = 40
"""Counts within this part of a window are merged."""


class Meter:
    """Measures a rate over the last seconds."""

    def __init__(self, window_s: float = THROUGHPUT_S) -> None:
        """Start at zero."""
        self.total = 0
        self._window_s = window_s
        self._step_s = window_s / STEPS
        self._counts: deque[tuple[float, int]] = deque()
        self._began: float | None = None

    def add(self, now: float, count: int) -> None:
        """Add a count by `now`, in seconds of a monotonic clock; the first one starts the clock."""
        self.total += count
        if self._began is None:
            self._began = now
        if self._counts and now - self._counts[-1][0] < self._step_s:
            at, before = self._counts.pop()
            self._counts.append((at, before + count))
        else:
            self._counts.append((now, count))

    def rate(self, now: float) -> float:
        """Return the count per second over the window that ends at `now`."""
        while self._counts and self._counts[0][0] <= now - self._window_s:
            self._counts.popleft()
        if self._began is None:
            return 0.0
        measured_s = max(min(now - self._began, self._window_s), self._step_s)
        return sum(count for _, count in self._counts) / measured_s


def left_text(left: Estimate) -> str:
    """Return an estimate such as "about 3 min left (at most 5 min)"."""
    median, most = rough(left.median_s), rough(left.p90_s)
    return f"about {median} left" + ("" if most == median else f" (at most {most})")


@dataclass(slots=True)
class Transfer:
    """A running transfer.

    Attributes:
        name: The final name, relative to the export folder.
        bytes: Bytes of the file so far.
        total: The size of the file in bytes, or None while it is unknown.
        bytes_per_s: The throughput.
    """

    name: str
    bytes: int
    total: int | None = None
    bytes_per_s: float = 0.0
    meter: Meter = field(default_factory=Meter, repr=False)

    @property
    def left_s(self) -> float | None:
        """The estimated time until its end, in seconds, or None."""
        if self.total is None or not self.bytes_per_s:
            return None
        return (self.total - self.bytes) / self.bytes_per_s


class ProgressState:
    """Follows the events of an export."""

    def __init__(self) -> None:
        """Start empty."""
        self.report = Report()
        self._lock = threading.Lock()
        self._meter = Meter()
        self._estimate: tuple[events.TimeLeft, float] | None = None
        self._transfers: dict[str, Transfer] = {}

    def follow(self, event: events.Event, report: Report, now: float) -> None:
        """Count an event, at a time in seconds of a monotonic clock."""
        with self._lock:
            self.report = report
            match event:
                case events.Started():
                    self._meter.add(now, 0)
                case events.TimeLeft():
                    self._estimate = event, now
                case events.FetchStarted(key=key, name=name, offset=offset):
                    self._transfers[key] = Transfer(name, offset)
                    self._transfers[key].meter.add(now, 0)
                case events.FetchProgress(key=key, bytes=written, total=total):
                    self._grow(key, written, total, now)
                case events.FetchInterrupted(key=key, offset=offset) if key in self._transfers:
                    self._transfers[key].bytes = offset
                case events.Saved(key=key, saved=saved):
                    self._grow(key, saved.bytes, saved.bytes, now)
                    self._transfers.pop(key, None)
                case events.Failed(key=key) | events.Polled(key=key):
                    # Polled during a transfer: the package is pending again.
                    self._transfers.pop(key, None)

    def transfers(self, now: float) -> list[Transfer]:
        """Return the running transfers."""
        with self._lock:
            return [
                replace(one, bytes_per_s=one.meter.rate(now)) for one in self._transfers.values()
            ]

    def received(self, now: float) -> tuple[int, float]:
        """Return the bytes that arrived, and how many per second arrive now."""
        with self._lock:
            return self._meter.total, self._meter.rate(now)

    def left(self, now: float) -> Estimate | None:
        """Return the estimated time until every package is settled; None while it is unknown."""
        with self._lock:
            if self._estimate is None or self.report.time_left is None:
                return None
            estimate, made_at = self._estimate
        return Estimate(median_s=estimate.median_s, p90_s=estimate.p90_s).after(now - made_at)

    def counts(self) -> dict[str, int]:
        """Return the numbers of packages that are not settled, by what they wait for."""
        states = self.report.states
        started = sum(states[state] for state in State if state is not State.QUEUED)
        return {
            "not requested": (self.report.total or started) - started,
            "packaging": states[State.REQUESTED],
            "waiting for a slot": states[State.READY],
        }

    def _grow(self, key: str, written: int, total: int | None, now: float) -> None:
        transfer = self._transfers.get(key)
        if transfer is None:
            return
        grown = max(written - transfer.bytes, 0)
        self._meter.add(now, grown)
        transfer.meter.add(now, grown)
        transfer.bytes, transfer.total = written, total


def heartbeat(state: ProgressState, now: float) -> str:
    """Return the line that says how far an export is, at a time of a monotonic clock."""
    report = state.report
    total = "?" if report.total is None else f"{report.total:,}"
    waiting = sum(state.counts().values())
    transferring = len(state.transfers(now))
    _, rate = state.received(now)
    done = len(report.saved) + len(report.skipped)
    parts = [
        f"{done:,} of {total} packages done, {len(report.failures):,} failed, {waiting:,} waiting",
        f"{counted(transferring, 'transfer')} at {size(rate)}/s",
    ]
    if report.running:
        running = counted(len(report.running), "job or insight", "jobs and insights")
        parts.insert(0, f"{running} running")
    left = state.left(now)
    if left is not None and report.settled != report.total:
        parts.append(left_text(left))
    return "; ".join(parts)
