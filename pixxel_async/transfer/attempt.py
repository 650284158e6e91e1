"""One transfer: its attempts to bring the bytes of one package into its partial.

`range_requests` and `error_codes` of `sansio.storage` decide what to do with an answer.
"""

from __future__ import annotations

import time
from typing import Any

import anyio
from pydantic import SecretStr

from ..config import Checksum
from ..destinations.sink import Held, PartialFile
from ..errors import (
    ConnectionBrokenError,
    OutOfDescriptorsError,
    SinkError,
    StalledError,
    StorageError,
    TransferError,
)
from ..http.storage_response import StorageResponse
from ..sansio.package_state import State
from ..sansio.storage import checksums, range_requests
from ..sansio.storage.error_codes import StorageErrorMeaning, meaning_of
from ..sansio.storage.segments import Segment
from .body_writer import PartialWriter, text_of
from .context import TransferContext
from .disk_space import DESCRIPTOR_CODES, FULL_CODES
from .errors import (
    CrowdedError,
    DiskFullError,
    NextRequestError,
    NoRoomError,
    RetryableError,
    error_of,
    secrets_cut,
    unless_secret,
)
from .multipart import OUR_FAULT_S, Multipart, several_for
from .stall_monitor import MonitoredTransfer, ReceivedBody
from .work_item import WorkItem


