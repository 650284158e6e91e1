"""A large package that several transfers bring at once.

Rules:
    * Only where the storage serves ranges of an object with a strong entity tag, while the package
      will still take a while, and for as long as nobody else wants the places for transfers.
    * The first transfer goes on as for any package: the file grows by what it brings, and so do its
      digests. The others write behind its end. When it has reached them, their bytes are read once
      more for the digests of the whole.
    * What goes wrong with one of the others costs its segment only: somebody else brings that.
    * A later run goes on with all of it: each stretch has a digest of its own.
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

HIRE_S = 1.0
"""So often it is looked whether one more transfer is worth it."""
OUR_FAULT_S = 1.0
"""A disk that takes longer than this for what it has to do is no fault of the storage's."""
ERRORS = 400
MOST_FAILURES = 3
"""So many failures of other transfers in a row, and no more of them are tried."""


def is_possible(answer: StorageResponse, missing: int, shared: TransferContext) -> bool:
    """Tell whether several transfers may bring what is missing of a package.

    Args:
        answer: The answer to the request for all of it; its entity tag is strong.
        missing: Bytes that are missing.
        shared: What all transfers share.
    """
    serves_ranges = answer.status == range_requests.PARTIAL_CONTENT or (
        answer.headers.get("accept-ranges", "").strip().lower() == "bytes"
    )
    is_large = missing >= LARGE * shared.policy.segment_bytes
    return serves_ranges and is_large


def several_for(  # noqa: PLR0913 - what `Multipart` takes, keyword-only
    answer: StorageResponse,
    partial: PartialFile,
    shared: TransferContext,
    *,
    total: int,
    validator: str,
    count: Callable[[int], None],
) -> Multipart | None:
    """Let others help with a large package, or with one that they have helped with earlier."""
    if not partial.takes_stretches:
        return None
    if partial.stretches or is_possible(answer, total - partial.size, shared):
        return Multipart(partial, shared, total=total, validator=validator, count=count)
    return None


