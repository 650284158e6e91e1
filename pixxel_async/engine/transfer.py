"""One transfer: its attempts to bring the bytes of one package into its partial.

What to do with an answer is decided in `sansio.ranges` and `sansio.storage_answers`; here it is
done.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
from pydantic import SecretStr

from ..config import FetchPolicy
from ..errors import (
    ConnectionBrokenError,
    IntegrityError,
    OutOfDescriptorsError,
    SinkError,
    StalledError,
    StorageError,
    TransferError,
)
from ..sansio import checksums, ranges
from ..sansio.lifecycle import State
from ..sansio.storage_answers import Meaning, not_a_zip, read_error
from ..sinks.base import PartialFile
from ..transport.storage import StorageAnswer, StorageClient
from .bandwidth import Bandwidth
from .item import Item
from .journal import Journal
from .slots import Slots
from .space import DESCRIPTOR_CODES, FULL_CODES, Space
from .watchdog import Watchdog, Watched

ERROR_BYTES = 4096
"""How much of an error's body is read."""

FIRST_BYTES = 512
"""How much of a body is looked at to tell a ZIP from a page of text."""


SERVER_ERROR = 500

TELLING_BYTES = 4
"""Fewer bytes than this do not tell a ZIP: the connection may have been cut after them."""


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


class Transfer:
    """The bytes of one package on their way to the disk.

    Attributes:
        item: The package; its journal row is kept up to date.
        partial: The file.
        offered: The checksums that the storage has offered for the object.
        has_older_bytes: Whether some bytes are of an earlier run, which kept no checksum of them.
        received: Bytes that have come over the wire.
    """

    def __init__(  # noqa: PLR0913 - the parts that it joins, keyword-only
        self,
        item: Item,
        partial: PartialFile,
        *,
        storage: StorageClient,
        journal: Journal,
        watchdog: Watchdog,
        space: Space,
        bandwidth: Bandwidth,
        slots: Slots,
        policy: FetchPolicy,
        buffer: bytearray,
        progress: Callable[[int, int | None], None],
    ) -> None:
        """Go on from what the partial holds.

        Args:
            item: The package.
            partial: The file, open.
            storage: Opens signed URLs.
            journal: Keeps the marks.
            watchdog: Cancels an attempt that stalls.
            space: Tells whether the disk has room.
            bandwidth: Holds back what comes too fast.
            slots: Told what comes.
            policy: When to write and to flush.
            buffer: As large as a write; nobody else uses it meanwhile.
            progress: Told the size of the file, and the total if it is known.
        """
        self.item = item
        self.partial = partial
        self.offered: dict[str, bytes] = {}
        self.has_older_bytes = partial.size > 0
        self.received = 0
        self._validator = item.row.validator
        self._total = item.row.total
        self._synced = partial.size
        self._storage = storage
        self._journal = journal
        self._watchdog = watchdog
        self._space = space
        self._bandwidth = bandwidth
        self._slots = slots
        self._policy = policy
        self._buffer = buffer
        self._progress = progress

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
        held = ranges.Held(size=self.partial.size, validator=self._validator, total=self._total)
        received = self.received
        try:
            with self._watchdog.watch() as watched:
                asked_at = anyio.current_time()
                async with self._storage.get(url, ranges.request_headers(held)) as answer:
                    self._slots.answered(anyio.current_time() - asked_at)
                    await self._take(held, answer, watched)
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
            await self._journal.put(self.item.row)
        await self.partial.restart(algorithms)
        self._synced = 0
        self._validator = self._total = None
        self.has_older_bytes = False

    async def keep_mark(self) -> None:
        """Sync the partial, and note in the journal how far a later run may trust it."""
        self._synced = await self.partial.sync()
        self._describe()
        await self._journal.put(self.item.row)

    async def leave(self) -> None:
        """Leave to a later run what it can use, and nothing else.

        Nothing is synced: after a sync that failed, another would vouch for lost bytes. The
        later run trusts what has the digest that is noted here, or else the last mark.
        """
        if self.partial.size > 0 and self._validator is not None:
            self._describe()
            await self._journal.put(self.item.row)
        else:
            await self.partial.discard()

    def _describe(self) -> None:
        written = self.partial.written()
        self.item.row = self.item.row.changed(
            state=State.FETCHING,
            validator=self._validator,
            total=self._total,
            mark=self._synced,
            written=written.written,
            written_sha256=written.sha256,
        )

    async def _take(self, held: ranges.Held, answer: StorageAnswer, watched: Watched) -> None:
        match ranges.decide(held, answer.status, answer.headers):
            case None:
                raise await _error(answer)
            case ranges.Refuse(reason=reason):
                raise PassingError(TransferError(reason))
            case ranges.Restart(reason=reason):
                await self.restart()
                raise PassingError(TransferError(reason))
            case ranges.Complete():
                return
            case ranges.Append(total=total):
                self._total = total
                self.offered |= checksums.offered(answer.headers, whole=False)
            case ranges.TakeWhole(total=total, validator=validator):
                self.offered = checksums.offered(answer.headers, whole=True)
                await self.restart(frozenset(self.offered))
                self._total, self._validator = total, validator
        if self._total is not None:
            missing = self._total - self.partial.size
            if not await self._space.fits(self.item.key, missing):
                raise NoRoomError(missing)
        await self._stream(answer, watched)

    async def _stream(self, answer: StorageAnswer, watched: Watched) -> None:
        """Write the body in large pieces; what came before a break is good, and is kept."""
        room, filled = memoryview(self._buffer), 0
        patience_s = self._policy.write_s
        written_at = anyio.current_time()
        try:
            while count := await answer.receive_into(
                room[filled : filled + self._bandwidth.piece_bytes], patience_s=patience_s
            ):
                filled += count
                watched.received(count)
                self.received += count
                self._slots.received(count)
                if await self._bandwidth.take(count):
                    watched.excuse()
                is_full = filled == len(room)
                if is_full or anyio.current_time() - written_at >= patience_s:
                    # Set before the write: one that is cancelled has written all the same.
                    piece, filled = room[:filled], 0
                    await self._write(piece)
                    written_at = anyio.current_time()
                    if is_full:  # else a storage that drips would be excused for ever
                        watched.excuse()
        finally:
            if filled:
                with anyio.CancelScope(shield=True):
                    await self._write(room[:filled])
        if self._total is not None and self.partial.size < self._total:
            message = f"the body ended at byte {self.partial.size} of {self._total}"
            raise PassingError(TransferError(message))

    async def _write(self, piece: memoryview) -> None:
        tells = self.partial.size == 0 and len(piece) >= TELLING_BYTES
        if tells and (reason := not_a_zip(bytes(piece[:FIRST_BYTES]))):
            raise IntegrityError(reason)
        if self._total is not None and self.partial.size + len(piece) > self._total:
            message = f"more than the announced {self._total} bytes came"
            raise IntegrityError(message)
        is_last = self.partial.size + len(piece) == self._total
        await self.partial.write(piece, check=self._policy.verify if is_last else None)
        if self._total is not None:
            self._space.progress(self.item.key, self._total - self.partial.size)
        if self._validator is not None:  # else a later run starts again anyhow
            if self.partial.size - self._synced >= self._policy.flush_bytes:
                await self.keep_mark()
            else:
                self._describe()
                self._journal.note(self.item.row)
        self._progress(self.partial.size, self._total)


async def _error(answer: StorageAnswer) -> Exception:
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
