"""A transfer of some members of a package: what it fetches is a ZIP of these alone.

Rules:
    * The directory of the archive is read first, in each run again. What the partial holds is
      continued only if the object has the same strong entity tag, and the subset the same size.
    * The members arrive in the order of the subset, one GET for each range of the archive; marks,
      retries and fresh URLs are those of any transfer.
    * Where the storage serves no ranges of an object with a strong entity tag, all of the package
      is fetched, and the members are taken from it when it is extracted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial as bind
from typing import Any

from pydantic import SecretStr

from ..destinations.sink import PartialFile, ResumePoint
from ..errors import RangesNotServedError, TransferError
from ..http.storage_response import StorageResponse
from ..members import MemberFilter
from ..sansio.files.member_subset import Run, Subset, subset_of
from ..sansio.storage import range_requests
from ..sansio.storage.segments import Segment
from .archive_reader import read_archive
from .attempt import Transfer
from .body_writer import PartialWriter
from .context import TransferContext
from .errors import NextRequestError, NoRoomError, RetryableError, error_of
from .stall_monitor import MonitoredTransfer
from .work_item import WorkItem


class MemberTransfer(Transfer):
    """The download of some members of one package to disk."""

    def __init__(
        self, item: WorkItem, partial: PartialFile, shared: TransferContext, chosen: MemberFilter
    ) -> None:
        """Resume from what the partial holds."""
        super().__init__(item, partial, shared)
        self._chosen = chosen
        self._archive_bytes = 0
        self._is_subset = not partial.size or bool(item.row.is_subset)

    @property
    def _asked_for_range(self) -> bool:
        return self._is_subset or super()._asked_for_range

    def _describe(self, written: ResumePoint, **known: Any) -> None:
        super()._describe(written, is_subset=int(self._is_subset), **known)

    async def _attempt(self, url: SecretStr) -> None:
        if self._is_subset and not self._trusts_ranges:
            await self._take_all()
        if not self._is_subset:
            await super()._attempt(url)
            return
        self._writer = None
        async with self._shared.watchdog.watch(self._observe) as watched:
            try:
                await self._take_members(url, watched)
            except RangesNotServedError as error:
                await self._take_all()
                raise NextRequestError(error) from None
            finally:
                self._body = None
                self._observe(watched)

    async def start_over(self) -> None:
        """Restart after wrong bytes."""
        if self._is_subset:
            await self.restart()
        else:
            await super().start_over()

    async def _take_all(self) -> None:
        """Fetch the whole package from now on."""
        await self.restart()
        self._is_subset = False

    async def _take_members(self, url: SecretStr, watched: MonitoredTransfer) -> None:
        subset, validator = await self._subset(url, watched)
        if self.partial.size and (validator, subset.size) != (self._validator, self._total):
            await self.restart()
        self.is_assembled = True  # so that the CRC-32 of each member is checked
        self._validator, self._total = validator, subset.size
        if not await self._shared.space.fits(self.item.key, subset.size - self.partial.size):
            raise NoRoomError(subset.size - self.partial.size)
        while (run := subset.run_at(self.partial.size)) is not None:
            await self._take_run(run, validator, url)
            self._observe(watched)
        rest = subset.directory[self.partial.size - subset.fetched :]
        await self.partial.write(rest, check=self._policy.verify)

    async def _subset(self, url: SecretStr, watched: MonitoredTransfer) -> tuple[Subset, str]:
        def received(count: int) -> None:
            self.received += count
            watched.received(count)
            self._shared.slots.received(count)

        archive = await read_archive(bind(self._get, url), received)
        validator = self._kept(archive.validator)
        if validator is None:
            message = "the object has no strong entity tag"
            raise RangesNotServedError(message)
        self._archive_bytes = archive.listing.total
        return subset_of(archive.listing, self._chosen), validator

    async def _get(self, url: SecretStr, headers: Mapping[str, str]) -> StorageResponse:
        shared = self._shared
        asked_at = time.monotonic()
        response = await shared.storage.get(
            url, headers, bandwidth=shared.bandwidth, refused=shared.refused
        )
        answered_s = response.headers_at - asked_at
        self.first_byte_s = self.first_byte_s or answered_s
        shared.slots.answered(answered_s)
        return response

    async def _take_run(self, run: Run, validator: str, url: SecretStr) -> None:
        headers = range_requests.part_headers(run.first, run.end, validator)
        async with await self._get(url, headers) as response:
            part = await self._part_of(response, run, validator)
            segment = Segment(run.at, run.at + run.end - run.first, run.at)
            self._skip, self._end = run.first - part.first, run.at + part.end - run.first
            self._counted = 0
            writer = self._writer = _RunWriter(
                self.partial,
                self._total,
                self._policy.verify,
                segment,
                room=self._shared.space,
                skip=self._skip,
                end=self._end,
            )
            self._body = response
            await self._receive_into(response, writer)
            self._body = None
        if segment.left and self.partial.size < self._end:
            message = f"the part ended at byte {self.partial.size} of {self._end}"
            raise RetryableError(TransferError(message))

    async def _part_of(
        self, response: StorageResponse, run: Run, validator: str
    ) -> range_requests.Part:
        """Return the part that a usable response covers, or raise."""
        part = range_requests.usable_part(
            response.status,
            response.headers,
            first=run.first,
            end=run.end,
            total=self._archive_bytes,
            validator=validator,
        )
        if isinstance(part, range_requests.Part):
            return part
        status, tag = response.status, response.headers.get("etag")
        if status in range_requests.SAYS_CHANGED or tag not in {None, validator}:
            await self.restart()
        elif status not in {range_requests.OK, range_requests.PARTIAL_CONTENT}:
            raise await error_of(response)
        elif status == range_requests.OK:
            await self._take_all()
        raise NextRequestError(TransferError(part))


class _RunWriter(PartialWriter):
    """Writes a range of an archive; what it begins with is checked with the other headers."""

    def _check_start(self, _: bytes) -> None:
        self._start = None


def transfer_of(
    item: WorkItem, partial: PartialFile, shared: TransferContext, chosen: MemberFilter
) -> Transfer:
    """Return the transfer of a package, or of the members of it that are chosen."""
    if chosen:
        return MemberTransfer(item, partial, shared, chosen)
    return Transfer(item, partial, shared)
