"""Brings the downloads that an export is given to its first stage."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.lowlevel
from anyio.streams.memory import MemoryObjectSendStream

from ..downloads import Download
from ..journal.journal import Journal
from ..transfer.work_item import new_row
from .event_bus import EventBus
from .incoming import Downloads, count, each
from .pending_packages import PendingPackages

ROWS_AT_ONCE = 500
"""New packages are noted in pieces of this size, between which other tasks have their turn."""


class DownloadSource:
    """The downloads of one export, each once."""

    def __init__(
        self,
        downloads: Downloads,
        *,
        journal: Journal,
        pending: PendingPackages,
        event_bus: EventBus,
        name_of: Callable[[Download], str],
    ) -> None:
        """Take nothing yet.

        Args:
            downloads: What the export is given.
            journal: Takes what is new.
            pending: Counts what is to be settled.
            event_bus: Its recorder notes what waits.
            name_of: Names files.
        """
        self._downloads = downloads
        self._journal = journal
        self._pending = pending
        self._event_bus = event_bus
        self._name_of = name_of
        self._scope = anyio.CancelScope()

    async def run(self, send: MemoryObjectSendStream[Download]) -> None:
        """Hand on every distinct download; waits for who takes them."""
        is_list = count(self._downloads) is not None
        if is_list:
            await self._note_all()
        seen: set[str] = set()
        with self._scope:
            async for download in each(self._downloads):
                if download.key not in seen:
                    seen.add(download.key)
                    if not is_list:
                        self._note(download)
                    await send.send(download)
                    self._pending.add()
        self._pending.close()

    def cut(self) -> None:
        """Take no more of a stream, which may never end; what was handed on is all."""
        self._scope.cancel()

    async def _note_all(self) -> None:
        """Note the packages of a list at once, so that a run that is killed knows them all."""
        number = 0
        async for download in each(self._downloads):
            self._note(download)
            number += 1
            if number % ROWS_AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()

    def _note(self, download: Download) -> None:
        if not self._journal.knows(download.key):
            with suppress(Exception):  # told for this package when its turn comes
                self._journal.note(new_row(download, self._name_of))
        self._event_bus.recorder.queued(download.key, self._event_bus.clock())
