"""Downloads a large package with several transfers at once.

Rules:
    * Only if the storage serves ranges of an object with a strong entity tag, the package will take
      a while, and no other package waits for the slots.
    * The first transfer works as for any package: it appends to the file and updates the digests.
      The helpers write behind its end. When it reaches their bytes, these are read once more for
      the digests of the whole file.
    * A failure of a helper affects only its segment, which another transfer fetches.
    * A later run resumes all of it: each range has a digest of its own.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup
from pydantic import SecretStr

from ..destinations.sink import PartialFile, VerifiedRange
from ..errors import ConnectionBrokenError, PixxelError, StalledError, TransferError
from ..http.storage_response import StorageResponse
from ..sansio.storage import range_requests
from ..sansio.storage.segments import LARGE, Segment, Segments
from .body_writer import RangeWriter
from .context import TransferContext
from .errors import NextRequestError, RetryableError, error_of
from .stall_monitor import MonitoredTransfer

SPAWN_S = 1.0
"""How often to check whether another helper is worth it, in seconds."""
LOCAL_PAUSE_S = 1.0
"""A disk that blocks for longer than this, in seconds, does not count as a stall of the storage."""
FIRST_ERROR_STATUS = 400
MAX_FAILURES = 3
"""Failures of helpers in a row after which no more are started."""


def is_possible(response: StorageResponse, missing: int, shared: TransferContext) -> bool:
    """Return whether several transfers may fetch the missing bytes."""
    serves_ranges = response.status == range_requests.PARTIAL_CONTENT or (
        response.headers.get("accept-ranges", "").strip().lower() == "bytes"
    )
    is_large = missing >= LARGE * shared.policy.segment_bytes
    return serves_ranges and is_large


def multipart_for(  # noqa: PLR0913 - what `Multipart` takes, keyword-only
    response: StorageResponse,
    partial: PartialFile,
    shared: TransferContext,
    *,
    total: int,
    validator: str,
    count: Callable[[int], None],
) -> Multipart | None:
    """Return the transfers of a large package, or None for one that a single transfer fetches."""
    if not partial.supports_ranges:
        return None
    if partial.ranges or is_possible(response, total - partial.size, shared):
        return Multipart(partial, shared, total=total, validator=validator, count=count)
    return None


class Multipart:
    """The transfers of one package; kept for all its attempts.

    Attributes:
        segments: Received bytes, and those in progress.
    """

    def __init__(
        self,
        partial: PartialFile,
        shared: TransferContext,
        *,
        total: int,
        validator: str,
        count: Callable[[int], None],
    ) -> None:
        """Resume from what the partial holds; `count` takes the bytes that helpers receive."""
        held = [(0, partial.size), *((each.begin, each.end) for each in partial.ranges)]
        self.segments = Segments(total, held, least_bytes=shared.policy.segment_bytes)
        self._partial = partial
        self._shared = shared
        self._total = total
        self._validator = validator
        self._count = count
        self._earlier = {each.begin: each for each in partial.ranges}
        self._writers: dict[int, RangeWriter] = {}
        self._failures = 0
        self._changed = anyio.Event()

    def noted(self, written: int) -> tuple[VerifiedRange, ...]:
        """Return the ranges behind `written` that a later run can use, as of a moment ago.

        `written` is the recorded size of the file. Complete segments may not be joined to it yet;
        until then they are recorded as ranges.
        """
        found = (self._note_of(each) for each in self.segments.behind(written))
        return tuple(each for each in found if each is not None)

    def note(self) -> None:
        """Update the recorded ranges; nothing may write meanwhile."""
        for segment in self.segments.behind(self._partial.size):
            if (writer := self._writers.get(segment.begin)) is not None:
                writer.note()

    def _note_of(self, segment: Segment) -> VerifiedRange | None:
        writer = self._writers.get(segment.begin)
        return self._earlier.get(segment.begin) if writer is None else writer.noted

    # `ReceivedBody`: while the first transfer waits for helpers.

    def is_paused(self, now: float, longest_s: float) -> bool:  # noqa: ARG002 - helpers are checked themselves
        """Return True: the stalls of helpers are detected separately."""
        return True

    def notify(self) -> None:
        """Do nothing: marks are kept whenever the file has grown."""

    async def join(self) -> None:
        """Extend the file by the bytes that follow it without a gap."""
        current = self.segments.current
        await self._partial.join(self._total if current is None else current.begin)

    async def spawn_helpers(self, tasks: TaskGroup, url: SecretStr) -> None:
        """Start helpers as long as they are worth it; until cancelled."""
        seen, running = self.segments.present, 0

        async def help_() -> None:
            nonlocal running
            running += 1
            try:
                await self._help(url)
            finally:
                running -= 1

        while self._failures < MAX_FAILURES:
            await anyio.sleep(SPAWN_S)
            present = self.segments.present
            rate, seen = (present - seen) / SPAWN_S, present
            for _ in range(running + 1):  # doubles with each check
                if not (
                    self._partial.size
                    and self._shared.slots.has_room
                    and self.segments.is_worth_more(rate)
                ):
                    break
                tasks.start_soon(help_)
                await anyio.lowlevel.checkpoint()

    async def finish(self, url: SecretStr, keep_due_mark: Callable[[], Awaitable[None]]) -> None:
        """Fetch the remaining segments, wait for the helpers, and join the file.

        `keep_due_mark` is awaited when the file has grown.

        Raises:
            RetryableError: Bytes are missing, and another attempt may receive them.
            TransferError: A retry would not help.
            SinkError: The disk refused.
        """
        while True:
            is_whole = self.segments.current is None  # otherwise it may be complete after the join
            await self.join()
            await keep_due_mark()
            if is_whole:
                return
            segment = self.segments.take()
            if segment is None:
                if self.segments.current is not None:  # a helper may have finished meanwhile
                    await self._changed.wait()
                continue
            try:
                await self._fetch_segment(segment, url, yields_slot=False)
            finally:
                self._return_segment(segment)

    async def _help(self, url: SecretStr) -> None:
        """Fetch segments until the slot is wanted or none is left."""
        slots = self._shared.slots
        async with slots:
            await anyio.lowlevel.checkpoint_if_cancelled()  # the slot may have taken a while
            while not slots.is_wanted and (segment := self.segments.take()) is not None:
                try:
                    await self._fetch_segment(segment, url, yields_slot=True)
                    self._failures = 0
                except PixxelError as error:
                    self._fail(error)
                    return
                except NextRequestError:  # no sign of too many transfers
                    self._failures += 1
                    return
                except RetryableError as retryable:
                    self._fail(retryable.error)
                    return
                finally:
                    self._return_segment(segment)

    def _fail(self, error: PixxelError) -> None:
        self._failures += 1
        if isinstance(error, TransferError):
            self._shared.slots.failed(error)

    def _return_segment(self, segment: Segment) -> None:
        self.segments.leave(segment)
        if writer := self._writers.get(segment.begin):
            writer.note()
        self._changed.set()
        self._changed = anyio.Event()

    async def _fetch_segment(self, segment: Segment, url: SecretStr, *, yields_slot: bool) -> None:
        shared = self._shared
        writer = RangeWriter(self._partial, segment)
        self._writers[segment.begin] = writer
        counted = 0
        body: StorageResponse | None = None

        def observe(watched: MonitoredTransfer) -> None:
            nonlocal counted
            count = writer.received - counted
            counted += count
            self._count(count)
            watched.received(count)
            shared.slots.received(count)
            if body is not None and body.is_paused(time.monotonic(), LOCAL_PAUSE_S):
                watched.excuse()
            if body is not None and yields_slot and shared.slots.is_wanted:
                body.notify()

        headers = range_requests.part_headers(segment.at, segment.end, self._validator)
        try:
            async with shared.watchdog.watch(observe) as watched:
                try:
                    async with await shared.storage.get(
                        url, headers, bandwidth=shared.bandwidth, refused=shared.refused
                    ) as response:
                        writer.expect(await self._part_of(response, segment))
                        body = response
                        body.start_receiving(writer)
                        if not await body.wait():
                            return  # another package wants the slot
                finally:
                    body = None
                    observe(watched)
        except (ConnectionBrokenError, StalledError) as error:
            raise RetryableError(error) from None
        if segment.left and not writer.is_as_announced:
            message = f"the part ended at byte {segment.at} of {segment.end}"
            raise RetryableError(TransferError(message))

    async def _part_of(self, response: StorageResponse, segment: Segment) -> range_requests.Part:
        """Return the part that a usable response covers, or raise."""
        part = range_requests.usable_part(
            response.status,
            response.headers,
            first=segment.at,
            end=segment.end,
            total=self._total,
            validator=self._validator,
        )
        if isinstance(part, range_requests.Part):
            return part
        has_changed = response.status in range_requests.SAYS_CHANGED
        if response.status >= FIRST_ERROR_STATUS and not has_changed:
            raise await error_of(response)
        raise NextRequestError(TransferError(part))
