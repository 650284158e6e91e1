"""One transfer: its attempts to bring the bytes of one package into its partial.

What to do with an answer is decided in `sansio.ranges` and `sansio.storage_answers`; here it is
done.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

import anyio
from pydantic import SecretStr

from ..config import Checksum
from ..errors import (
    ConnectionBrokenError,
    OutOfDescriptorsError,
    SinkError,
    StalledError,
    StorageError,
    TransferError,
)
from ..sansio import checksums, ranges
from ..sansio.lifecycle import State
from ..sansio.segments import Segment
from ..sansio.storage_answers import Meaning, meaning_of
from ..sinks.base import Held, PartialFile
from ..transport.answers import Answer, PouredAnswer, PulledAnswer, by_name
from ..transport.exchange import Exchange
from .item import Item
from .landing import Landing
from .pulling import Pulling
from .several import OUR_FAULT_S, Several, is_possible
from .shared import Shared
from .space import DESCRIPTOR_CODES, FULL_CODES
from .stretch import text_of
from .troubles import DiskFullError, NoRoomError, PassingError, error_of
from .watchdog import Watched


class Flow(Protocol):
    """A body on its way."""

    def is_held_up(self, now: float, longest_s: float) -> bool:
        """Tell whether it is for us that nothing comes, and has been for longer than that."""
        ...

    def nudge(self) -> None:
        """Let who waits for it look whether a mark is due."""
        ...


class Transfer:
    """The bytes of one package on their way to the disk.

    Attributes:
        item: The package; its journal row is kept up to date.
        partial: The file.
        offered: The checksums that the storage has offered for the object.
        has_older_bytes: Whether some bytes are of an earlier run, which kept no checksum of them.
        received: Bytes that have come over the wire.
    """

    def __init__(self, item: Item, partial: PartialFile, shared: Shared) -> None:
        """Go on from what the partial holds.

        Args:
            item: The package.
            partial: The file, open.
            shared: What all transfers of an export share.
        """
        self.item = item
        self.partial = partial
        self.offered: dict[str, bytes] = {}
        self.has_older_bytes = partial.size > 0
        self.received = 0
        self._shared = shared
        self._policy = shared.policy
        self._validator = item.row.validator
        self._total = item.row.total
        self._synced = partial.size
        self._held = ranges.Held()
        self._landing: Landing | None = None
        self._told = partial.size
        self._counted = 0  # of what the landing has received
        self._flow: Flow | None = None
        self._several: Several | None = None

    async def attempt(self, url: SecretStr) -> None:
        """Make one GET and write what it brings; returns when no byte is missing.

        Raises:
            PassingError: Bytes are missing, and another attempt may bring them.
            RefusedError: Likewise, with another URL.
            ObjectGoneError: The object is not there.
            CrowdedError: The storage bears no more at once.
            NoRoomError: The disk has no room for them.
            IntegrityError: What came is no ZIP.
            TransferError: No attempt will do better.
            DiskFullError: The disk is full.
            SinkError: The bytes could not be written.
        """
        self.item.row = self.item.row.changed(attempts=self.item.row.attempts + 1)
        received = self.received
        try:
            await self._attempt(url)
        except (ConnectionBrokenError, OutOfDescriptorsError, StalledError) as error:
            raise self._passing(PassingError(error), received) from None
        except PassingError as passing:
            self._passing(passing, received)
            raise
        except StorageError as error:
            if meaning_of(error.status, error.code) is not Meaning.PASSING:
                raise
            raise self._passing(PassingError(error), received) from None
        except SinkError as error:
            if error.code in DESCRIPTOR_CODES:
                raise PassingError(OutOfDescriptorsError(str(error))) from None
            if error.code not in FULL_CODES:
                raise
            raise DiskFullError(error) from None

    def _passing(self, passing: PassingError, before: int) -> PassingError:
        passing.came = self.received - before
        return passing

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
        self.has_older_bytes = False

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
                self._several.written()
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
            stretches=text_of(() if self._several is None else self._several.noted()),
            **known,
        )

    # One GET.

    async def _attempt(self, url: SecretStr) -> None:
        shared = self._shared
        if self._several is not None:
            await self._several.join()
        self._held = ranges.Held(
            size=self.partial.size, validator=self._validator, total=self._total
        )
        self._landing = None
        async with shared.watchdog.watch(self._look) as watched:
            asked_at = time.monotonic()
            try:
                async with await shared.storage.get(
                    url,
                    ranges.request_headers(self._held),
                    at_once=self._land_at_once,
                    throttle=shared.bandwidth,
                ) as answer:
                    shared.slots.answered(answer.head_at - asked_at)
                    await self._take(answer, url)
            finally:
                self._flow = None
                self._look(watched)
        if self._landing and self._total is not None and self.partial.size < self._total:
            message = f"the body ended at byte {self.partial.size} of {self._total}"
            raise PassingError(TransferError(message))

    def _land_at_once(self, exchange: Exchange) -> Landing | None:
        """Say where a body goes that needs no second thought; called on another thread.

        A small package of which nothing is there yet needs neither the journal nor a look at the
        disk. It is received, written and looked at without a word from the event loop.
        """
        head = exchange.head
        if head is None or self._held.size or self.item.row.mark or self.item.row.written:
            return None
        headers = by_name(head.headers)
        match ranges.decide(self._held, head.status, headers):
            case ranges.TakeWhole(total=int(total), validator=validator):
                if total > self._shared.at_once_bytes:
                    return None
                if self._policy.checksum is not Checksum.NONE:
                    self.offered = checksums.offered(headers, whole=True)
                self.partial.begin(frozenset(self.offered))
                self._total, self._validator = total, validator
                self._flow = exchange
                return self._land()
        return None

    def _land(self, segment: Segment | None = None) -> Landing:
        self._counted = 0
        self._landing = Landing(self.partial, self._total, self._policy.verify, segment)
        return self._landing

    async def _take(self, answer: Answer, url: SecretStr) -> None:
        """Take an answer, unless it was taken at once."""
        if self._landing is not None or not await self._has_body(answer):
            return
        if self._total is not None:
            missing = self._total - self.partial.size
            if not await self._shared.space.fits(self.item.key, missing):
                raise NoRoomError(missing)
        if isinstance(answer, PouredAnswer):
            await self._pour(answer, url)
        else:
            self._several = None
            await self._pull(answer)

    async def _has_body(self, answer: Answer) -> bool:
        """Get ready for a body; return False if nothing is missing."""
        match ranges.decide(self._held, answer.status, answer.headers):
            case None:
                raise await error_of(answer)
            case ranges.Refuse(reason=reason):
                raise PassingError(TransferError(reason))
            case ranges.Restart(reason=reason):
                await self.restart()
                raise PassingError(TransferError(reason))
            case ranges.Complete():
                return False
            case ranges.Append(total=total):
                self._total = total
                self.offered |= checksums.offered(answer.headers, whole=False)
            case ranges.TakeWhole(total=total, validator=validator):
                self.offered = checksums.offered(answer.headers, whole=True)
                await self.restart(frozenset(self.offered))
                self._total, self._validator = total, validator
        return True

    async def _pour(self, answer: PouredAnswer, url: SecretStr) -> None:
        """Let the body go to the disk on a thread, and keep marks meanwhile."""
        self._flow = answer.exchange
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

    async def _pour_into(self, answer: PouredAnswer, landing: Landing) -> None:
        answer.begin_to_pour(landing)
        while not await answer.poured():
            await self.keep_mark()

    def _several_for(self, answer: PouredAnswer) -> Several | None:
        """Let others help with a large package, or with one that they have helped with earlier."""
        if self._total is None or self._validator is None or not self.partial.takes_stretches:
            return None
        missing = self._total - self.partial.size
        if not self.partial.stretches and not is_possible(answer, missing, self._shared):
            return None
        return Several(
            self.partial,
            self._shared,
            total=self._total,
            validator=self._validator,
            count=self._count,
        )

    def _count(self, count: int) -> None:
        self.received += count

    async def _pull(self, answer: PulledAnswer) -> None:
        """Bring the body to the disk piece by piece, and keep marks on the way."""
        buffers = self._shared.buffers
        buffer = buffers.take()
        try:
            pulling = Pulling(
                answer,
                self._land(),
                buffer,
                write_s=self._policy.write_s,
                throttle=self._shared.bandwidth,
            )
            self._flow = pulling
            while await pulling.more():
                if self._is_mark_due:
                    await self.keep_mark()
        finally:
            buffers.give_back(buffer)

    async def _keep_due_mark(self) -> None:
        if self._is_mark_due:
            await self.keep_mark()

    @property
    def size(self) -> int:
        """Bytes that are there, in a row or not."""
        several = self._several
        return self.partial.size if several is None else several.segments.present

    @property
    def _is_mark_due(self) -> bool:
        is_far = self.partial.size - self._synced >= self._policy.flush_bytes
        return is_far and self._validator is not None  # else a later run starts again anyhow

    def _look(self, watched: Watched) -> None:
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
        if self._flow.is_held_up(time.monotonic(), OUR_FAULT_S):
            watched.excuse()
        if self._is_mark_due:
            self._flow.nudge()
        elif is_news and self._validator is not None:
            self._describe(self.partial.noted)
            shared.journal.note(self.item.row)
