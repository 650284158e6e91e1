"""One transfer: its attempts to download one package into its partial file.

`range_requests` and `error_codes` of `sansio.storage` decide how to handle a response.
"""

from __future__ import annotations

import time
from typing import Any

import anyio
from pydantic import SecretStr

from ..config import Checksum
from ..destinations.sink import PartialFile, ResumePoint
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
from .body_writer import PartialWriter, ranges_to_json
from .context import TransferContext
from .disk_space import DESCRIPTOR_CODES, FULL_CODES
from .errors import (
    CrowdedError,
    DiskFullError,
    NextRequestError,
    NoRoomError,
    RetryableError,
    drop_if_secret,
    error_of,
    redact_errors,
)
from .multipart import LOCAL_PAUSE_S, Multipart, multipart_for
from .stall_monitor import MonitoredTransfer, ReceivedBody
from .work_item import WorkItem


class Transfer:
    """The download of one package to disk.

    Attributes:
        item: The package; its journal row is kept up to date.
        partial: The file.
        offered: The checksums that the storage has offered for the object.
        is_assembled: Whether the bytes may come from several responses, in this run or earlier.
        received: Bytes received over the network.
        first_byte_s: Seconds from a request to the first response, or None before that.
    """

    def __init__(self, item: WorkItem, partial: PartialFile, shared: TransferContext) -> None:
        """Resume from what the partial holds."""
        self.item = item
        self.partial = partial
        self.offered: dict[str, bytes] = {}
        self.is_assembled = partial.size > 0
        self.received = 0
        self.first_byte_s: float | None = None
        self._shared = shared
        self._policy = shared.policy
        self._validator = item.row.validator
        self._total = item.row.total
        self._synced = partial.size
        self._held = range_requests.Held()
        self._skip = 0  # bytes of the current body
        self._end: int | None = None  # where that body ends, if before the end of the file
        self._writer: PartialWriter | None = None
        self._reported = partial.size
        self._counted = 0  # of the bytes that the writer received
        self._body: ReceivedBody | None = None
        self._multipart: Multipart | None = None
        self._trusts_ranges = True
        self._refused_ranges = 0  # in a row
        self._url: SecretStr | None = None

    async def attempt(self, url: SecretStr) -> None:
        """Send one GET and write its body; return when no byte is missing.

        Raises an outcome of `errors`, an `IntegrityError` if the body is not a ZIP, or a
        `TransferError` or `SinkError` if a retry would not help.
        """
        shared, received = self._shared, self.received
        self.item.row = self.item.row.changed(attempts=self.item.row.attempts + 1)
        self._url = url
        try:
            with redact_errors(shared.storage.redactor, url):
                await self._attempt(url)
        except (ConnectionBrokenError, OutOfDescriptorsError, StalledError) as error:
            raise self._retryable(RetryableError(error), received) from None
        except RetryableError as retryable:
            self._retryable(retryable, received)
            raise
        except StorageError as error:
            if meaning_of(error.status, error.code) is StorageErrorMeaning.PASSING:
                raise self._retryable(RetryableError(error), received) from None
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

    def _retryable(self, retryable: RetryableError, before: int) -> RetryableError:
        retryable.received = self.received - before
        self._refused_ranges = 0 if retryable.received else self._refused_ranges
        if self._asked_for_range:
            self._judge_range(retryable)
        return retryable

    def _judge_range(self, retryable: RetryableError) -> None:
        """Stop requesting ranges if they may be why the storage fails."""
        match retryable:
            case CrowdedError() | NextRequestError():
                return
            case RetryableError(error=StorageError(status=status_code)) if (
                range_requests.may_be_about_range(status_code)
            ):
                status: int | None = status_code
            case RetryableError(error=StalledError() | ConnectionBrokenError(sent=True)):
                status = None
            case _:
                return
        self._refused_ranges += not retryable.received
        attempts = self._policy.attempts
        if range_requests.is_about_range(status, refused=self._refused_ranges, attempts=attempts):
            self._trusts_ranges = False

    @property
    def _asked_for_range(self) -> bool:
        """Whether the failed request may have been for a range."""
        has_asked = self._held.resumable or self._multipart is not None
        return has_asked and self._trusts_ranges

    async def restart(self, algorithms: frozenset[str] = frozenset()) -> None:
        """Empty the partial, and forget the object that it came from.

        The journal forgets first. Otherwise a run killed here would leave a mark that vouches for
        bytes of another object.
        """
        if self.item.row.mark or self.item.row.written:
            self.item.row = self.item.row.without_partial()
            await self._shared.journal.put(self.item.row)
        await self.partial.restart(algorithms)
        self._synced = 0
        self._validator = self._total = None
        self._multipart = None
        self.is_assembled = False

    async def start_over(self) -> None:
        """Restart after wrong bytes; without ranges if they may have caused the error."""
        if self.is_assembled or self._held.resumable:
            self._trusts_ranges = False
        await self.restart()

    async def keep_mark(self) -> None:
        """Sync the partial, and record in the journal how far a later run may trust it."""
        self._synced = await self.partial.sync()
        self._describe(self.partial.noted)
        await self._shared.journal.put(self.item.row)

    async def leave(self) -> None:
        """Keep what a later run can use, and discard the rest.

        This does not sync: after a failed sync, a second one would vouch for lost bytes. The later
        run trusts bytes that match the digest recorded here, or else the last mark.
        """
        if self.size > 0 and self._validator is not None:
            if self._multipart is not None:
                self._multipart.note()
            self._describe(self.partial.written())
            await self._shared.journal.put(self.item.row)
        else:
            await self.partial.discard()

    def describe_whole(self, **known: Any) -> None:
        """Update the row of a complete file; `known` has further fields of the row."""
        self._describe(self.partial.written(), **known)

    def _describe(self, written: ResumePoint, **known: Any) -> None:
        ranges = self._multipart.noted(written.written) if self._multipart else ()
        self.item.row = self.item.row.changed(
            state=State.FETCHING,
            validator=self._validator,
            total=self._total,
            mark=self._synced,
            written=written.written,
            written_sha256=written.sha256,
            stretches=ranges_to_json(ranges),
            **known,
        )

    async def _attempt(self, url: SecretStr) -> None:
        shared = self._shared
        if self._multipart is not None:
            await self._multipart.join()
        self._held = range_requests.Held(
            size=self.partial.size,
            validator=self._validator if self._trusts_ranges else None,
            total=self._total,
        )
        self._skip, self._end = 0, None
        self._writer = None
        async with shared.watchdog.watch(self._observe) as watched:
            asked_at = time.monotonic()
            try:
                async with await shared.storage.get(
                    url,
                    range_requests.request_headers(self._held),
                    choose_writer=self._choose_writer,
                    bandwidth=shared.bandwidth,
                    refused=shared.refused,
                ) as response:
                    answered_s = response.headers_at - asked_at
                    self.first_byte_s = self.first_byte_s or answered_s
                    shared.slots.answered(answered_s)
                    await self._take(response, url)
            finally:
                self._body = None
                self._observe(watched)
        if self._writer and self._total is not None and self.partial.size < self._total:
            message = f"the body ended at byte {self.partial.size} of {self._total}"
            is_as_announced = self.partial.size == self._end and self._trusts_ranges
            kind = NextRequestError if is_as_announced else RetryableError
            raise kind(TransferError(message))

    def _choose_writer(self, response: StorageResponse) -> PartialWriter | None:
        """Choose the writer of a small, new package; called on another thread.

        Such a package needs neither the journal nor a check of the disk. The thread receives,
        writes and checks it without the event loop.
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
                self._body = response
                return self._new_writer()
        return None

    def _kept(self, validator: str | None) -> str | None:
        return drop_if_secret(self._shared.storage.redactor, validator, self._url)

    def _new_writer(self, segment: Segment | None = None) -> PartialWriter:
        self._counted = 0
        wanted = (self._total, self._policy.verify, segment)
        room, key = self._shared.space, self.item.key
        self._writer = PartialWriter(
            self.partial, *wanted, room=room, key=key, skip=self._skip, end=self._end
        )
        return self._writer

    async def _take(self, response: StorageResponse, url: SecretStr) -> None:
        if self._writer is not None or not await self._has_body(response):
            return
        if self._total is not None:
            missing = self._total - self.partial.size
            if not await self._shared.space.fits(self.item.key, missing):
                raise NoRoomError(missing)
        await self._receive(response, url)

    async def _has_body(self, response: StorageResponse) -> bool:
        """Prepare for a body; return False if nothing is missing."""
        match range_requests.decide(self._held, response.status, response.headers):
            case None:
                raise await error_of(response)
            case range_requests.Refuse(reason=reason):
                raise RetryableError(TransferError(reason))
            case range_requests.Restart(reason=reason):
                await self.restart()
                raise NextRequestError(TransferError(reason))
            case range_requests.RequestWhole(reason=reason):
                self._trusts_ranges = False
                raise NextRequestError(TransferError(reason))
            case range_requests.Complete():
                self.is_assembled = True
                return False
            case range_requests.Append(total=total, end=end, skip=skip):
                self.is_assembled = True
                self._total, self._end, self._skip = total, end, skip
                self.offered |= checksums.offered(response.headers, whole=False)
            case range_requests.TakeWhole(total=total, validator=validator, end=end):
                self.offered = checksums.offered(response.headers, whole=end is None)
                await self.restart(frozenset(self.offered))
                self._total, self._validator, self._end = total, self._kept(validator), end
        return True

    async def _receive(self, response: StorageResponse, url: SecretStr) -> None:
        """Write the body on a thread, and keep marks meanwhile."""
        self._body = response
        multipart = self._multipart = self._multipart or self._multipart_for(response)
        if multipart is None:
            await self._receive_into(response, self._new_writer())
            return
        failure: Exception | None = None
        segment = multipart.segments.take()
        async with anyio.create_task_group() as others:
            others.start_soon(multipart.spawn_helpers, others, url)
            try:
                if segment is not None:
                    await self._receive_into(response, self._new_writer(segment))
                    await (
                        response.aclose()
                    )  # or the storage would keep sending bytes that others fetch
                    multipart.segments.leave(segment)
                self._body = multipart
                await multipart.finish(url, self._keep_due_mark)
            except Exception as error:  # noqa: BLE001 - raised below, outside of the task group
                failure = error
            finally:
                if segment is not None:
                    multipart.segments.leave(segment)
                others.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _receive_into(self, response: StorageResponse, writer: PartialWriter) -> None:
        response.start_receiving(writer)
        while not await response.wait():
            await self.keep_mark()

    def _multipart_for(self, response: StorageResponse) -> Multipart | None:
        if self._total is None or self._validator is None or not self._trusts_ranges:
            return None
        return multipart_for(
            response,
            self.partial,
            self._shared,
            total=self._total,
            validator=self._validator,
            count=self._count,
        )

    def _count(self, count: int) -> None:
        self.received += count
        self.is_assembled = self.is_assembled or count > 0

    async def _keep_due_mark(self) -> None:
        if self._is_mark_due:
            await self.keep_mark()

    @property
    def size(self) -> int:
        """Bytes present, contiguous or not."""
        multipart = self._multipart
        return self.partial.size if multipart is None else multipart.segments.present

    @property
    def missing(self) -> int:
        """Missing bytes, or zero while the total is unknown."""
        return 0 if self._total is None else max(0, self._total - self.size)

    @property
    def _is_mark_due(self) -> bool:
        is_far = self.partial.size - self._synced >= self._policy.flush_bytes
        return is_far and self._validator is not None  # otherwise a later run starts over

    def _observe(self, watched: MonitoredTransfer) -> None:
        """Count received bytes, and report them; called periodically, and at the end."""
        writer, shared = self._writer, self._shared
        if writer is None:
            return
        count = writer.received - self._counted
        if count:
            self._counted += count
            self.received += count
            watched.received(count)
            shared.slots.received(count)
        size = self.size
        is_news = size != self._reported
        if is_news:
            self._reported = size
            if self._total is not None:
                shared.space.progress(self.item.key, self._total - size)
            shared.progress(self.item.key, size, self._total)
        if self._body is None:
            return
        if self._body.is_paused(time.monotonic(), LOCAL_PAUSE_S):
            watched.excuse()
        if is_news and self._validator is not None:
            self._describe(self.partial.noted)
            shared.journal.note(self.item.row)
        if self._is_mark_due:
            self._body.notify()
