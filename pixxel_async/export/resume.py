"""Takes up what an earlier run has left of a package.

Rules:
    * A file that is saved is left where it is, without a request. Its size has to be right; it is
      read again only if that is asked for, or if one of its times or its inode is another one.
    * A file that was saved without a checksum and written to since is changed. A copy of it, with
      its time, is not; file systems may round that to `COARSE_NS`.
    * A file that was changed since it was saved is set aside, never overwritten, and the package is
      fetched again.
"""

from __future__ import annotations

import json

from .. import events
from ..config import ExistingFiles, FolderPolicy, PreviousFailures, RetryPolicy
from ..destinations.sink import Stamp
from ..errors import AnswerLostError, EarlierFailureError
from ..journal.export_folder import ExportFolder
from ..journal.models import Corruption, PackageRow
from ..sansio.package_state import State
from ..sansio.resume_decision import ResumeAction, first
from ..transfer.work_item import WorkItem, target_of
from .event_bus import EventBus

COARSE_NS = 2_000_000_000


class ResumeStage:
    """Looks at the packages of one export before anything is sent for them."""

    def __init__(self, folder: ExportFolder, *, policy: FolderPolicy, retry: RetryPolicy) -> None:
        """Look at nothing yet.

        Args:
            folder: Where files and notes are.
            policy: How closely files are looked at, and what becomes of failed packages.
            retry: How often a lost creation may be repeated.
        """
        self._folder = folder
        self._policy = policy
        self._retry = retry

    async def is_saved(self, item: WorkItem) -> bool:
        """Tell whether the file is there and ours; what is there and was changed is set aside.

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
                # The last run ended between the rename and the note of it.
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
        """Decide what is done first with a package that is not saved.

        Raises:
            EarlierFailureError: It failed in an earlier run, and is left alone.
            AnswerLostError: Its creation was sent too often.
        """
        row = item.row
        decided = first(
            state=row.state,
            takes_up_itself=bool(row.is_retryable_next_run),
            download_id=row.download_id,
            is_unanswered=bool(row.is_unanswered) and needs_id,
            recreated=row.recreated,
            recreate=self._retry.recreate,
            failures=self._policy.previous_failures,
        )
        if decided is ResumeAction.LEAVE_FAILED:
            message = f"failed in an earlier run: {row.error}"
            raise EarlierFailureError(message, key=item.key)
        if decided is ResumeAction.GIVE_UP:
            message = (
                "its creation was sent, no answer was noted, and it may not be sent again: "
                "the service may hold a package that nobody fetches"
            )
            raise AnswerLostError(message, key=item.key)
        if row.state is State.FAILED and self._policy.previous_failures is PreviousFailures.RETRY:
            item.row = row.changed(recreated=0)
        return decided

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
    """Tell whether a file is surely the one that was saved, as far as a look can tell."""
    if row.mtime_ns is None or row.inode is None:  # of an earlier version: the size has to do
        return True
    is_same = (stamp.mtime_ns, stamp.inode) == (row.mtime_ns, row.inode)
    return is_same and row.ctime_ns in {None, stamp.ctime_ns}


def _fetch_again(row: PackageRow) -> PackageRow:
    return row.changed(
        state=State.QUEUED,
        recreated=0,  # it was saved: what was repeated for that is over
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
    """Replace a row that was found damaged, and tell.

    Args:
        item: A package that was just looked up; its row has what could be believed.
        folder: Its journal has found the damage.
        event_bus: Takes the event.
        is_lost: Whether nothing could be believed. Nobody knows then whose file has its name.
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
    """Find out whether the row of a package describes another download."""
    wanted = target_of(item.download)
    if item.row.target == wanted or json.loads(item.row.target) == json.loads(wanted):
        return None
    return Corruption(key=item.key, field="target", reason="describes another download")
