"""Accounts for the packages of one export: each is claimed, and each is settled once."""

from __future__ import annotations

import logging

import anyio

from .. import events
from ..downloads import Download
from ..errors import PackageFailedError, PixxelError
from ..journal.export_folder import ExportFolder
from ..journal.journal import Journal
from ..sansio.package_state import State
from ..sansio.resume_decision import is_retryable_next_run
from ..transfer.errors import as_error
from ..transfer.work_item import WorkItem
from .event_bus import EventBus


class PendingPackages:
    """Knows which packages are still to be settled."""

    def __init__(self, folder: ExportFolder, event_bus: EventBus) -> None:
        """Begin with none.

        Args:
            folder: Where packages are claimed, so that no two exports of a client fetch one twice.
            event_bus: Takes what settles them.
        """
        self._folder = folder
        self._event_bus = event_bus
        self._claimed: set[str] = set()
        self._outstanding = 0
        self._is_closed = False
        self._all_settled = anyio.Event()

    def add(self) -> None:
        """Count a package that is to be settled."""
        self._outstanding += 1

    def close(self) -> None:
        """Note that no more packages come."""
        self._is_closed = True
        self._set_if_settled()

    async def claim(self, key: str) -> None:
        """Have a package for this export; waits while another one has it."""
        await self._folder.claim(key)
        self._claimed.add(key)

    async def settle(self, event: events.Settled) -> None:
        """Tell how a package has ended, and let go of it; a second end of it is not told."""
        if event.key in self._claimed:
            await self._event_bus.emit(event)
            self.forget(event.key)

    def forget(self, key: str) -> None:
        """Count a package as settled, told or not."""
        if key in self._claimed:
            self._release(key)
            self._outstanding -= 1
            self._set_if_settled()

    def release_all(self) -> None:
        """Let go of what is not settled, for other exports of the client."""
        for key in list(self._claimed):
            self._release(key)

    async def wait_until_settled(self) -> None:
        """Return when every package is settled."""
        await self._all_settled.wait()

    @property
    def is_done(self) -> bool:
        """Whether every package is settled."""
        return self._all_settled.is_set()

    @property
    def outstanding(self) -> int:
        """How many of the packages that have come in are not settled."""
        return self._outstanding

    @property
    def left(self) -> int | None:
        """How many packages are not settled; None if the downloads were not read to their end."""
        if self.is_done:
            return 0
        total = self._event_bus.report.total
        if total is not None:  # a list that raises may have raised after its last download
            return total - self._event_bus.report.settled or None
        return self._outstanding if self._is_closed else None

    def _release(self, key: str) -> None:
        self._claimed.discard(key)
        self._folder.release(key)

    def _set_if_settled(self) -> None:
        if self._is_closed and self._outstanding == 0:
            self._all_settled.set()


logger = logging.getLogger("pixxel_async")


class Failures:
    """Ends the packages of one export that have failed; neither call raises for one of them."""

    def __init__(self, journal: Journal, pending: PendingPackages, event_bus: EventBus) -> None:
        """Join journal, ledger and events."""
        self._journal = journal
        self._pending = pending
        self._event_bus = event_bus

    async def note(self, item: WorkItem, error: PixxelError) -> None:
        """Note why a package has failed; where that fails, too, the error has a note of it."""
        # A package that failed has to be asked for anew; one that was only late has not.
        changes = {"download_id": None} if isinstance(error, PackageFailedError) else {}
        try:
            item.row = item.row.changed(
                state=State.FAILED,
                error=str(error),
                error_type=type(error).__name__,
                is_retryable_next_run=int(is_retryable_next_run(error)),
                **changes,
            )
            await self._journal.put(item.row)
        except Exception as raised:  # noqa: BLE001 - the package ends, noted or not
            error.add_note(f"not noted in the journal: {as_error(raised)}")

    async def settle(self, download: Download, error: PixxelError) -> None:
        """Tell that a package has failed, and let go of it."""
        failed = events.Failed(
            at_s=self._event_bus.clock(), key=download.key, download=download, error=error
        )
        try:
            await self._pending.settle(failed)
        except Exception as bug:  # noqa: BLE001 - it counts as left, and holds nobody up
            logger.error("the end of a package was not told: %s", as_error(bug))  # noqa: TRY400 - see `as_error`
            self._pending.forget(download.key)
