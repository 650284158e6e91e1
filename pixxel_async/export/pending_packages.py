"""Tracks the packages of one export: each is claimed, and settled once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

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


@dataclass(slots=True)
class _Entry:
    """A package that is not settled.

    Attributes:
        is_claimed: Whether no other export may work on it.
        is_created: Whether it has left the first stage.
        is_wanted: Whether anybody still waits for it.
        work: The work on it that may be cancelled, if any.
    """

    is_claimed: bool = False
    is_created: bool = False
    is_wanted: bool = True
    work: Work | None = None


class Work:
    """A context manager for work on a package; `PendingPackages.abandon` cancels it."""

    def __init__(self, entry: _Entry, end: Callable[[], None]) -> None:
        """Register it; enter it once."""
        self._entry = entry
        self._end = end
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()
        entry.work = self

    def __enter__(self) -> None:
        """Begin."""
        self._scope.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """End, and swallow the cancellation by `abandon`."""
        try:
            return bool(self._scope.__exit__(exc_type, exc, traceback))
        finally:
            if self._entry.work is self:  # saving may follow a transfer
                self._entry.work = None
                if not self._entry.is_wanted:
                    self._end()
            self._ended.set()

    async def cancel(self) -> None:
        """Cancel it, and wait until it has ended."""
        self._scope.cancel()
        await self._ended.wait()


class PendingPackages:
    """The packages that are not settled yet."""

    def __init__(self, folder: ExportFolder, event_bus: EventBus) -> None:
        """Start empty; claims in `folder` keep two exports from fetching the same package."""
        self._folder = folder
        self._event_bus = event_bus
        self._entries: dict[str, _Entry] = {}
        self._is_closed = False
        self._all_settled = anyio.Event()

    def add(self, key: str) -> None:
        """Add a package."""
        self._entries[key] = _Entry()

    def close(self) -> None:
        """Note that no more packages follow."""
        self._is_closed = True
        self._set_if_settled()

    async def claim(self, key: str) -> bool:
        """Claim a package for this export; waits while another export has it.

        Returns:
            Whether anybody still wants it.
        """
        await self._folder.claim(key)
        if (entry := self._entries.get(key)) is None:  # its stream was stopped at that moment
            self._folder.release(key)
            return False
        entry.is_claimed = True
        if not entry.is_wanted:
            self.forget(key)
        return entry.is_wanted

    def created(self, key: str) -> None:
        """Note that a package has left the first stage."""
        if (entry := self._entries.get(key)) is not None:
            entry.is_created = True
            if not entry.is_wanted and entry.work is None:
                self.forget(key)

    def is_wanted(self, key: str) -> bool:
        """Whether a package is neither settled nor abandoned."""
        entry = self._entries.get(key)
        return entry is not None and entry.is_wanted

    def work_on(self, key: str) -> Work:
        """Return a context for work on a package that ends when the package is abandoned."""
        return Work(self._entries[key], lambda: self.forget(key))

    async def abandon(self, key: str) -> None:
        """Drop a package that nobody wants; returns when its transfer has stopped.

        A creation in flight continues, since it may have reached the service. The next export finds
        what there is.
        """
        if (entry := self._entries.get(key)) is None:
            return
        entry.is_wanted = False
        while entry.work is not None:
            await entry.work.cancel()
        if entry.is_created:
            self.forget(key)

    async def settle(self, event: events.Ended) -> None:
        """Emit how a package ended, and release it; a second call for it does nothing."""
        if event.key in self._entries:
            await self._event_bus.emit(event)
            self.forget(event.key)

    def forget(self, key: str) -> None:
        """Count a package as settled without an event."""
        if (entry := self._entries.pop(key, None)) is not None:
            if entry.is_claimed:
                self._folder.release(key)
            self._set_if_settled()

    def release_all(self) -> None:
        """Release all unsettled packages, for other exports of the client."""
        for key, entry in self._entries.items():
            if entry.is_claimed:
                entry.is_claimed = False
                self._folder.release(key)

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
        return len(self._entries)

    @property
    def left(self) -> int | None:
        """How many packages are not settled; None if the downloads were not read to their end."""
        if self.is_done:
            return 0
        total = self._event_bus.report.total
        if total is not None:  # a list that raises may have raised after its last download
            return total - self._event_bus.report.settled or None
        return self.outstanding if self._is_closed else None

    def _set_if_settled(self) -> None:
        if self._is_closed and not self._entries:
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
