"""The way out for events."""

from __future__ import annotations

import logging
from contextlib import suppress

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from .. import events
from ..transfer.errors import as_error
from .event_recorder import EventRecorder
from .summary import Report

logger = logging.getLogger("pixxel_async")


class EventBus:
    """Where the stages put their events: counted and noted first, then handed to the reader."""

    def __init__(
        self, send: MemoryObjectSendStream[events.Event], report: Report, recorder: EventRecorder
    ) -> None:
        """Begin the export's own clock."""
        self._send = send
        self._has_reader = True
        self._began = anyio.current_time()
        self.recorder = recorder
        self.report = report

    def clock(self) -> float:
        """Return the seconds since the export began."""
        return anyio.current_time() - self._began

    async def emit(self, event: events.Event) -> None:
        """Hand on an event that must not be lost; waits for a slow reader, if there is one."""
        self.report.add(event)
        if not self._has_reader:
            self.emit_or_drop(event)
            return
        self._record(event)
        await self._send.send(event)

    def stop_waiting(self) -> None:
        """Wait for the reader no more: nobody reads."""
        self._has_reader = False

    def emit_or_drop(self, event: events.Event) -> None:
        """Hand on progress, if the reader keeps up."""
        self._record(event)
        with suppress(anyio.WouldBlock):
            self._send.send_nowait(event)

    def emit_concurrency(self, number: int) -> None:
        """Tell how many transfers may run from now on."""
        self.emit_or_drop(events.ConcurrencyChanged(at_s=self.clock(), fetches=number))

    def count_received(self, count: int) -> None:
        """Count bytes of a transfer that did not end with a saved file."""
        self.report.received += count

    def _record(self, event: events.Event) -> None:
        if isinstance(event, events.PackageEvent):
            try:
                self.recorder.note(event, self.report.state_of(event.key))
            except Exception as bug:  # noqa: BLE001 - the story has a gap, and the export none
                logger.error("not noted: %s", as_error(bug))  # noqa: TRY400 - see `as_error`
