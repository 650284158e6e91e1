"""How a package ends that has failed: it is noted, and then told."""

from __future__ import annotations

import logging

from .. import events
from ..downloads import Download
from ..errors import PackageFailedError, PixxelError
from ..journal.journal import Journal
from ..sansio.package_state import State
from ..sansio.resume_decision import is_retryable_next_run
from ..transfer.unexpected import as_error
from ..transfer.work_item import WorkItem
from .event_bus import EventBus
from .pending_packages import PendingPackages

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
            self._pending.let_go(download.key)
