"""Resumes a package from what an earlier run left of it.

Rules:
    * A saved file stays where it is, without a request. Its size must match; the export reads it
      again only if the policy says so, or if one of its times or its inode differs.
    * A file that was saved without a checksum counts as changed if its modification time differs by
      more than `COARSE_NS`, to which file systems may round the time of a copy.
    * A file that was changed since it was saved is set aside, never overwritten, and the package is
      fetched again.
"""

from __future__ import annotations

import json

from .. import events
from ..config import ExistingFiles, FolderPolicy, PreviousFailures, RetryPolicy
from ..destinations.sink import Stamp
from ..downloads import Download
from ..errors import AnswerLostError, ConfigError, EarlierFailureError, SinkError
from ..journal.export_folder import ExportFolder
from ..journal.models import Corruption, PackageRow
from ..members import in_words
from ..sansio.package_state import State
from ..sansio.redact import printable
from ..sansio.resume_decision import ResumeAction, failures_for, first
from ..transfer.work_item import WorkItem, target_of
from .event_bus import EventBus
from .source import Downloads, count, each

COARSE_NS = 2_000_000_000


class ResumeStage:
    """Checks the packages of one export before it sends anything for them."""

    def __init__(self, folder: ExportFolder, *, policy: FolderPolicy, retry: RetryPolicy) -> None:
        """Take the folder and the policies; reads nothing yet."""
        self._folder = folder
        self._policy = policy
        self._retry = retry
        self._are_all_failed = False

    async def look_at(self, downloads: Downloads) -> None:
        """Find out whether all downloads of a list failed in an earlier run.

        Raises:
            ConfigError: The folder has packages with other members than those wanted now.
        """
        wanted = self._policy.members.text
        if (other := await self._folder.journal.other_members(wanted)) is not None:
            there, now = printable(in_words(other)), printable(in_words(wanted))
            message = (
                f"the folder holds {there}, and now {now} is wanted: choose another folder, or "
                "the same members"
            )
            raise ConfigError(message)
        if self._policy.previous_failures is PreviousFailures.AUTO and count(downloads) is not None:
            self._are_all_failed = True
            async for download in each(downloads):
                if not await self._has_failed(download):
                    self._are_all_failed = False
                    break

    async def _has_failed(self, download: Download) -> bool:
        try:
            row = await self._folder.journal.get(download.key)
        except SinkError:  # raised again when the package is created
            return False
        return row is not None and row.state is State.FAILED

    def failures_for(self, row: PackageRow) -> PreviousFailures:
        """Return whether this package is retried if it failed in an earlier run."""
        if row.members != self._policy.members.text:
            return PreviousFailures.RETRY  # other members were wanted
        return failures_for(
            self._policy.previous_failures,
            are_all_failed=self._are_all_failed,
            takes_up_itself=bool(row.is_retryable_next_run),
        )

    async def is_saved(self, item: WorkItem) -> bool:
        """Whether the saved file is there and unchanged; a changed file is set aside.

        Raises:
            SinkError: The folder cannot be read or written.
        """
        row, sink = item.row, self._folder.sink
        if row.bytes is None:
            return False
        if row.is_discarded and row.extracted is not None:
            if await sink.is_folder(row.extracted):
                return True
            item.row = _fetch_again(row)
            return False
        stamp = await sink.stamp(row.name)
        if stamp is not None and await self._is_unchanged(row, stamp):
            if row.state is not State.SAVED:
                # The last run ended between the rename and its journal entry.
                item.row = row.without_partial().changed(state=State.SAVED).stamped(stamp)
                await self._folder.journal.put(item.row)
            elif not is_untouched(row, stamp):
                item.row = row.stamped(stamp)
                self._folder.journal.note(item.row)
            return True
        if stamp is not None:
            await sink.set_aside(row.name)
            row = row.without_partial()
        item.row = _fetch_again(row)
        return False

    def first(self, item: WorkItem, *, needs_id: bool) -> ResumeAction:
        """Decide what to do first with a package that is not saved.

        Raises:
            EarlierFailureError: It failed in an earlier run, and is not retried.
            AnswerLostError: No repeat of its creation is left.
        """
        row = item.row
        failures = self.failures_for(row)
        decided = first(
            state=row.state,
            takes_up_itself=bool(row.is_retryable_next_run),
            download_id=row.download_id,
            is_unanswered=bool(row.is_unanswered) and needs_id,
            recreated=row.recreated,
            recreate=self._retry.recreate,
            failures=failures,
        )
        if decided is ResumeAction.LEAVE_FAILED:
            message = f"failed in an earlier run: {row.error}"
            raise EarlierFailureError(message, key=item.key)
        if decided is ResumeAction.GIVE_UP:
            message = (
                "its creation was sent, no response was recorded, and no repeat is left: "
                "the service may hold a package that nothing fetches"
            )
            raise AnswerLostError(message, key=item.key)
        if row.state is State.FAILED and failures is PreviousFailures.RETRY:
            item.row = row.changed(recreated=0)
        return decided

    def choose_members(self, item: WorkItem) -> None:
        """Note which members of a package are wanted; a partial file of others is dropped."""
        if item.row.members != (wanted := self._policy.members.text):
            item.row = item.row.without_partial().changed(members=wanted)

    async def _is_unchanged(self, row: PackageRow, stamp: Stamp) -> bool:
        if not stamp.is_file or stamp.size != row.bytes:
            return False
        if row.sha256 is None:
            return row.mtime_ns is None or abs(stamp.mtime_ns - row.mtime_ns) <= COARSE_NS
        is_recorded = row.state in {State.SAVED, State.SKIPPED}
        is_trusted = is_recorded and self._policy.existing_files is ExistingFiles.TRUST
        if is_trusted and is_untouched(row, stamp):
            return True
        return await self._folder.sink.digest(row.name) == row.sha256


