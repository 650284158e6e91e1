"""Delivers events to the report, the journal and the reader."""

from __future__ import annotations

import logging
from contextlib import suppress

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from .. import events
from ..transfer.errors import as_error
from .event_recorder import EventRecorder
from .summary import Report
from .transfer_progress import TransferProgress

logger = logging.getLogger("pixxel_async")

SETTLED_AHEAD = 16
"""How many settled packages the reader may be behind, before the next ones wait."""


class EventBus:
    """Counts and records each event of the stages, then sends it to the reader."""

    def __init__(
        self, send: MemoryObjectSendStream[events.Event], report: Report, recorder: EventRecorder
    ) -> None:
        """Start the export's clock."""
        self._send = send
        self._has_reader = True
        self._unread = anyio.Semaphore(SETTLED_AHEAD)
        self._began = anyio.current_time()
        self.recorder = recorder
        self.report = report
        self.transfers = TransferProgress()

    def clock(self) -> float:
        """Return the seconds since the export began."""
        return anyio.current_time() - self._began

    async def emit(self, event: events.Event) -> None:
        """Send an event that must not be lost; waits for a slow reader."""
        self.report.add(event)
        if not self._has_reader:
            self.emit_or_drop(event)
            return
        self._record(event)
        if isinstance(event, events.Ended):
            if self._sent_at_once(event):
                return
            await self._unread.acquire()
        await self._send.send(event)

    def was_read(self, event: events.Event) -> None:
        """Note that the reader has an event."""
        if isinstance(event, events.Ended):
            self._unread.release()

    def stop_waiting(self) -> None:
        """Stop waiting for the reader: the export's context has been left."""
        self._has_reader = False

    def emit_or_drop(self, event: events.Event) -> None:
        """Send a progress event, or drop it if the reader lags."""
        self._record(event)
        with suppress(anyio.WouldBlock):
            self._send.send_nowait(event)

    def emit_concurrency(self, number: int) -> None:
        """Report how many transfers may run from now on."""
        self.emit_or_drop(events.ConcurrencyChanged(at_s=self.clock(), fetches=number))

    def count_received(self, count: int) -> None:
        """Count the bytes of a transfer that did not end in a saved file."""
        self.report.received += count

    def _sent_at_once(self, event: events.Ended) -> bool:
        """Send without waiting: no interruption comes between a saved file and its event."""
        try:
            self._unread.acquire_nowait()
        except anyio.WouldBlock:
            return False
        try:
            self._send.send_nowait(event)
        except anyio.WouldBlock:
            self._unread.release()
            return False
        return True

    def _record(self, event: events.Event) -> None:
        self.transfers.note(event)
        if isinstance(event, events.PackageEvent):
            try:
                self.recorder.note(event, self.report.state_of(event.key))
            except Exception as bug:  # noqa: BLE001 - the history gets a gap, the export continues
                logger.error("event not recorded: %s", as_error(bug))  # noqa: TRY400 - see `as_error`
