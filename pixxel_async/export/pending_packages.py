"""Tracks the packages of one export: each is claimed, and settled once."""

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
    """The packages that are not settled yet."""

    def __init__(self, folder: ExportFolder, event_bus: EventBus) -> None:
        """Start empty; claims in `folder` keep two exports from fetching the same package."""
        self._folder = folder
        self._event_bus = event_bus
        self._claimed: set[str] = set()
        self._outstanding = 0
        self._is_closed = False
        self._all_settled = anyio.Event()

    def add(self) -> None:
        """Count a new package."""
        self._outstanding += 1

    def close(self) -> None:
        """Note that no more packages follow."""
        self._is_closed = True
        self._set_if_settled()

    async def claim(self, key: str) -> None:
        """Claim a package for this export; waits while another export has it."""
        await self._folder.claim(key)
        self._claimed.add(key)

    async def settle(self, event: events.Settled) -> None:
        """Emit how a package ended, and release it; a second call for it does nothing."""
        if event.key in self._claimed:
            await self._event_bus.emit(event)
            self.forget(event.key)

    def forget(self, key: str) -> None:
        """Count a package as settled without an event."""
        if key in self._claimed:
            self._release(key)
            self._outstanding -= 1
            self._set_if_settled()

    def release_all(self) -> None:
        """Release all unsettled packages, for other exports of the client."""
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
        """How many of the packages added so far are not settled."""
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
    """Records and reports failed packages; neither method raises if that fails."""

    def __init__(self, journal: Journal, pending: PendingPackages, event_bus: EventBus) -> None:
        """Take the dependencies."""
        self._journal = journal
        self._pending = pending
        self._event_bus = event_bus

    async def note(self, item: WorkItem, error: PixxelError) -> None:
        """Record why a package failed; if that fails too, add a note to the error."""
        # A package that failed must be requested again; one that was only late need not.
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
        except Exception as raised:  # noqa: BLE001 - the package fails, recorded or not
            error.add_note(f"not recorded in the journal: {as_error(raised)}")

    async def settle(self, download: Download, error: PixxelError) -> None:
        """Report that a package failed, and release it."""
        failed = events.Failed(
            at_s=self._event_bus.clock(), key=download.key, download=download, error=error
        )
        try:
            await self._pending.settle(failed)
        except Exception as bug:  # noqa: BLE001 - it counts as left, and blocks nothing
            logger.error("the failure of a package was not reported: %s", as_error(bug))  # noqa: TRY400 - see `as_error`
            self._pending.forget(download.key)
