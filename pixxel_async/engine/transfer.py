"""One transfer: its attempts to bring the bytes of one package into its partial.

What to do with an answer is decided in `sansio.ranges` and `sansio.storage_answers`; here it is
done.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

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
from ..sansio.storage_answers import Meaning, read_error
from ..sinks.base import Held, PartialFile
from ..transport.answers import Answer, PouredAnswer, PulledAnswer, by_name
from ..transport.exchange import Exchange
from .item import Item
from .landing import Landing
from .pulling import Pulling
from .shared import Shared
from .space import DESCRIPTOR_CODES, FULL_CODES
from .watchdog import Watched

ERROR_BYTES = 4096
"""How much of an error's body is read."""

OUR_FAULT_S = 1.0
"""A disk that takes longer than this for what it has to do is no fault of the storage's."""

SERVER_ERROR = 500


class NoRoomError(Exception):
    """The disk has no room for what an answer would bring."""

    def __init__(self, missing: int) -> None:
        """Keep how many bytes it would bring."""
        super().__init__(str(missing))
        self.missing = missing


class DiskFullError(Exception):
    """The disk refused what an attempt brought, since it is full."""

    def __init__(self, error: SinkError) -> None:
        """Keep what is raised when it stays so."""
        super().__init__(str(error))
        self.error = error


class UrlExpiredError(StorageError):
    """The storage says that the signed URL has expired."""


class PassingError(Exception):
    """An attempt is over, and another one may do better.

    Attributes:
        error: Why it is over.
        came: The bytes that it has brought.
    """

    def __init__(self, error: TransferError) -> None:
        """Keep what is raised when no attempt is left."""
        super().__init__(str(error))
        self.error = error
        self.came = 0


def is_failure_of_host(error: BaseException) -> bool:
    """Tell whether an attempt tells that the storage fails: nothing came, and not for its number.

    Too many requests (429), and bytes that break off, are no sign of a host that is down.
    """
    if not isinstance(error, PassingError) or error.came:
        return False
    match error.error:
        case StorageError(status=status):
            return status >= SERVER_ERROR
        case cause:
            return isinstance(cause, (ConnectionBrokenError, StalledError))


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
        self._counted = 0  # of what the landing has received
        self._flow: Flow | None = None

    async def attempt(self, url: SecretStr) -> None:
        """Make one GET and write what it brings; returns when no byte is missing.

        Raises:
            PassingError: Bytes are missing, and another attempt may bring them.
            NoRoomError: The disk has no room for them.
            UrlExpiredError: Another attempt needs another URL.
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
            raise self._passing(error, received) from None
        except PassingError as passing:
            raise self._passing(passing.error, received) from None
        except SinkError as error:
            if error.code in DESCRIPTOR_CODES:
                raise PassingError(OutOfDescriptorsError(str(error))) from None
            if error.code not in FULL_CODES:
                raise
            raise DiskFullError(error) from None

    def _passing(self, error: TransferError, before: int) -> PassingError:
        passing = PassingError(error)
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
        if self.partial.size > 0 and self._validator is not None:
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
            **known,
        )

    # One GET.

    async def _attempt(self, url: SecretStr) -> None:
        shared = self._shared
        self._held = ranges.Held(
            size=self.partial.size, validator=self._validator, total=self._total
        )
        self._landing = None
        with shared.watchdog.watch(self._look) as watched:
            asked_at = time.monotonic()
            try:
                async with await shared.storage.get(
                    url,
                    ranges.request_headers(self._held),
                    at_once=self._land_at_once,
                    throttle=shared.bandwidth,
                ) as answer:
                    shared.slots.answered(answer.head_at - asked_at)
                    await self._take(answer)
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

    def _land(self) -> Landing:
        self._counted = 0
        self._landing = Landing(self.partial, self._total, self._policy.verify)
        return self._landing

    async def _take(self, answer: Answer) -> None:
        """Take an answer, unless it was taken at once."""
        if self._landing is not None or not await self._has_body(answer):
            return
        if self._total is not None:
            missing = self._total - self.partial.size
            if not await self._shared.space.fits(self.item.key, missing):
                raise NoRoomError(missing)
        if isinstance(answer, PouredAnswer):
            await self._pour(answer)
        else:
            await self._pull(answer)

    async def _has_body(self, answer: Answer) -> bool:
        """Get ready for a body; return False if nothing is missing."""
        match ranges.decide(self._held, answer.status, answer.headers):
            case None:
                raise await _error(answer)
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

    async def _pour(self, answer: PouredAnswer) -> None:
        """Let the body go to the disk on a thread, and keep marks meanwhile."""
        self._flow = answer.exchange
        answer.begin_to_pour(self._land())
        while not await answer.poured():
            await self.keep_mark()

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
            size = self.partial.size
            if self._total is not None:
                shared.space.progress(self.item.key, self._total - size)
            shared.progress(self.item.key, size, self._total)
        if self._flow is None:
            return
        if self._flow.is_held_up(time.monotonic(), OUR_FAULT_S):
            watched.excuse()
        if self._is_mark_due:
            self._flow.nudge()
        elif count and self._validator is not None:
            self._describe(self.partial.noted)
            shared.journal.note(self.item.row)


async def _error(answer: Answer) -> Exception:
    problem = read_error(answer.status, await answer.beginning(ERROR_BYTES))
    match problem.meaning:
        case Meaning.EXPIRED:
            return UrlExpiredError(problem.message, status=answer.status, code=problem.code)
        case Meaning.PASSING:
            return PassingError(
                StorageError(problem.message, status=answer.status, code=problem.code)
            )
        case Meaning.FINAL:
            return StorageError(problem.message, status=answer.status, code=problem.code)
