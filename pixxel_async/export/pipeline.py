"""Create, poll, fetch: three bounded stages in one task group.

Rules:
    * A package is in one stage at a time, and ends with exactly one of Saved, Skipped, Failed,
      unless the export ends first.
    * Creating runs ahead of fetching, so that the service packages while files are saved;
      `Limits.pending` bounds how far ahead.
    * A failed package never stops the others: any error while handling it, even a bug, fails that
      package only. A rejected key stops all: packages that are not being transferred fail at once,
      running transfers finish.
    * An export that is interrupted, whose disk stays full, or that cannot use the service
      (RouteError) fails no package: the next run resumes the unfinished ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from pydantic import SecretStr

from .. import events
from ..downloads import Download
from ..errors import AuthenticationError, EarlierFailureError, PixxelError, RouteError
from ..journal.export_folder import ExportFolder
from ..journal.heartbeat_lock import FolderLostError
from ..journal.models import Ending
from ..models import Package, PackageStatus
from ..sansio.api.package_calls import needs_id
from ..sansio.files.filenames import path_namer
from ..sansio.package_state import State
from ..sansio.polling.schedule import Pending
from ..sansio.resume_decision import ResumeAction, is_retryable_next_run
from ..transfer.call_gate import CallGate
from ..transfer.disk_space import DiskSpace, DiskStaysFullError
from ..transfer.downloader import Downloader
from ..transfer.errors import as_error
from ..transfer.work_item import WorkItem, new_row
from .create_stage import CreateStage
from .event_bus import EventBus
from .fetch_stage import FetchStage
from .forecast import Forecast
from .key_check import JUDGED, KeyCheck
from .package_requests import PackageRequests, raise_if_failed
from .pending_packages import Failures, PendingPackages
from .poll_stage import PollStage
from .replacement import (
    PackageReplacement,
    is_stale_id,
    known_id_of,
    poll_package,
    raise_if_url_missing,
)
from .resources import ExportResources
from .resume import ResumeStage, repair_row
from .save_stage import SaveStage
from .source import Downloads, DownloadSource, count

FINISH_S = 1.0
"""How long creations in flight may take after an interruption, in seconds."""

ENDS_EXPORT = (RouteError, FolderLostError)
"""Errors that concern all packages, and fail none."""


class Pipeline:
    """The stages of one export.

    Attributes:
        error: The exception that ended them, if any.
        abandon: `PendingPackages.abandon`.
    """

    def __init__(
        self, resources: ExportResources, folder: ExportFolder, event_bus: EventBus
    ) -> None:
        """Connect the stages."""
        self.error: Exception | None = None
        self._resources = resources
        self._folder = folder
        self._event_bus = event_bus
        self._emit, self._clock, self._report = event_bus.emit, event_bus.clock, event_bus.report
        self._name_of: Callable[[Download], str] = path_namer(resources.folder.path_template)
        self._gate = CallGate()
        self._pending = PendingPackages(folder, event_bus)
        self.abandon = self._pending.abandon
        self._failures = Failures(folder.journal, self._pending, event_bus)
        self._resume_stage = ResumeStage(folder, policy=resources.folder, retry=resources.retry)
        self._requests = PackageRequests(
            resources.api,
            retry=resources.retry,
            poll=resources.poll,
            emit=event_bus.emit,
            clock=event_bus.clock,
            adopted=resources.adopted,
        )
        self._poll_stage: PollStage[WorkItem] = PollStage(
            self._poll,
            self._on_pending,
            policy=resources.poll,
            workers=resources.limits.requests,
            on_error=lambda item, raised: self._fail(item, as_error(raised)),
            times=resources.packaging_times,
        )
        self._space = DiskSpace(
            folder.sink,
            resources.folder,
            emit=event_bus.emit,
            clock=event_bus.clock,
            left=lambda: self._pending.outstanding,
        )
        self._create_stage = CreateStage(
            self._requests,
            self._gate,
            retry=resources.retry,
            journal=folder.journal,
            space=self._space,
            event_bus=event_bus,
        )
        self._downloader = Downloader(
            resources.storage,
            folder,
            policy=resources.fetch,
            folder_policy=resources.folder,
            retry=resources.retry,
            gate=self._gate,
            slots=resources.slots,
            hosts=resources.hosts,
            space=self._space,
            bandwidth=resources.bandwidth,
            fresh_url=self._fresh_url,
            emit=event_bus.emit,
            emit_or_drop=event_bus.emit_or_drop,
            count_received=event_bus.count_received,
            clock=event_bus.clock,
        )
        self._save_stage = SaveStage(
            folder,
            policy=resources.folder,
            checksum=resources.fetch.checksum,
            space=self._space,
            clock=event_bus.clock,
        )
        self._replacement = PackageReplacement(
            self._create_stage,
            on_created=self._on_created,
            fail=self._fail,
            end_early=self._end_early,
        )
        self._fetch_stage = FetchStage(
            self._downloader,
            self._save_stage,
            gate=self._gate,
            pending=self._pending,
            on_start=self._release_slot,
            fail=self._fail,
            fetch_failed=self._replacement.fetch_failed,
            poll_again=self._poll_again,
            end_early=self._end_early,
        )
        self._key_check = KeyCheck(resources.api)
        self._pending_slots = anyio.Semaphore(resources.limits.pending)
        self._ready: MemoryObjectSendStream[WorkItem]
        self._working = anyio.CancelScope()
        self._source: DownloadSource

    async def run(self, downloads: Downloads) -> None:
        """Settle every download, or release the rest when cancelled or interrupted."""
        ending = Ending.INTERRUPTED
        try:
            await self._resume_stage.look_at(downloads)
            await self._run(downloads)
            if (lost := await self._folder.journal.loss()) is not None:
                await self._end_early(lost)  # the next run could not read it
            if self._pending.is_done:
                ending = Ending.COMPLETE
            if self._report.stopped is not None:
                ending = Ending.STOPPED
        except Exception as error:
            self.error = error  # a cancellation may replace it
            raise
        finally:
            self._pending.release_all()
            self._report.end(self._pending.left)
            with anyio.CancelScope(shield=True):
                await self._event_bus.recorder.end(self._report, self._clock(), ending)
        if not self._pending.is_done:
            await self._emit(events.Interrupted(at_s=self._clock(), left=self._pending.left))

    def interrupt(self) -> None:
        """End early, within about `FINISH_S`; the next run resumes unfinished packages."""
        self._gate.let_finish(FINISH_S)
        self._working.cancel()

    async def _run(self, downloads: Downloads) -> None:
        send, incoming = anyio.create_memory_object_stream[Download](0)
        self._source = DownloadSource(
            downloads, self._folder.journal, self._pending, self._event_bus, name_of=self._name_of
        )
        self._ready, ready = anyio.create_memory_object_stream[WorkItem](math.inf)
        with (
            self._working,
            self._resources.slots.followed(self._event_bus.emit_concurrency) as slots,
        ):
            async with send, incoming, self._ready, ready, anyio.create_task_group() as tasks:
                total = count(downloads)
                await self._emit(events.Started(at_s=self._clock(), total=total))
                tasks.start_soon(self._poll_stage.run)
                limits = self._resources.limits
                tasks.start_soon(Forecast(self._event_bus, self._poll_stage, limits).run)
                tasks.start_soon(self._downloader.watchdog.run)
                tasks.start_soon(self._event_bus.recorder.run, self._report, self._clock)
                tasks.start_soon(self._create_all, incoming, tasks)
                tasks.start_soon(self._fetch_stage.run, ready, slots, tasks)
                await self._source.run(send)
                await self._pending.wait_until_settled()
                tasks.cancel_scope.cancel()

    async def _fail(self, item: WorkItem, error: PixxelError) -> None:
        """Fail a package; stop the export if the key, the route or the folder is lost."""
        if isinstance(error, JUDGED) and not is_retryable_next_run(error):
            error = await self._key_check.judge(error)
        if isinstance(error, ENDS_EXPORT):
            await self._end_early(error)
            return
        if isinstance(error, AuthenticationError):
            await self._stop(error)
        self._release_slot(item)
        await self._failures.note(item, error)
        await self._failures.settle(item.download, error)

    async def _stop(self, error: AuthenticationError) -> None:
        if self._gate.rejected is not None:
            return
        # Stop everything before the event is sent: the reader may be slow.
        self._report.stopped = error
        self._gate.shut(error)
        if self._report.total is None:
            self._source.stop()  # a stream may never end; the packages of a list all fail
        waiting = self._poll_stage.drain()
        await self._emit(events.Stopped(at_s=self._clock(), error=error))
        async with anyio.create_task_group() as tasks:  # so that they share commits
            for item in waiting:
                tasks.start_soon(self._fail, item, self._gate.rejection())

    async def _end_early(self, error: PixxelError) -> None:
        """End the export for a reason that affects all of it; fails no package."""
        if self._report.stopped is None:
            self._report.stopped = error
            await self._emit(events.Stopped(at_s=self._clock(), error=error))
            self.interrupt()

    # Create.

    async def _create_all(
        self, incoming: MemoryObjectReceiveStream[Download], tasks: TaskGroup
    ) -> None:
        semaphore = anyio.Semaphore(self._resources.limits.requests)
        async for download in incoming:
            await semaphore.acquire()
            tasks.start_soon(self._create_one, download, semaphore)

    async def _create_one(self, download: Download, semaphore: anyio.Semaphore) -> None:
        try:
            if await self._pending.claim(download.key):
                await self._create_claimed(download)
                self._pending.created(download.key)
        finally:
            semaphore.release()

    async def _create_claimed(self, download: Download) -> None:
        item: WorkItem | None = None
        try:
            row = await self._folder.journal.get(download.key)
            item = WorkItem(download, row or new_row(download, self._name_of))
            await repair_row(item, self._folder, self._event_bus, is_lost=row is None)
            await self._resume(item)
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except EarlierFailureError as error:
            await self._failures.settle(download, error)
        except Exception as raised:  # noqa: BLE001 - it fails this package only
            failure = as_error(raised)
            if item is not None:
                await self._fail(item, failure)
            elif isinstance(failure, ENDS_EXPORT):
                await self._end_early(failure)
            else:  # there is no row to record it in
                await self._failures.settle(download, failure)

    async def _resume(self, item: WorkItem) -> None:
        """Skip a package that is saved; otherwise start what its state requires."""
        if await self._resume_stage.is_saved(item):
            await self._save_stage.extract(item)
            saved = self._save_stage.describe(item, skipped=True)
            skipped = events.Skipped(at_s=self._clock(), key=item.key, saved=saved)
            await self._pending.settle(skipped)
            return
        first = ResumeAction.CREATE
        if item.download not in self._resources.adopted:
            first = self._resume_stage.first(item, needs_id=needs_id(item.download))
        self._resume_stage.choose_members(item)
        await self._pending_slots.acquire()
        item.has_place = True
        await self._start(item, first)

    async def _start(self, item: WorkItem, first: ResumeAction) -> None:
        """Create a package, or poll the one that an earlier run created."""
        if first is ResumeAction.POLL:
            item.lead = known_id_of(item, self._resume_stage.failures_for(item.row))
            item.since = anyio.current_time()
            await self._emit(
                events.Requested(at_s=self._clock(), key=item.key, download_id=item.row.download_id)
            )
            self._poll_stage.add_soon(
                item, since=item.since, spread_s=self._resources.poll.initial_s
            )
            return
        stage = self._create_stage
        create = stage.create_again if first is ResumeAction.CREATE_AGAIN else stage.create
        # Without an id, an earlier run may have sent the same call: the age is unknown.
        is_new = needs_id(item.download) or item.row.state is State.QUEUED
        package = await create(item)
        await self._on_created(item, package, kind=item.download.kind if is_new else None)

    async def _on_created(self, item: WorkItem, package: Package, *, kind: str | None) -> None:
        if not await self._is_settled(item, package, polls=0):
            self._poll_stage.add(item, since=item.since, kind=kind)

    # Poll.

    async def _poll(self, pending: Pending[WorkItem]) -> bool:
        """Poll one package; return whether it must be polled again."""
        item, is_pending = pending.item, False
        if self._pending.is_wanted(item.key):
            with self._pending.work_on(item.key):
                is_pending = await self._poll_wanted(pending)
        if not self._pending.is_wanted(item.key):
            self._release_slot(item)
            return False
        return is_pending

    async def _poll_wanted(self, pending: Pending[WorkItem]) -> bool:
        item = pending.item
        age_s = anyio.current_time() - item.since
        try:
            try:
                package = await poll_package(item, self._requests, self._gate, age_s=age_s)
                if package is not None:
                    self._poll_stage.record_status(pending, package.status)
                    if await self._is_settled(item, package, polls=pending.polls):
                        return False
                    raise_if_url_missing(item, package)
                self._requests.raise_if_timed_out(
                    item.download, age_s=age_s, status_word=item.status_word
                )
            except PixxelError as error:
                if not is_stale_id(item, error):
                    raise
                await self._replacement.replace(item, error)
                return False
            self._gate.check()
        except DiskStaysFullError as full:
            await self._end_early(full.error)
            return False
        return True

    async def _on_pending(self, pending: Pending[WorkItem], next_s: float) -> None:
        await self._emit(
            events.Polled(
                at_s=self._clock(),
                key=pending.item.key,
                status_word=pending.item.status_word,
                polls=pending.polls,
                next_s=next_s,
            )
        )

    async def _is_settled(self, item: WorkItem, package: Package, *, polls: int) -> bool:
        """Pass a package that is ready to the fetch stage; return False for one that is not.

        Raises:
            PackageFailedError: The service could not package it.
        """
        item.status_word = package.status_word
        raise_if_failed(package, item.download)
        if package.status is not PackageStatus.READY:
            return False
        item.take_url(package.signed_url, margin_s=self._resources.fetch.expiry_margin_s)
        await self._emit(
            events.Ready(
                at_s=self._clock(),
                key=item.key,
                waited_s=anyio.current_time() - item.since,
                polls=polls,
            )
        )
        self._ready.send_nowait(item)
        return True

    # Fetch.

    async def _fresh_url(self, item: WorkItem) -> SecretStr | None:
        return await self._gate.ask(self._requests.fresh_url(item.download, item.row.download_id))

    async def _poll_again(self, item: WorkItem) -> None:
        # Its wait counts from creation: the limit ends a storage that always refuses.
        pending = Pending(item=item, since=item.since)
        await self._on_pending(pending, self._resources.poll.initial_s)
        self._poll_stage.add(item, since=item.since)

    def _release_slot(self, item: WorkItem) -> None:
        if item.has_place:
            item.has_place = False
            self._pending_slots.release()