class Multipart:
    """The transfers of one package; kept for all attempts to bring it.

    Attributes:
        segments: What is there, and what is on its way.
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
        """Begin with what the partial holds.

        Args:
            partial: The file, open.
            shared: What all transfers share.
            total: The size of the package.
            validator: Its strong entity tag.
            count: Told the bytes that the other transfers bring.
        """
        held = [(0, partial.size), *((each.begin, each.end) for each in partial.stretches)]
        self.segments = Segments(total, held, least_bytes=shared.policy.segment_bytes)
        self._partial = partial
        self._shared = shared
        self._total = total
        self._validator = validator
        self._count = count
        self._earlier = {each.begin: each for each in partial.stretches}
        self._landings: dict[int, RangeWriter] = {}
        self._failures = 0
        self._news = anyio.Event()

    def noted(self, written: int) -> tuple[VerifiedRange, ...]:
        """Return what a later run can use of the bytes behind `written`, as of a moment ago.

        That is the size that is noted of the file. It may not have been joined yet with segments
        which are complete: until then they are noted as stretches.
        """
        found = (self._note_of(each) for each in self.segments.behind(written))
        return tuple(each for each in found if each is not None)

    def note(self) -> None:
        """Bring the notes up to date; nobody may write meanwhile."""
        for segment in self.segments.behind(self._partial.size):
            if (landing := self._landings.get(segment.begin)) is not None:
                landing.note()

    def _note_of(self, segment: Segment) -> VerifiedRange | None:
        landing = self._landings.get(segment.begin)
        return self._earlier.get(segment.begin) if landing is None else landing.noted

    # While it waits for others, it stands for the flow of its own transfer.

    def is_paused(self, now: float, longest_s: float) -> bool:  # noqa: ARG002 - others are judged
        """Say that it is no fault of the storage's that nothing comes for the first transfer."""
        return True

    def notify(self) -> None:
        """Do nothing: marks are kept whenever the file has grown."""

    async def join(self) -> None:
        """Let the file grow by what is there without a gap.

        Raises:
            SinkError: It could not be read.
        """
        current = self.segments.current
        await self._partial.join(self._total if current is None else current.begin)

    async def hire(self, tasks: TaskGroup, url: SecretStr) -> None:
        """Let other transfers help, as long as that is worth it; until cancelled."""
        seen, running = self.segments.present, 0

        async def help_() -> None:
            nonlocal running
            running += 1
            try:
                await self._help(url)
            finally:
                running -= 1

        while self._failures < MOST_FAILURES:
            await anyio.sleep(HIRE_S)
            present = self.segments.present
            rate, seen = (present - seen) / HIRE_S, present
            for _ in range(running + 1):  # twice as many with each look
                if not (
                    self._partial.size
                    and self._shared.slots.has_room
                    and self.segments.is_worth_more(rate)
                ):
                    break
                tasks.start_soon(help_)
                await anyio.lowlevel.checkpoint()

    async def finish(self, url: SecretStr, keep_due_mark: Callable[[], Awaitable[None]]) -> None:
        """Bring what nobody else brings, wait for the others, and join what is there.

        Args:
            url: The signed URL.
            keep_due_mark: Awaited when the file has grown.

        Raises:
            RetryableError: Bytes are missing, and another attempt may bring them.
            TransferError: No attempt will do better.
            SinkError: The disk refused.
        """
        while True:
            is_whole = self.segments.current is None  # if not, it may be when it has been joined
            await self.join()
            await keep_due_mark()
            if is_whole:
                return
            segment = self.segments.take()
            if segment is None:
                if self.segments.current is not None:  # others may have ended meanwhile
                    await self._news.wait()
                continue
            try:
                await self._bring(segment, url, gives_way=False)
            finally:
                self._leave(segment)

    async def _help(self, url: SecretStr) -> None:
        """Bring one segment after the other, until the place is wanted or nothing is left."""
        slots = self._shared.slots
        async with slots:
            await anyio.lowlevel.checkpoint_if_cancelled()  # the place may have been waited for
            while not slots.is_wanted and (segment := self.segments.take()) is not None:
                try:
                    await self._bring(segment, url, gives_way=True)
                    self._failures = 0
                except PixxelError as error:
                    self._fail(error)
                    return
                except NextRequestError:  # says nothing of how many transfers the storage bears
                    self._failures += 1
                    return
                except RetryableError as passing:
                    self._fail(passing.error)
                    return
                finally:
                    self._leave(segment)

    def _fail(self, error: PixxelError) -> None:
        self._failures += 1
        if isinstance(error, TransferError):
            self._shared.slots.failed(error)

    def _leave(self, segment: Segment) -> None:
        self.segments.leave(segment)
        if landing := self._landings.get(segment.begin):
            landing.note()
        self._news.set()
        self._news = anyio.Event()

    async def _bring(self, segment: Segment, url: SecretStr, *, gives_way: bool) -> None:
        shared = self._shared
        landing = RangeWriter(self._partial, segment)
        self._landings[segment.begin] = landing
        counted = 0
        flow: StorageResponse | None = None

        def look(watched: MonitoredTransfer) -> None:
            nonlocal counted
            count = landing.received - counted
            counted += count
            self._count(count)
            watched.received(count)
            shared.slots.received(count)
            if flow is not None and flow.is_paused(time.monotonic(), OUR_FAULT_S):
                watched.excuse()
            if flow is not None and gives_way and shared.slots.is_wanted:
                flow.notify()

        headers = range_requests.part_headers(segment.at, segment.end, self._validator)
        try:
            async with shared.watchdog.watch(look) as watched:
                try:
                    async with await shared.storage.get(
                        url, headers, bandwidth=shared.bandwidth, refused=shared.refused
                    ) as answer:
                        flow, part = await self._checked(answer, segment)
                        landing.expect(part)
                        flow.start_receiving(landing)
                        if not await flow.wait():
                            return  # somebody wants the place
                finally:
                    flow = None
                    look(watched)
        except (ConnectionBrokenError, StalledError) as error:
            raise RetryableError(error) from None
        if segment.left and not landing.is_as_announced:
            message = f"the part ended at byte {segment.at} of {segment.end}"
            raise RetryableError(TransferError(message))

    async def _checked(
        self, answer: StorageResponse, segment: Segment
    ) -> tuple[StorageResponse, range_requests.Part]:
        """Return an answer that brings what was requested, and the part that it brings.

        Raises:
            RetryableError: It does not.
        """
        part = range_requests.usable_part(
            answer.status,
            answer.headers,
            first=segment.at,
            end=segment.end,
            total=self._total,
            validator=self._validator,
        )
        if isinstance(part, range_requests.Part):
            return answer, part
        if answer.status >= ERRORS and answer.status not in range_requests.SAYS_CHANGED:
            raise await error_of(answer)
        raise NextRequestError(TransferError(part))
