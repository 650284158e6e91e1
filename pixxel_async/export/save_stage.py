"""Turns a verified partial file into a saved file.

Rules:
    * The journal records size and SHA-256 before the file gets its final name, so that the next run
      recognizes the file if this one is killed in between.
    * Saving waits only for the disk. Many packages are saved at once, while others are transferred:
      they share the commits of the journal.
    * An extracted folder gets its name after the journal has recorded it; the ZIP is removed last.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import anyio

from .. import events
from ..config import Checksum, Extraction, FolderPolicy
from ..destinations.sink import every_member
from ..errors import SinkError
from ..journal.export_folder import ExportFolder
from ..models import SavedPackage
from ..sansio.files.filenames import folder_name
from ..sansio.package_state import State
from ..transfer.disk_space import FULL_CODES, DiskSpace
from ..transfer.received import ReceivedPackage
from ..transfer.work_item import WorkItem


class SaveStage:
    """Saves the packages of one export."""

    def __init__(
        self,
        folder: ExportFolder,
        *,
        policy: FolderPolicy,
        checksum: Checksum,
        space: DiskSpace,
        clock: Callable[[], float],
    ) -> None:
        """Take the dependencies; `clock` returns the `at_s` of events."""
        self._folder = folder
        self._policy, self._extraction = policy, policy.what_to_extract
        self._algorithms = frozenset({checksum.value} - {Checksum.NONE.value})
        self._space = space
        self._clock = clock

    async def save(self, package: ReceivedPackage) -> events.Saved:
        """Give a package its final name.

        If cancelled or failed, it leaves the partial file for a later run.

        Raises:
            SinkError: The disk refused, or the name is taken.
            DiskStaysFullError: The disk stayed full.
        """
        try:
            await self._save(package)
        except BaseException:
            await package.abandon()
            raise
        with anyio.CancelScope(shield=True):
            await package.transfer.partial.aclose()
        await self.extract(package.item)
        return events.Saved(
            at_s=self._clock(),
            key=package.item.key,
            saved=self.describe(package.item),
            received=package.transfer.received,
            transferred_s=anyio.current_time() - package.began,
            first_byte_s=package.transfer.first_byte_s,
        )

    async def extract(self, item: WorkItem) -> None:
        """Extract a saved package, if the policy says so and it is not extracted yet.

        If cancelled or failed, it leaves the ZIP and no folder; a later run starts over.

        Raises:
            ArchiveError: The ZIP is refused.
            SinkError: The disk refused, or the name of the folder is taken.
            DiskStaysFullError: The disk stayed full.
        """
        sink, journal = self._folder.sink, self._folder.journal
        row = item.row
        if self._extraction is Extraction.NONE or row.is_discarded:
            return
        if row.extracted is None or not await sink.is_folder(row.extracted):
            folder = folder_name(row.name)
            has_room = functools.partial(self._space.leaves_now, item.key)
            wants = self._policy.members.wants if self._policy.members else every_member
            await self._space.write(
                lambda: sink.extract(row.name, folder, has_room=has_room, wants=wants)
            )
            # The journal entry comes first: a folder that exists and is recorded is complete.
            item.row = row.changed(extracted=folder)
            await self._space.write(lambda: journal.put(item.row))
            await sink.reveal(folder)
        if self._extraction is Extraction.DISCARD_ZIP:
            with anyio.CancelScope(shield=True):
                item.row = item.row.changed(is_discarded=1)
                await journal.put(item.row)
                await sink.remove(row.name)

    def describe(self, item: WorkItem, *, skipped: bool = False) -> SavedPackage:
        """Return the description of a saved file, from its journal row."""
        row, sink = item.row, self._folder.sink
        return SavedPackage(
            download=item.download,
            path=sink.path(row.name),
            bytes=row.bytes or 0,
            sha256=row.sha256 or "",
            skipped=skipped,
            checksum=row.checksum,
            extracted=None if row.extracted is None else sink.path(row.extracted),
        )

    async def _save(self, package: ReceivedPackage) -> None:
        item, partial, journal = package.item, package.transfer.partial, self._folder.journal
        digests = await partial.digests(self._algorithms)
        package.transfer.describe_whole(
            bytes=partial.size,
            sha256=digests["sha256"].hex() if digests else None,
            checksum=package.checksum,
        )
        await self._space.write(lambda: journal.put(item.row))
        is_noted = False
        with anyio.CancelScope(shield=True):  # short: the name and its entry belong together
            stamp = await partial.commit(self._policy.unknown_files)
            item.row = (
                item.row.without_partial()
                .changed(state=State.SAVED, error="", error_type="")
                .stamped(stamp)
            )
            try:
                await journal.put(item.row)
                is_noted = True
            except SinkError as error:
                if error.code not in FULL_CODES:
                    raise
        if not is_noted:  # may wait long; until then, the entry above identifies the file
            await self._space.write(lambda: journal.put(item.row))
