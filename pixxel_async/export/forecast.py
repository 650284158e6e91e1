"""Estimates the time left of an export, and reports it as an event."""

from __future__ import annotations

import anyio

from .. import events
from ..config import Limits
from ..sansio.package_state import State
from ..sansio.polling.time_left import Estimate, Link, Wait, creations, time_left
from ..transfer.work_item import WorkItem
from .event_bus import EventBus
from .poll_stage import PollStage

INTERVAL_S = 2.0
SPREAD = 0.15
"""The uncertainty of the coming throughput, as a share of it."""


class Forecast:
    """Combines what polls and transfers say."""

    def __init__(
        self, event_bus: EventBus, poll_stage: PollStage[WorkItem], limits: Limits
    ) -> None:
        """Take the dependencies; creations are sent at the rate of `limits`."""
        self._event_bus = event_bus
        self._poll_stage = poll_stage
        self._requests_per_second = limits.requests_per_second

    async def run(self) -> None:
        """Report estimates until cancelled."""
        while True:
            await anyio.sleep(INTERVAL_S)
            if (estimate := self.estimate()) is None:
                self._event_bus.report.time_left = None
                continue
            event = events.TimeLeft(
                at_s=self._event_bus.clock(), median_s=estimate.median_s, p90_s=estimate.p90_s
            )
            self._event_bus.report.add(event)
            self._event_bus.emit_or_drop(event)

    def estimate(self) -> Estimate | None:
        """Return the present estimate; None while too little is known."""
        report, transfers = self._event_bus.report, self._event_bus.transfers
        if report.total is None:
            return None
        states = report.states
        started = sum(states[state] for state in State if state is not State.QUEUED)
        usual = self._poll_stage.usual_curve()
        waits = self._poll_stage.waits()
        # Packages of an earlier run, and those that were ready before: their age is unknown.
        others = states[State.REQUESTED] - round(sum(wait.count for wait in waits))
        if others > 0:
            waits.append(Wait(count=others, unready_s=0.0, age_s=0.0, curve=usual))
        waits += creations(report.total - started, self._requests_per_second, usual)
        link = Link(
            ready=states[State.READY] + transfers.unsized,
            bytes=transfers.missing_bytes,
            sizes=transfers.sizes,
            mean_bytes=transfers.mean_bytes,
            deviation_bytes=transfers.deviation_bytes,
            bytes_per_s=transfers.bytes_per_s,
            spread=SPREAD,
        )
        return time_left(waits, link)
