"""The streaming fetcher: from a signed URL to a verified partial.

Rules:
    * An attempt that brings the file further than any before starts the count anew, so a large
      file may break off many times, and a storage that leads nowhere is left soon.
    * An expired URL is replaced and is no failure, but only a few times without a new byte.
    * A transfer that is refused with a fresh URL, or as one too many again and again, tries again
      alone at its host (`turns`). If that helps, fewer run from then on, and it is told once.
    * What arrived whole and is wrong is fetched again from zero, a few times. A page or nothing
      where a ZIP is due passes like any other trouble of the storage.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
from pydantic import SecretStr

from .. import events
from ..config import Checksum, FetchPolicy, FolderPolicy, RetryPolicy, Verify
from ..errors import (
    IntegrityError,
    NotAZipError,
    OutOfDescriptorsError,
    SinkError,
    TransferError,
)
from ..fetches import MOST_FETCHES
from ..sansio.backoff import delay
from ..sansio.storage_answers import not_a_zip
from ..sinks.base import Care, Held
from ..transport.guard import HostFails, HostGuards, HostIsBack, News
from ..transport.storage import StorageClient
from ..transport.target import Throttle
from .buffers import Buffers
from .folder import ExportFolder
from .item import Item
from .saver import Arrived
from .shared import Shared
from .slots import Slots
from .space import MAX_REFUSALS, Space
from .stretch import stretches_of
from .transfer import Transfer
from .tries import REFUSED_AGAIN, Load, Tries
from .troubles import (
    CrowdedError,
    DiskFullError,
    NoRoomError,
    ObjectGoneError,
    PassingError,
    RefusedError,
)
from .watchdog import Watchdog

AT_ONCE_BYTES = 4 * 1024 * 1024
"""A package up to this size is received before its size is known, if the reserve of free space
bears as many of them as there may be at once."""

MAX_REFRESHES = 3
"""Fresh URLs in a row without a byte in between."""

MAX_GONE = 4
"""Answers in a row that the object is not there: it may be a moment late."""

MAX_SHORTAGES = 100
"""Attempts in a row that found no free descriptor: others have to end first."""

SHORTAGE_ATTEMPT = 2
"""They are paused for as long as after the second failure."""

MAX_WRONG = 3
"""Files that arrived whole and were wrong."""


class _StaleError(Exception):
    """The signed URL is about to expire, or there is none."""


class NotReadyAnyMoreError(Exception):
    """The service, asked for a fresh URL, says that the package is not ready."""


class Fetcher:
    """Fetches the packages of one export."""

    def __init__(  # noqa: PLR0913 - the parts that it joins, keyword-only
        self,
        storage: StorageClient,
        folder: ExportFolder,
        *,
        policy: FetchPolicy,
        folder_policy: FolderPolicy,
        retry: RetryPolicy,
        slots: Slots,
        hosts: HostGuards,
        space: Space,
        bandwidth: Throttle | None,
        fresh_url: Callable[[Item], Awaitable[SecretStr | None]],
        emit: Callable[[events.Event], Awaitable[None]],
        emit_or_drop: Callable[[events.Event], None],
        count_received: Callable[[int], None],
        clock: Callable[[], float],
    ) -> None:
        """Join storage, folder and events.

        Args:
            storage: Opens signed URLs.
            folder: Where files and notes go.
            policy: How a package is transferred and verified.
            folder_policy: What is done with files that are in the way.
            slots: Bounds the transfers of all exports of a client.
            hosts: Hold transfers back from a storage that fails.
            space: Pauses transfers while the disk is full.
            bandwidth: Limits what they bring together, or None.
            retry: Delays between attempts.
            fresh_url: Asks the service for a new signed URL; None means not ready any more.
            emit: Takes the events that must not be lost.
            emit_or_drop: Takes progress, if there is room for it.
            count_received: Told the bytes of a transfer that does not end with a saved file.
            clock: Seconds for `at_s`.
        """
        self.watchdog = Watchdog(policy)
        self._shared = Shared(
            storage=storage,
            journal=folder.journal,
            watchdog=self.watchdog,
            space=space,
            bandwidth=bandwidth,
            slots=slots,
            policy=policy,
            buffers=Buffers(policy.write_bytes),
            at_once_bytes=min(
                AT_ONCE_BYTES, folder_policy.least_free_bytes // MOST_FETCHES, policy.flush_bytes
            ),
            progress=self._progress,
        )
        self._storage = storage
        self._folder = folder
        self._policy = policy
        self._care = Care(policy.checksum, policy.sync)
        self._foreign = folder_policy.foreign_files
        self._retry = retry
        self._slots = slots
        self._hosts = hosts
        self._space = space
        self._fresh_url = fresh_url
        self._emit = emit
        self._emit_or_drop = emit_or_drop
        self._count_received = count_received
        self._clock = clock
        self._load = Load(slots, emit=emit, clock=clock)

    async def fetch(self, item: Item) -> Arrived:
        """Transfer a package that is ready, and verify what came.

        A cancelled or failed fetch leaves the partial and its mark for a later run, and nothing
        under the final name.

        Raises:
            NotReadyAnyMoreError: The package has to be waited for again.
            TransferError: The bytes did not arrive whole, and the attempts are used up.
            SinkError: They could not be written.
            DiskStaysFullError: The disk stayed full.
        """
        began = asyncio.get_running_loop().time()
        partial = await self._folder.sink.open(
            item.row.name, _held(item), self._foreign, self._care
        )
        transfer = Transfer(item, partial, self._shared)
        try:
            await self._emit(
                events.FetchStarted(
                    at_s=self._clock(), key=item.key, name=item.row.name, offset=partial.size
                )
            )
            checksum = await self._until_right(transfer)
        except BaseException:
            self._count_received(transfer.received)
            with anyio.CancelScope(shield=True), suppress(SinkError):
                try:
                    await transfer.leave()
                finally:
                    await partial.aclose()
            raise
        finally:
            self._space.release(item.key)
        return Arrived(transfer=transfer, checksum=checksum, began=began)

    def _progress(self, key: str, size: int, total: int | None) -> None:
        self._emit_or_drop(
            events.FetchProgress(at_s=self._clock(), key=key, bytes=size, total=total)
        )

    async def _until_right(self, transfer: Transfer) -> str:
        """Transfer until the file verifies; return which checksum it agreed with."""
        wrong = 0
        while True:
            try:
                await self._until_whole(transfer)
                return await self._verify(transfer)
            except IntegrityError as error:
                wrong += 1
                await transfer.restart()
                is_page = isinstance(error, NotAZipError)
                if wrong >= (self._policy.attempts if is_page else MAX_WRONG):
                    raise
                await self._pause(transfer, wrong, error)

    async def _until_whole(self, transfer: Transfer) -> None:
        """Transfer until no byte is missing."""
        item, partial = transfer.item, transfer.partial
        tries = Tries(furthest=transfer.size)
        missing = (item.row.total or partial.size) - partial.size
        while True:
            await self._space.admit(item.key, missing)
            try:
                await self._refresh_stale(item)
                # Only the bytes need the slot: who waits for the service, or for the reader of
                # an event, leaves it to others.
                guard = self._hosts.of(self._usable_url(item))
                turns = self._slots.turns_at(guard.host)
                is_alone = tries.is_better_alone
                async with (
                    turns.alone() if is_alone else turns.together(),
                    guard.request(self._tell),
                    self._slots,
                ):
                    try:
                        await transfer.attempt(self._usable_url(item))
                    except (RefusedError, CrowdedError) as refused:
                        tries.note_refusal(refused, has_company=turns.has_company)
                        raise
            except _StaleError:
                continue
            except NoRoomError as no_room:
                missing = no_room.missing
            except (DiskFullError, PassingError) as trouble:
                if isinstance(trouble, CrowdedError):
                    await self._load.tell(guard.host, str(trouble))
                elif isinstance(trouble, PassingError) and trouble.came:
                    await self._load.learn(tries, guard.host, is_alone=is_alone)
                tries.reached(transfer.size)
                await self._overcome(transfer, tries, trouble)
            else:
                await self._load.learn(tries, guard.host, is_alone=is_alone)
                return

    async def _overcome(  # noqa: C901 - one case for each trouble
        self,
        transfer: Transfer,
        tries: Tries,
        trouble: DiskFullError | PassingError,
    ) -> None:
        """Do what another attempt needs, or raise if there have been enough of them."""
        match trouble:
            case RefusedError(error=error):
                tries.refreshes += 1
                is_passing = trouble.is_bare and tries.refreshes < self._policy.attempts
                if tries.refreshes > MAX_REFRESHES and not is_passing:
                    raise error from None
                if tries.refreshes > REFUSED_AGAIN:
                    await self._pause(transfer, tries.refreshes - REFUSED_AGAIN, error)
                await self._refresh(transfer.item)
            case ObjectGoneError(error=error):
                tries.gone += 1
                if tries.gone >= min(MAX_GONE, self._policy.attempts):
                    raise error from None
                await self._pause(transfer, tries.gone, error)
                await self._refresh(transfer.item)
            case DiskFullError(error=error):
                tries.refusals += 1
                if tries.refusals > MAX_REFUSALS:
                    raise error from None
                await self._space.refill()
            case PassingError(error=OutOfDescriptorsError() as error):
                self._slots.exhausted()
                self._storage.drop_idle()
                tries.shortages += 1
                if tries.shortages >= MAX_SHORTAGES:
                    raise error from None
                await self._pause(transfer, SHORTAGE_ATTEMPT, error)
            case PassingError(error=error):
                self._slots.failed(error)
                tries.crowded += isinstance(trouble, CrowdedError)
                tries.failures += 1
                if tries.failures >= self._policy.attempts:
                    raise error from None
                await self._pause(transfer, tries.failures, error)

    async def _refresh_stale(self, item: Item) -> None:
        try:
            self._usable_url(item)
        except _StaleError:
            await self._refresh(item)

    def _usable_url(self, item: Item) -> SecretStr:
        """Return the signed URL.

        Raises:
            _StaleError: It has waited until near its expiry.
        """
        url = item.url
        if url is None or time.time() > item.stale_at:
            raise _StaleError
        return url

    async def _refresh(self, item: Item) -> None:
        url = await self._fresh_url(item)
        if url is None:
            raise NotReadyAnyMoreError
        item.take_url(url, margin_s=self._policy.expiry_margin_s)
        await self._emit(events.UrlRefreshed(at_s=self._clock(), key=item.key))

    async def _tell(self, news: News) -> None:
        at_s = self._clock()
        match news:
            case HostFails(host=host, reason=reason):
                await self._emit(events.HostFailed(at_s=at_s, host=host, reason=reason))
            case HostIsBack(host=host, held_s=held_s):
                await self._emit(events.HostCameBack(at_s=at_s, host=host, held_s=held_s))

    async def _pause(self, transfer: Transfer, attempt: int, error: TransferError) -> None:
        delay_s = delay(
            self._retry,
            attempt=attempt,
            jitter=random.random(),  # noqa: S311 - jitter is no secret
        )
        await self._emit(
            events.FetchInterrupted(
                at_s=self._clock(),
                key=transfer.item.key,
                offset=transfer.partial.size,
                delay_s=delay_s,
                reason=str(error),
            )
        )
        await anyio.sleep(delay_s)

    async def _verify(self, transfer: Transfer) -> str:
        """Check the whole file; return the strongest checksum that it agreed with."""
        partial = transfer.partial
        if partial.size == 0:
            raise NotAZipError(not_a_zip(b"") or "")
        offered = {} if self._policy.checksum is Checksum.NONE else transfer.offered
        digests = await partial.digests(frozenset(offered))
        for algorithm, expected in offered.items():
            if digests[algorithm] != expected:
                message = f"the {algorithm} that the storage offers does not match"
                raise IntegrityError(message)
        verify = self._policy.verify
        if transfer.has_older_bytes and not offered and self._policy.checksum is not Checksum.NONE:
            verify = Verify.CONTENTS  # the earlier run may have been offered one, and is gone
        if problem := await partial.problem(verify):
            message = f"what came is not a whole ZIP: {problem}"
            raise IntegrityError(message)
        return next(iter(offered), "")


def _held(item: Item) -> Held:
    row = item.row
    if row.validator is None:
        return Held()
    return Held(
        synced=row.mark,
        written=row.written,
        sha256=row.written_sha256,
        stretches=stretches_of(row.stretches),
    )
