"""Create, poll, fetch: three bounded stages in one task group.

Rules:
    * A package is in one stage at a time, and ends with exactly one of Saved, Skipped, Failed,
      unless the export ends before it.
    * Creating runs ahead of fetching, so that the service packages while files are saved; how
      far ahead is bounded by `Limits.pending`.
    * One failed package never stops the others, whatever it fails by: what is raised while it is
      handled, a bug included, ends that package and nothing else. A rejected key stops all of them:
      what is not being transferred fails at once, running transfers finish.
    * An export that is interrupted, whose disk stays full, or that has no way to the service (a
      certificate, a proxy), fails no package: what is under way is left as the next run can use it.
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
from ..errors import (
    AuthenticationError,
    EarlierFailureError,
    PermissionDeniedError,
    PixxelError,
    RouteError,
    SinkError,
)
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
from .key_check import KeyCheck
from .package_requests import PackageRequests, raise_if_failed
from .pending_packages import Failures, PendingPackages
from .poll_stage import PollStage
from .replacement import PackageReplacement, is_stale_id, known_id_of, look, raise_if_wordless
from .resources import ExportResources
from .resume import ResumeStage, repair_row
from .save_stage import SaveStage
from .source import Downloads, DownloadSource, count

FINISH_S = 1.0
"""How long creations that are under way may take after an interruption, in seconds."""


class Pipeline:
    """The stages of one export; `error` is what has ended them, if not a cancellation."""

    def __init__(self, parts: ExportResources, folder: ExportFolder, event_bus: EventBus) -> None:
        """Join the stages; nothing runs before `run`."""
        self.error: Exception | None = None
        self._parts = parts
        self._folder = folder
        self._event_bus = event_bus
        self._name_of: Callable[[Download], str] = path_namer(parts.folder.path_template)
        self._gate = CallGate()
        self._pending = PendingPackages(folder, event_bus)
        self._failures = Failures(folder.journal, self._pending, event_bus)
        self._intake = ResumeStage(folder, policy=parts.folder, retry=parts.retry)
        self._requests = PackageRequests(
            parts.api,
            retry=parts.retry,
            poll=parts.poll,
            emit=event_bus.emit,
            clock=event_bus.clock,
        )
        self._poller: PollStage[WorkItem] = PollStage(
            self._poll,
            self._not_yet,
            policy=parts.poll,
            workers=parts.limits.requests,
            broke=self._broke,
        )
        self._space = DiskSpace(
            folder.sink,
            parts.folder,
            emit=event_bus.emit,
            clock=event_bus.clock,
            left=lambda: self._pending.outstanding,
        )
        self._creator = CreateStage(
            self._requests,
            self._gate,
            retry=parts.retry,
            journal=folder.journal,
            space=self._space,
            event_bus=event_bus,
        )
        self._fetcher = Downloader(
            parts.storage,
            folder,
            policy=parts.fetch,
            folder_policy=parts.folder,
            retry=parts.retry,
            gate=self._gate,
            slots=parts.slots,
            hosts=parts.hosts,
            space=self._space,
            bandwidth=parts.bandwidth,
            fresh_url=self._fresh_url,
            emit=event_bus.emit,
            emit_or_drop=event_bus.emit_or_drop,
            count_received=event_bus.count_received,
            clock=event_bus.clock,
        )
        self._saver = SaveStage(
            folder,
            policy=parts.folder,
            checksum=parts.fetch.checksum,
            space=self._space,
            clock=event_bus.clock,
        )
        self._replacer = PackageReplacement(
            self._creator, hand_on=self._hand_on, fail=self._fail, end_early=self._end_early
        )
        self._fetching = FetchStage(
            self._fetcher,
            self._saver,
            gate=self._gate,
            pending=self._pending,
            began=self._leave_place,
            fail=self._fail,
            fetch_failed=self._replacer.fetch_failed,
            wait_again=self._wait_again,
            end_early=self._end_early,
        )
        self._key_check = KeyCheck(parts.api)
        self._places = anyio.Semaphore(parts.limits.pending)
        self._ready: MemoryObjectSendStream[WorkItem]
        self._working = anyio.CancelScope()
        self._source: DownloadSource

    async def run(self, downloads: Downloads) -> None:
        """Settle every download; returns when the last one is, or when it is interrupted.

        When it is cancelled, it lets go of what it has claimed, for other exports of the client.
        """
        ending = Ending.INTERRUPTED
        try:
            await self._run(downloads)
            await self._confirm_journal()
            if self._pending.is_done:
                ending = Ending.COMPLETE
            if self._event_bus.report.stopped is not None:
                ending = Ending.STOPPED
        except Exception as error:
            self.error = error  # kept: a cancellation may take its place
            raise
        finally:
            self._pending.release_all()
            self._event_bus.report.end(self._pending.left)
            with anyio.CancelScope(shield=True):
                await self._event_bus.recorder.end(
                    self._event_bus.report, self._event_bus.clock(), ending
                )
        if not self._pending.is_done:
            left = self._pending.left
            await self._event_bus.emit(events.Interrupted(at_s=self._event_bus.clock(), left=left))

    def interrupt(self) -> None:
        """End early, within about `FINISH_S`; what is under way is kept for the next run."""
        self._gate.let_finish(FINISH_S)
        self._working.cancel()

    async def _run(self, downloads: Downloads) -> None:
        feed, todo = anyio.create_memory_object_stream[Download](0)
        self._source = DownloadSource(
            downloads,
            journal=self._folder.journal,
            pending=self._pending,
            event_bus=self._event_bus,
            name_of=self._name_of,
        )
        self._ready, ready = anyio.create_memory_object_stream[WorkItem](math.inf)
        with self._working, self._parts.slots.followed(self._event_bus.tell_fetches) as places:
            async with feed, todo, self._ready, ready, anyio.create_task_group() as tasks:
                total = count(downloads)
                await self._event_bus.emit(
                    events.Started(at_s=self._event_bus.clock(), total=total)
                )
                tasks.start_soon(self._poller.run)
                tasks.start_soon(self._fetcher.watchdog.run)
                tasks.start_soon(
                    self._event_bus.recorder.run, self._event_bus.report, self._event_bus.clock
                )
                tasks.start_soon(self._create_stage, todo, tasks)
                tasks.start_soon(self._fetching.run, ready, places, tasks)
                await self._source.run(feed)
                await self._pending.wait()
                tasks.cancel_scope.cancel()

    async def _confirm_journal(self) -> None:
        """End the run as stopped if the next one could not read what this one has noted."""
        try:
            await self._folder.journal.confirm()
        except FolderLostError as error:
            await self._end_early(error)
        except SinkError:
            pass  # the disk is full or busy: whoever put a row was told

    async def _fail(self, item: WorkItem, error: PixxelError) -> None:
        """End a package; with a rejected key, a closed way or a lost folder the whole export."""
        if isinstance(error, RouteError | FolderLostError):
            await self._end_early(error)
            return
        if isinstance(error, PermissionDeniedError) and not is_retryable_next_run(error):
            error = await self._key_check.judge(error)
        if isinstance(error, AuthenticationError):
            await self._stop(error)
        self._leave_place(item)
        await self._failures.note(item, error)
        await self._failures.settle(item.download, error)

    async def _broke(self, item: WorkItem, raised: Exception) -> None:
        """End a package for which something was raised that nobody expects."""
        await self._fail(item, as_error(raised))

    async def _stop(self, error: AuthenticationError) -> None:
        if self._gate.rejected is not None:
            return
        # First everything is stopped, then it is told: the reader may be slow.
        self._event_bus.report.stopped = error
        self._gate.shut(error)
        if self._event_bus.report.total is None:
            self._source.cut()  # a stream may never end; of a list, each package fails
        waiting = self._poller.drain()
        await self._event_bus.emit(events.Stopped(at_s=self._event_bus.clock(), error=error))
        async with anyio.create_task_group() as tasks:  # so that they share commits
            for item in waiting:
                tasks.start_soon(self._fail, item, self._gate.rejection())

    async def _end_early(self, error: PixxelError) -> None:
        """End the export for a reason that concerns all of it; no package fails by that."""
        if self._event_bus.report.stopped is None:
            self._event_bus.report.stopped = error
            await self._event_bus.emit(events.Stopped(at_s=self._event_bus.clock(), error=error))
            self.interrupt()

    # Create.

    async def _create_stage(
        self, todo: MemoryObjectReceiveStream[Download], tasks: TaskGroup
    ) -> None:
        at_once = anyio.Semaphore(self._parts.limits.requests)
        async for download in todo:
            await at_once.acquire()
            tasks.start_soon(self._create_one, download, at_once)

    async def _create_one(self, download: Download, at_once: anyio.Semaphore) -> None:
        item: WorkItem | None = None
        try:
            await self._pending.claim(download.key)
            row = await self._folder.journal.get(download.key)
            item = WorkItem(download, row or new_row(download, self._name_of))
            await repair_row(item, self._folder, self._event_bus, is_lost=row is None)
            await self._take_up(item)
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except EarlierFailureError as error:
            await self._failures.settle(download, error)
        except Exception as raised:  # noqa: BLE001 - it ends this package, and no other
            if item is None:  # without a row, there is nothing to note it in
                await self._failures.settle(download, as_error(raised))
            else:
                await self._broke(item, raised)
        finally:
            at_once.release()

    async def _take_up(self, item: WorkItem) -> None:
        """Skip a package that is saved; else do what its state asks for first."""
        if await self._intake.is_saved(item):
            await self._saver.extract(item)
            saved = self._saver.describe(item, skipped=True)
            await self._pending.settle(
                events.Skipped(at_s=self._event_bus.clock(), key=item.key, saved=saved)
            )
            return
        first = self._intake.first(item, needs_id=needs_id(item.download))
        await self._places.acquire()
        item.has_place = True
        await self._begin(item, first)

    async def _begin(self, item: WorkItem, first: ResumeAction) -> None:
        """Ask for a package, or go on waiting for the one that an earlier run has asked for."""
        if first is ResumeAction.POLL:
            item.lead = known_id_of(item, self._parts.folder.previous_failures)
            item.since = anyio.current_time()
            await self._event_bus.emit(
                events.Requested(
                    at_s=self._event_bus.clock(), key=item.key, download_id=item.row.download_id
                )
            )
            self._poller.add_soon(item, since=item.since, spread_s=self._parts.poll.initial_s)
            return
        again = first is ResumeAction.CREATE_AGAIN
        # The same call may have gone out in an earlier run, if it takes no id: its age is unknown.
        is_new = needs_id(item.download) or item.row.state is State.QUEUED
        await self._hand_on(
            item,
            await (self._creator.create_again(item) if again else self._creator.create(item)),
            kind=item.download.kind if is_new else None,
        )

    async def _hand_on(self, item: WorkItem, package: Package, *, kind: str | None) -> None:
        if not await self._is_settled(item, package, polls=0):
            self._poller.add(item, since=item.since, kind=kind)

    # Poll.

    async def _poll(self, pending: Pending[WorkItem]) -> bool:
        """Ask about one package; return whether it has to be asked about again."""
        item = pending.item
        age_s = anyio.current_time() - item.since
        try:
            try:
                package = await look(item, self._requests, self._gate, age_s=age_s)
                if package is not None:
                    self._poller.saw(pending, package.status)
                    if await self._is_settled(item, package, polls=pending.polls):
                        return False
                    raise_if_wordless(item, package)
                self._requests.raise_if_over(
                    item.download, age_s=age_s, status_word=item.status_word
                )
            except PixxelError as error:
                if not is_stale_id(item, error):
                    raise
                await self._replacer.replace(item, error)
                return False
            if self._gate.rejected is not None:
                raise self._gate.rejection()
        except DiskStaysFullError as full:
            await self._end_early(full.error)
            return False
        return True

    async def _not_yet(self, pending: Pending[WorkItem], next_s: float) -> None:
        await self._event_bus.emit(
            events.Polled(
                at_s=self._event_bus.clock(),
                key=pending.item.key,
                status_word=pending.item.status_word,
                polls=pending.polls,
                next_s=next_s,
            )
        )

    async def _is_settled(self, item: WorkItem, package: Package, *, polls: int) -> bool:
        """Hand on a package that is ready; return False for one that is not.

        Raises:
            PackageFailedError: The service could not package it.
        """
        item.status_word = package.status_word
        raise_if_failed(package, item.download)
        if package.status is not PackageStatus.READY:
            return False
        item.take_url(package.signed_url, margin_s=self._parts.fetch.expiry_margin_s)
        await self._event_bus.emit(
            events.Ready(
                at_s=self._event_bus.clock(),
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

    async def _wait_again(self, item: WorkItem) -> None:
        # It waits since its creation: the waiting limit ends a storage that always refuses.
        pending = Pending(item=item, since=item.since)
        await self._not_yet(pending, self._parts.poll.initial_s)
        self._poller.add(item, since=item.since)

    def _leave_place(self, item: WorkItem) -> None:
        if item.has_place:
            item.has_place = False
            self._places.release()