def is_untouched(row: PackageRow, stamp: Stamp) -> bool:
    """Whether the times and the inode of a file match those recorded when it was saved."""
    if row.mtime_ns is None or row.inode is None:  # of an earlier version: only the size is known
        return True
    is_same = (stamp.mtime_ns, stamp.inode) == (row.mtime_ns, row.inode)
    return is_same and row.ctime_ns in {None, stamp.ctime_ns}


def _fetch_again(row: PackageRow) -> PackageRow:
    return row.changed(
        state=State.QUEUED,
        recreated=0,  # it was saved since: repeats count from zero
        bytes=None,
        sha256=None,
        mtime_ns=None,
        inode=None,
        ctime_ns=None,
        checksum="",
        extracted=None,
        is_discarded=0,
    )


async def repair_row(
    item: WorkItem, folder: ExportFolder, event_bus: EventBus, *, is_lost: bool
) -> None:
    """Replace a damaged row, and report it.

    Args:
        item: A package that was just looked up; its row holds the valid values.
        folder: Its journal found the damage.
        event_bus: Emits the event.
        is_lost: Whether no value was valid. The origin of a file with its name is unknown then.
    """
    damage = folder.journal.take_damage(item.key) or _mismatch(item)
    if damage is None:
        return
    await event_bus.emit(
        events.RowDamaged(
            at_s=event_bus.clock(), key=item.key, field=damage.field, reason=damage.reason
        )
    )
    item.row = item.row.changed(target=target_of(item.download))
    if is_lost and await folder.sink.size(item.row.name) is not None:
        await folder.sink.set_aside(item.row.name)
    folder.journal.note(item.row)


def _mismatch(item: WorkItem) -> Corruption | None:
    """Return the damage if the row describes another download, or None."""
    wanted = target_of(item.download)
    if item.row.target == wanted or json.loads(item.row.target) == json.loads(wanted):
        return None
    return Corruption(key=item.key, field="target", reason="describes another download")