class Transfer:
    """The bytes of one package on their way to the disk.

    Attributes:
        item: The package; its journal row is kept up to date.
        partial: The file.
        offered: The checksums that the storage has offered for the object.
        is_put_together: Whether the bytes may be of more than one answer, in this run or earlier.
        received: Bytes that have come over the wire.
    """

    def __init__(self, item: WorkItem, partial: PartialFile, shared: TransferContext) -> None:
        """Go on from what the partial holds.

        Args:
            item: The package.
            partial: The file, open.
            shared: What all transfers of an export share.
        """
        self.item = item
        self.partial = partial
        self.offered: dict[str, bytes] = {}
        self.is_put_together = partial.size > 0
        self.received = 0
        self._shared = shared
        self._policy = shared.policy
        self._validator = item.row.validator
        self._total = item.row.total
        self._synced = partial.size
        self._held = range_requests.Held()
        self._skip = 0  # of the body on its way
        self._end: int | None = None  # where that body ends, if not with the file
        self._landing: PartialWriter | None = None
        self._told = partial.size
        self._counted = 0  # of what the landing has received
        self._flow: ReceivedBody | None = None
        self._several: Multipart | None = None
        self._trusts_ranges = True
        self._refused_ranges = 0  # in a row
        self._url: SecretStr | None = None

    async def attempt(self, url: SecretStr) -> None:
        """Make one GET and write what it brings; returns when no byte is missing.

        Raises:
            RetryableError: Bytes are missing, and another attempt may bring them.
            RefusedError: Likewise, with another URL.
            ObjectGoneError: The object is not there.
            CrowdedError: The storage bears no more at once.
            NoRoomError: The disk has no room for them.
            OutgrownError: It has none either, and how many there are is not announced.
            IntegrityError: What came is no ZIP.
            TransferError: No attempt will do better.
            DiskFullError: The disk is full.
            SinkError: The bytes could not be written.
        """
        shared, received = self._shared, self.received
        self.item.row = self.item.row.changed(attempts=self.item.row.attempts + 1)
        self._url = url
        try:
            with secrets_cut(shared.storage.redactor, url):
                await self._attempt(url)
        except (ConnectionBrokenError, OutOfDescriptorsError, StalledError) as error:
            raise self._passing(RetryableError(error), received) from None
        except RetryableError as passing:
            self._passing(passing, received)
            raise
        except StorageError as error:
            if meaning_of(error.status, error.code) is StorageErrorMeaning.PASSING:
                raise self._passing(RetryableError(error), received) from None
            if not self._asked_for_range:
                raise
            self._trusts_ranges = False
            raise NextRequestError(error) from None
        except SinkError as error:
            if error.code in DESCRIPTOR_CODES:
                raise RetryableError(OutOfDescriptorsError(str(error))) from None
            if error.code not in FULL_CODES:
                raise
            raise DiskFullError(error) from None

    def _passing(self, passing: RetryableError, before: int) -> RetryableError:
        passing.came = self.received - before
        self._refused_ranges = 0 if passing.came else self._refused_ranges
        if self._asked_for_range:
            self._judge_range(passing)
        return passing

    def _judge_range(self, passing: RetryableError) -> None:
        """Request no more ranges, if it may be for them that the storage fails."""
        match passing:
            case CrowdedError() | NextRequestError():
                return
            case RetryableError(error=StorageError(status=said)) if (
                range_requests.may_be_about_range(said)
            ):
                status: int | None = said
            case RetryableError(error=StalledError() | ConnectionBrokenError(sent=True)):
                status = None
            case _:
                return
        self._refused_ranges += not passing.came
        attempts = self._policy.attempts
        if range_requests.is_about_range(status, refused=self._refused_ranges, attempts=attempts):
            self._trusts_ranges = False

    @property
    def _asked_for_range(self) -> bool:
        """Whether what was refused may have been a range."""
        has_asked = self._held.resumable or self._several is not None
        return has_asked and self._trusts_ranges

    async def restart(self, algorithms: frozenset[str] = frozenset()) -> None:
        """Empty the partial, and forget the object that it came from.

        The journal forgets first: or a run that is killed here would leave a mark that vouches
        for bytes of another object.
        """
        if self.item.row.mark or self.item.row.written:
            self.item.row = self.item.row.without_partial()
            await self._shared.journal.put(self.item.row)
        await self.partial.restart(algorithms)
        self._synced = 0
        self._validator = self._total = None
        self._several = None
        self.is_put_together = False

    async def start_over(self) -> None:
        """Restart after wrong bytes; if answers to ranges may have led to them, without ranges."""
        if self.is_put_together or self._held.resumable:
            self._trusts_ranges = False
        await self.restart()

    async def keep_mark(self) -> None:
        """Sync the partial, and note in the journal how far a later run may trust it."""
        self._synced = await self.partial.sync()
        self._describe(self.partial.noted)
        await self._shared.journal.put(self.item.row)

    async def leave(self) -> None:
        """Leave to a later run what it can use, and nothing else.

        Nothing is synced: after a sync that failed, another would vouch for lost bytes. The
        later run trusts what has the digest that is noted here, or else the last mark.
        """
        if self.size > 0 and self._validator is not None:
            if self._several is not None:
                self._several.note()
            self._describe(self.partial.written())
            await self._shared.journal.put(self.item.row)
        else:
            await self.partial.discard()

    def describe_whole(self, **known: Any) -> None:
        """Describe a file of which nothing is missing; `known` are further fields of its row."""
        self._describe(self.partial.written(), **known)

    def _describe(self, written: Held, **known: Any) -> None:
        self.item.row = self.item.row.changed(
            state=State.FETCHING,
            validator=self._validator,
            total=self._total,
            mark=self._synced,
            written=written.written,
            written_sha256=written.sha256,
            stretches=text_of(self._several.noted(written.written) if self._several else ()),
            **known,
        )

    # One GET.

    async def _attempt(self, url: SecretStr) -> None:
        shared = self._shared
        if self._several is not None:
            await self._several.join()
        self._held = range_requests.Held(
            size=self.partial.size,
            validator=self._validator if self._trusts_ranges else None,
            total=self._total,
        )
        self._skip, self._end = 0, None
        self._landing = None
        async with shared.watchdog.watch(self._look) as watched:
            asked_at = time.monotonic()
            try:
                async with await shared.storage.get(
                    url,
                    range_requests.request_headers(self._held),
                    choose_writer=self._land_at_once,
                    bandwidth=shared.bandwidth,
                    refused=shared.refused,
                ) as answer:
                    shared.slots.answered(answer.headers_at - asked_at)
                    await self._take(answer, url)
            finally:
                self._flow = None
                self._look(watched)
        if self._landing and self._total is not None and self.partial.size < self._total:
            message = f"the body ended at byte {self.partial.size} of {self._total}"
            is_as_announced = self.partial.size == self._end and self._trusts_ranges
            kind = NextRequestError if is_as_announced else RetryableError
            raise kind(TransferError(message))

    def _land_at_once(self, response: StorageResponse) -> PartialWriter | None:
        """Choose the writer of a body that needs no second thought; called on another thread.

        A small package of which nothing is there yet needs neither the journal nor a look at the
        disk. It is received, written and looked at without a word from the event loop.
        """
        if self._held.size or self.item.row.mark or self.item.row.written:
            return None
        match range_requests.decide(self._held, response.status, response.headers):
            case range_requests.TakeWhole(total=int(total), validator=validator, end=None):
                if total > self._shared.at_once_bytes:
                    return None
                if self._policy.checksum is not Checksum.NONE:
                    self.offered = checksums.offered(response.headers, whole=True)
                self.partial.begin(frozenset(self.offered))
                self._total, self._validator = total, self._kept(validator)
                self._flow = response
                return self._land()
        return None

    def _kept(self, validator: str | None) -> str | None:
        return unless_secret(self._shared.storage.redactor, validator, self._url)

    def _land(self, segment: Segment | None = None) -> PartialWriter:
        self._counted = 0
        wanted = (self._total, self._policy.verify, segment)
        room, key = self._shared.space, self.item.key
        self._landing = PartialWriter(
            self.partial, *wanted, room=room, key=key, skip=self._skip, end=self._end
        )
        return self._landing

    async def _take(self, answer: StorageResponse, url: SecretStr) -> None:
        """Take an answer, unless it was taken at once."""
        if self._landing is not None or not await self._has_body(answer):
            return
        if self._total is not None:
            missing = self._total - self.partial.size
            if not await self._shared.space.fits(self.item.key, missing):
                raise NoRoomError(missing)
        await self._pour(answer, url)

    async def _has_body(self, answer: StorageResponse) -> bool:
        """Get ready for a body; return False if nothing is missing."""
        match range_requests.decide(self._held, answer.status, answer.headers):
            case None:
                raise await error_of(answer)
            case range_requests.Refuse(reason=reason):
                raise RetryableError(TransferError(reason))
            case range_requests.Restart(reason=reason):
                await self.restart()
                raise NextRequestError(TransferError(reason))
            case range_requests.RequestWhole(reason=reason):
                self._trusts_ranges = False
                raise NextRequestError(TransferError(reason))
            case range_requests.Complete():
                self.is_put_together = True
                return False
            case range_requests.Append(total=total, end=end, skip=skip):
                self.is_put_together = True
                self._total, self._end, self._skip = total, end, skip
                self.offered |= checksums.offered(answer.headers, whole=False)
            case range_requests.TakeWhole(total=total, validator=validator, end=end):
                self.offered = checksums.offered(answer.headers, whole=end is None)
                await self.restart(frozenset(self.offered))
                self._total, self._validator, self._end = total, self._kept(validator), end
        return True

    async def _pour(self, answer: StorageResponse, url: SecretStr) -> None:
        """Let the body go to the disk on a thread, and keep marks meanwhile."""
        self._flow = answer
        several = self._several = self._several or self._several_for(answer)
        if several is None:
            await self._pour_into(answer, self._land())
            return
        failure: Exception | None = None
        segment = several.segments.take()
        async with anyio.create_task_group() as others:
            others.start_soon(several.hire, others, url)
            try:
                if segment is not None:
                    await self._pour_into(answer, self._land(segment))
                    await answer.aclose()  # or the storage would go on sending what others bring
                    several.segments.leave(segment)
                self._flow = several
                await several.finish(url, self._keep_due_mark)
            except Exception as error:  # noqa: BLE001 - raised below, as itself and in no group
                failure = error
            finally:
                if segment is not None:
                    several.segments.leave(segment)
                others.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _pour_into(self, answer: StorageResponse, landing: PartialWriter) -> None:
        answer.start_receiving(landing)
        while not await answer.wait():
            await self.keep_mark()

    def _several_for(self, answer: StorageResponse) -> Multipart | None:
        """Let others help with a large package, or with one that they have helped with earlier."""
        if self._total is None or self._validator is None or not self._trusts_ranges:
            return None
        return several_for(
            answer,
            self.partial,
            self._shared,
            total=self._total,
            validator=self._validator,
            count=self._count,
        )

    def _count(self, count: int) -> None:
        self.received += count
        self.is_put_together = self.is_put_together or count > 0

    async def _keep_due_mark(self) -> None:
        if self._is_mark_due:
            await self.keep_mark()

    @property
    def size(self) -> int:
        """Bytes that are there, in a row or not."""
        several = self._several
        return self.partial.size if several is None else several.segments.present

    @property
    def missing(self) -> int:
        """Bytes that are not there yet, or zero while that is unknown."""
        return 0 if self._total is None else max(0, self._total - self.size)

    @property
    def _is_mark_due(self) -> bool:
        is_far = self.partial.size - self._synced >= self._policy.flush_bytes
        return is_far and self._validator is not None  # else a later run starts again anyhow

    def _look(self, watched: MonitoredTransfer) -> None:
        """Count what has come, note it, and tell it; called from time to time, and at the end."""
        landing, shared = self._landing, self._shared
        if landing is None:
            return
        count = landing.received - self._counted
        if count:
            self._counted += count
            self.received += count
            watched.received(count)
            shared.slots.received(count)
        size = self.size
        is_news = size != self._told
        if is_news:
            self._told = size
            if self._total is not None:
                shared.space.progress(self.item.key, self._total - size)
            shared.progress(self.item.key, size, self._total)
        if self._flow is None:
            return
        if self._flow.is_paused(time.monotonic(), OUR_FAULT_S):
            watched.excuse()
        if is_news and self._validator is not None:
            self._describe(self.partial.noted)
            shared.journal.note(self.item.row)
        if self._is_mark_due:
            self._flow.notify()
