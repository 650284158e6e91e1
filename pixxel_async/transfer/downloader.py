"""The streaming fetcher: from a signed URL to a verified partial.

Rules:
    * An attempt that brings the file further than any before starts the count anew, so a large
      file may break off many times, and a storage that leads nowhere is left soon.
    * An expired URL is replaced and is no failure, but only a few times without a new byte.
    * An answer that cannot be used is no failure: the next request is made at once.
    * What has no announced size, and outgrows the disk, is discarded at once, so that others have
      the room. It is tried again if others have left some meanwhile.
    * A transfer that is refused with a fresh URL, or as one too many again and again, tries again
      alone at its host (`turns`). If that helps, fewer run from then on, and it is told once.
    * What arrived whole and is wrong is fetched again from zero, a few times. A page or nothing
      where a ZIP is due passes like any other trouble of the storage.
    * What was put together from several answers is compared with a checksum of the storage, or
      else with the CRC of every member. No option leaves that out.
    * A place may have been waited for. Before anything is sent, the export is asked whether it
      still runs, and the host whether it still answers.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import anyio.lowlevel
from pydantic import SecretStr

from .. import events
from ..config import MOST_FETCHES, Checksum, FetchPolicy, FolderPolicy, RetryPolicy, Verify
from ..destinations.sink import Held, WritePolicy
from ..errors import (
    IntegrityError,
    NotAZipError,
    OutOfDescriptorsError,
    SinkError,
    TransferError,
)
from ..http.circuit_breaker import CircuitBreakers, HostIsDown, HostIsUp, News
from ..http.storage_client import RefusedHosts, StorageClient
from ..http.storage_response import BandwidthLimiter
from ..journal.export_folder import ExportFolder
from ..sansio.resilience.retry_rules import delay
from ..sansio.storage.error_codes import not_a_zip
from .attempt import Transfer
from .attempt_history import REFUSED_AGAIN, AttemptHistory, Load
from .body_writer import stretches_of
from .call_gate import CallGate
from .concurrency_limiter import ConcurrencyLimiter
from .context import TransferContext
from .disk_space import MAX_REFUSALS, DiskSpace
from .errors import (
    CrowdedError,
    DiskFullError,
    NextRequestError,
    NoRoomError,
    ObjectGoneError,
    OutgrownError,
    RefusedError,
    RetryableError,
)
from .received import ReceivedPackage
from .stall_monitor import StallMonitor
from .work_item import WorkItem

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

MAX_NEXT_REQUESTS = 3
"""Answers in a row without a new byte after which another request is no failure."""

MAX_OUTGROWN = 3
"""Transfers of one package that outgrew the disk."""

MAX_WRONG = 3
"""Files that arrived whole and were wrong."""


class _StaleError(Exception):
    """The signed URL is about to expire, or there is none."""


class NotReadyAnyMoreError(Exception):
    """The service, asked for a fresh URL, says that the package is not ready."""


class Downloader:
    """Fetches the packages of one export."""

    def __init__(  # noqa: PLR0913 - the parts that it joins, keyword-only
        self,
        storage: StorageClient,
        folder: ExportFolder,
        *,
        policy: FetchPolicy,
        folder_policy: FolderPolicy,
        retry: RetryPolicy,
        gate: CallGate,
        slots: ConcurrencyLimiter,
        hosts: CircuitBreakers,
        space: DiskSpace,
        bandwidth: BandwidthLimiter | None,
        fresh_url: Callable[[WorkItem], Awaitable[SecretStr | None]],
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
            gate: Knows whether the key was rejected.
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
        self.watchdog = StallMonitor(policy)
        self._shared = TransferContext(
            storage=storage,
            refused=RefusedHosts(),
            journal=folder.journal,
            watchdog=self.watchdog,
            space=space,
            bandwidth=bandwidth,
            slots=slots,
            policy=policy,
            at_once_bytes=min(
                AT_ONCE_BYTES, folder_policy.least_free_bytes // MOST_FETCHES, policy.flush_bytes
            ),
            progress=self._progress,
        )
        self._storage = storage
        self._folder = folder
        self._policy = policy
        self._care = WritePolicy(policy.checksum, policy.sync)
        self._foreign = folder_policy.unknown_files
        self._retry = retry
        self._gate = gate
        self._slots = slots
        self._hosts = hosts
        self._space = space
        self._fresh_url = fresh_url
        self._emit = emit
        self._emit_or_drop = emit_or_drop
        self._count_received = count_received
        self._clock = clock
        self._load = Load(slots, emit=emit, clock=clock)

    async def fetch(
        self, item: WorkItem, step_aside: Callable[[], None] = lambda: None
    ) -> ReceivedPackage:
        """Transfer a package that is ready, and verify what came.

        A cancelled or failed fetch leaves the partial and its mark for a later run, and nothing
        under the final name.

        Args:
            item: The package.
            step_aside: Called if it waits for free space while others may go on.

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
            checksum = await self._until_right(transfer, step_aside)
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
        return ReceivedPackage(transfer=transfer, checksum=checksum, began=began)

    def _progress(self, key: str, size: int, total: int | None) -> None:
        self._emit_or_drop(
            events.FetchProgress(at_s=self._clock(), key=key, bytes=size, total=total)
        )

    async def _until_right(self, transfer: Transfer, step_aside: Callable[[], None]) -> str:
        """Transfer until the file verifies; return which checksum it agreed with."""
        wrong = 0
        while True:
            try:
                await self._until_whole(transfer, step_aside)
                return await self._verify(transfer)
            except IntegrityError as error:
                wrong += 1
                await transfer.start_over()
                is_page = isinstance(error, NotAZipError)
                if wrong >= (self._policy.attempts if is_page else MAX_WRONG):
                    raise
                await self._pause(transfer, wrong, error)

    async def _until_whole(  # noqa: C901 - one case for each outcome
        self, transfer: Transfer, step_aside: Callable[[], None]
    ) -> None:
        """Transfer until no byte is missing."""
        item, partial = transfer.item, transfer.partial
        tries = AttemptHistory(furthest=transfer.size)
        missing, is_guess = max(0, (item.row.total or 0) - partial.size), True
        outgrown = 0
        while True:
            await self._space.admit(item.key, missing, is_guess=is_guess, step_aside=step_aside)
            try:
                await self._refresh_stale(item)
                # Only the bytes need the slot: who waits for the service, or for the reader of
                # an event, leaves it to others.
                guard = self._hosts.of(self._usable_url(item))
                turns = self._slots.turns_at(guard.host)
                is_alone = tries.is_better_alone
                async with (
                    turns.alone() if is_alone else turns.together(),
                    guard.request(self._tell) as request,
                    self._slots,
                ):
                    await anyio.lowlevel.checkpoint_if_cancelled()
                    if self._gate.rejected is not None and not transfer.received:
                        raise self._gate.rejection()
                    if not request.still_goes():
                        continue
                    try:
                        await transfer.attempt(self._usable_url(item))
                    except (RefusedError, CrowdedError) as refused:
                        tries.note_refusal(refused, has_company=turns.has_company)
                        raise
            except _StaleError:
                continue
            except NoRoomError as no_room:
                missing, is_guess = no_room.missing, False
            except OutgrownError:
                outgrown += 1
                size = transfer.partial.size
                await transfer.restart()  # at once, so that others have the room
                is_last = outgrown >= MAX_OUTGROWN
                missing = await self._space.beyond(item.key, size, is_last=is_last)
                is_guess = False
            except (DiskFullError, RetryableError) as trouble:
                if isinstance(trouble, CrowdedError):
                    await self._load.tell(guard.host, str(trouble))
                elif isinstance(trouble, RetryableError) and trouble.came:
                    await self._load.learn(tries, guard.host, is_alone=is_alone)
                tries.reached(transfer.size)
                missing, is_guess = transfer.missing, True
                await self._overcome(transfer, tries, trouble)
            else:
                await self._load.learn(tries, guard.host, is_alone=is_alone)
                return

    async def _overcome(  # noqa: C901 - one case for each trouble
        self,
        transfer: Transfer,
        tries: AttemptHistory,
        trouble: DiskFullError | RetryableError,
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
            case NextRequestError(error=error) if tries.next_requests < MAX_NEXT_REQUESTS:
                tries.next_requests += 1
                await self._interrupted(transfer, 0.0, error)
            case RetryableError(error=OutOfDescriptorsError() as error):
                self._slots.exhausted()
                tries.shortages += 1
                if tries.shortages >= MAX_SHORTAGES:
                    raise error from None
                await self._pause(transfer, SHORTAGE_ATTEMPT, error)
            case RetryableError(error=error):
                self._slots.failed(error)
                tries.crowded += isinstance(trouble, CrowdedError)
                tries.failures += 1
                if tries.failures >= self._policy.attempts:
                    raise error from None
                await self._pause(transfer, tries.failures, error)

    async def _refresh_stale(self, item: WorkItem) -> None:
        try:
            self._usable_url(item)
        except _StaleError:
            await self._refresh(item)

    def _usable_url(self, item: WorkItem) -> SecretStr:
        """Return the signed URL.

        Raises:
            _StaleError: It has waited until near its expiry.
        """
        url = item.url
        if url is None or time.time() > item.stale_at:
            raise _StaleError
        return url

    async def _refresh(self, item: WorkItem) -> None:
        url = await self._fresh_url(item)
        if url is None:
            raise NotReadyAnyMoreError
        item.take_url(url, margin_s=self._policy.expiry_margin_s)
        await self._emit(events.UrlRefreshed(at_s=self._clock(), key=item.key))

    async def _tell(self, news: News) -> None:
        at_s = self._clock()
        match news:
            case HostIsDown(host=host, reason=reason):
                await self._emit(events.HostFailed(at_s=at_s, host=host, reason=reason))
            case HostIsUp(host=host, held_s=held_s):
                await self._emit(events.HostRecovered(at_s=at_s, host=host, held_s=held_s))

    async def _pause(self, transfer: Transfer, attempt: int, error: TransferError) -> None:
        delay_s = delay(
            self._retry,
            attempt=attempt,
            jitter=random.random(),  # noqa: S311 - jitter is no secret
        )
        await self._interrupted(transfer, delay_s, error)
        await anyio.sleep(delay_s)

    async def _interrupted(self, transfer: Transfer, delay_s: float, error: TransferError) -> None:
        await self._emit(
            events.FetchInterrupted(
                at_s=self._clock(),
                key=transfer.item.key,
                offset=transfer.partial.size,
                delay_s=delay_s,
                reason=str(error),
            )
        )

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
        if transfer.is_put_together and not offered:
            verify = Verify.CONTENTS  # an ETag may lie, and nothing else tells two objects apart
        if problem := await partial.problem(verify):
            message = f"what came is not a whole ZIP: {problem}"
            raise IntegrityError(message)
        return next(iter(offered), "")


def _held(item: WorkItem) -> Held:
    row = item.row
    if row.validator is None:
        return Held()
    return Held(
        synced=row.mark,
        written=row.written,
        sha256=row.written_sha256,
        stretches=stretches_of(row.stretches),
    )
