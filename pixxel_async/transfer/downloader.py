"""The downloader: from a signed URL to a verified partial file.

Rules:
    * An attempt that extends the file beyond its largest size resets the failure count. So a large
      file may break off many times, and a storage that makes no progress is given up soon.
    * An expired URL is replaced. That is not a failure, but it may happen only a few times without
      a new byte.
    * An unusable response is not a failure: the next request is sent at once.
    * A body of unknown size that outgrows the disk is discarded at once, which frees the space for
      others. It is retried if there is room later.
    * A transfer that is repeatedly refused, with a fresh URL or for too many requests, retries
      alone at its host (`HostLock`). If that succeeds, concurrency is lowered and reported once.
    * A complete file that is corrupt is downloaded again from zero, a few times. A page or an empty
      body in place of a ZIP counts as a failure of the storage, which is retried like any other.
    * A file assembled from several responses is compared with a checksum of the storage, or else
      with the CRC of every member. No option disables that.
    * After the wait for a slot, and before a request is sent, the export must still run and the
      host still be up.
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
from ..destinations.sink import ResumePoint, WritePolicy
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
from .attempt_history import REFUSED_AGAIN, AttemptHistory, OverloadReporter
from .body_writer import ranges_from_json
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
from .member_transfer import transfer_of
from .received import ReceivedPackage
from .stall_monitor import StallMonitor
from .work_item import WorkItem

AT_ONCE_BYTES = 4 * 1024 * 1024
"""Up to this size, free space is not checked if the reserve covers `MOST_FETCHES` packages."""

MAX_REFRESHES = 3
"""Fresh URLs in a row without a new byte."""

MAX_GONE = 4
"""Responses in a row that the object does not exist: it may appear a moment late."""

MAX_SHORTAGES = 100
"""Attempts in a row that found no free file descriptor: other transfers must finish first."""

SHORTAGE_ATTEMPT = 2
"""Their delay is that after the second failure."""

MAX_NEXT_REQUESTS = 3
"""Responses in a row without a new byte before another one counts as a failure."""

MAX_OUTGROWN = 3
"""Transfers of one package that outgrew the disk."""

MAX_WRONG = 3
"""Complete files of one package that were corrupt."""


class _StaleError(Exception):
    """The signed URL is missing or about to expire."""


class NotReadyAnyMoreError(Exception):
    """The service has no fresh URL: the package is not ready any more."""


class Downloader:
    """Downloads the packages of one export."""

    def __init__(  # noqa: PLR0913 - its collaborators, keyword-only
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
        """Connect storage, folder and events.

        `fresh_url` requests a new signed URL; None means that the package is not ready any more.
        `emit` takes events that must not be lost, `emit_or_drop` progress if there is room, and
        `count_received` the bytes of a transfer that does not end with a saved file.
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
        self._write_policy = WritePolicy(policy.checksum, policy.sync)
        self._foreign, self._members = folder_policy.unknown_files, folder_policy.members
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
        self._overload = OverloadReporter(slots, emit=emit, clock=clock)

    async def fetch(
        self, item: WorkItem, step_aside: Callable[[], None] = lambda: None
    ) -> ReceivedPackage:
        """Download and verify a package that is ready.

        If cancelled or failed, it leaves the partial and its mark for a later run, and no file
        under the final name.

        Args:
            item: The package.
            step_aside: Called if it waits for free space while others may continue.

        Raises:
            NotReadyAnyMoreError: The package is not ready any more; wait for it again.
            TransferError: All attempts failed.
            SinkError: The bytes could not be written.
            DiskStaysFullError: The disk stayed full.
        """
        began = asyncio.get_running_loop().time()
        partial = await self._folder.sink.open(
            item.row.name, _held(item), self._foreign, self._write_policy
        )
        transfer = transfer_of(item, partial, self._shared, self._members)
        try:
            await self._emit(
                events.FetchStarted(
                    at_s=self._clock(), key=item.key, name=item.row.name, offset=partial.size
                )
            )
            checksum = await self._download_and_verify(transfer, step_aside)
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

    async def _download_and_verify(self, transfer: Transfer, step_aside: Callable[[], None]) -> str:
        """Download until the file verifies; return the name of the checksum that matched."""
        corrupt = 0
        while True:
            try:
                await self._download(transfer, step_aside)
                return await self._verify(transfer)
            except IntegrityError as error:
                corrupt += 1
                await transfer.start_over()
                is_page = isinstance(error, NotAZipError)
                if corrupt >= (self._policy.attempts if is_page else MAX_WRONG):
                    raise
                await self._pause(transfer, corrupt, error)

    async def _download(  # noqa: C901 - one case for each outcome
        self, transfer: Transfer, step_aside: Callable[[], None]
    ) -> None:
        """Transfer until no byte is missing."""
        item, partial = transfer.item, transfer.partial
        history = AttemptHistory(furthest=transfer.size)
        missing, is_guess = max(0, (item.row.total or 0) - partial.size), True
        outgrown = 0
        while True:
            await self._space.admit(item.key, missing, is_guess=is_guess, step_aside=step_aside)
            try:
                await self._refresh_stale(item)
                # Only the bytes need the slot. Waits for the service or for the reader of an event
                # leave it to others.
                breaker = self._hosts.of(self._usable_url(item))
                host_lock = self._slots.lock_of(breaker.host)
                is_alone = history.needs_exclusive
                async with (
                    host_lock.exclusive() if is_alone else host_lock.shared(),
                    breaker.request(self._report_host) as request,
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
                        history.note_refusal(refused, has_others=host_lock.has_others)
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
            except (DiskFullError, RetryableError) as failure:
                if isinstance(failure, CrowdedError):
                    await self._overload.report(breaker.host, str(failure))
                elif isinstance(failure, RetryableError) and failure.received:
                    await self._overload.learn(history, breaker.host, is_alone=is_alone)
                history.reached(transfer.size)
                missing, is_guess = transfer.missing, True
                await self._prepare_retry(transfer, history, failure)
            else:
                await self._overload.learn(history, breaker.host, is_alone=is_alone)
                return

    async def _prepare_retry(  # noqa: C901 - one case for each failure
        self,
        transfer: Transfer,
        history: AttemptHistory,
        failure: DiskFullError | RetryableError,
    ) -> None:
        """Do what the next attempt needs, or raise if no attempts are left."""
        match failure:
            case RefusedError(error=error):
                history.refreshes += 1
                is_passing = failure.is_bare and history.refreshes < self._policy.attempts
                if history.refreshes > MAX_REFRESHES and not is_passing:
                    raise error from None
                if history.refreshes > REFUSED_AGAIN:
                    await self._pause(transfer, history.refreshes - REFUSED_AGAIN, error)
                await self._refresh(transfer.item)
            case ObjectGoneError(error=error):
                history.gone += 1
                if history.gone >= min(MAX_GONE, self._policy.attempts):
                    raise error from None
                await self._pause(transfer, history.gone, error)
                await self._refresh(transfer.item)
            case DiskFullError(error=error):
                history.refusals += 1
                if history.refusals > MAX_REFUSALS:
                    raise error from None
                await self._space.refill()
            case NextRequestError(error=error) if history.next_requests < MAX_NEXT_REQUESTS:
                history.next_requests += 1
                await self._interrupted(transfer, 0.0, error)
            case RetryableError(error=OutOfDescriptorsError() as error):
                self._slots.exhausted()
                history.shortages += 1
                if history.shortages >= MAX_SHORTAGES:
                    raise error from None
                await self._pause(transfer, SHORTAGE_ATTEMPT, error)
            case RetryableError(error=error):
                self._slots.failed(error)
                history.crowded += isinstance(failure, CrowdedError)
                history.failures += 1
                if history.failures >= self._policy.attempts:
                    raise error from None
                await self._pause(transfer, history.failures, error)

    async def _refresh_stale(self, item: WorkItem) -> None:
        try:
            self._usable_url(item)
        except _StaleError:
            await self._refresh(item)

    def _usable_url(self, item: WorkItem) -> SecretStr:
        """Return the signed URL, or raise `_StaleError` near its expiry."""
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

    async def _report_host(self, news: News) -> None:
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
            jitter=random.random(),  # noqa: S311 - jitter is not a secret
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
        """Check the complete file; return the strongest checksum that matched."""
        partial = transfer.partial
        if partial.size == 0:
            raise NotAZipError(not_a_zip(b"") or "")
        offered = {} if self._policy.checksum is Checksum.NONE else transfer.offered
        digests = await partial.digests(frozenset(offered))
        for algorithm, expected in offered.items():
            if digests[algorithm] != expected:
                message = f"the file does not match the {algorithm} that the storage offers"
                raise IntegrityError(message)
        verify = self._policy.verify
        if transfer.is_assembled and not offered:
            verify = Verify.CONTENTS  # an ETag may lie, and nothing else distinguishes two objects
        if problem := await partial.problem(verify):
            message = f"the received file is not a whole ZIP: {problem}"
            raise IntegrityError(message)
        return next(iter(offered), "")


def _held(item: WorkItem) -> ResumePoint:
    row = item.row
    if row.validator is None:
        return ResumePoint()
    return ResumePoint(
        synced=row.mark,
        written=row.written,
        sha256=row.written_sha256,
        ranges=ranges_from_json(row.stretches),
    )
