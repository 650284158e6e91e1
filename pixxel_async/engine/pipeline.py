"""Create, poll, fetch: three bounded stages in one task group.

Rules:
    * A package is in one stage at a time, and ends with exactly one of Saved, Skipped, Failed.
    * Creating runs ahead of fetching, so that the service packages while files are saved; how
      far ahead is bounded by `Limits.pending`.
    * One failed package never stops the others. A rejected key stops all of them: what is not
      being transferred fails at once, running transfers finish.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from pydantic import SecretStr

from .. import events
from ..config import FetchPolicy, Limits, PollPolicy, RetryPolicy
from ..downloads import Download
from ..errors import (
    AuthenticationError,
    NotFoundError,
    PackageFailedError,
    PixxelError,
    SinkError,
)
from ..models import Package, PackageStatus
from ..sansio.lifecycle import State
from ..sansio.schedule import Pending
from ..sansio.wire import needs_id
from ..transport.api import Api
from ..transport.storage import StorageClient
from .asking import Asker, raise_if_failed
from .fetcher import Fetcher, NotReadyAnyMoreError, saved_package
from .folder import ExportFolder
from .incoming import Downloads, count, each
from .item import Item
from .outlet import Outlet
from .poller import Poller

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a client lends to its exports.

    Attributes:
        api: Sends the calls; its rate and its bound hold for all exports together.
        storage: Opens signed URLs.
        fetch_slots: Bounds the transfers of all exports together.
        limits: Bounds of one export.
        retry: How often, and after how long, calls are tried again.
        poll: When pending packages are asked about.
        fetch: How packages are transferred and verified.
    """

    api: Api
    storage: StorageClient
    fetch_slots: anyio.CapacityLimiter
    limits: Limits
    retry: RetryPolicy
    poll: PollPolicy
    fetch: FetchPolicy


class Pipeline:
    """The stages of one export."""

    def __init__(self, parts: Parts, folder: ExportFolder, outlet: Outlet) -> None:
        """Join the stages; nothing runs before `run`."""
        self._parts = parts
        self._folder = folder
        self._outlet = outlet
        self._asker = Asker(
            parts.api,
            retry=parts.retry,
            poll=parts.poll,
            emit=outlet.emit,
            clock=outlet.clock,
        )
        self._poller: Poller[Item] = Poller(
            self._poll, self._not_yet, policy=parts.poll, workers=parts.limits.requests
        )
        self._fetcher = Fetcher(
            parts.storage,
            folder,
            policy=parts.fetch,
            retry=parts.retry,
            fresh_url=self._fresh_url,
            emit=outlet.emit,
            emit_or_drop=outlet.emit_or_drop,
            clock=outlet.clock,
        )
        self._places = anyio.Semaphore(parts.limits.pending)
        self._ready: MemoryObjectSendStream[Item]
        self._asking: set[anyio.CancelScope] = set()
        self._claimed: set[str] = set()
        self._feeding = anyio.CancelScope()
        self._outstanding = 0
        self._all_fed = False
        self._all_settled = anyio.Event()

    async def run(self, downloads: Downloads) -> None:
        """Settle every download; returns when the last one is saved, skipped or failed.

        When it is cancelled, it lets go of what it has claimed, for other exports of the client.
        """
        try:
            await self._run(downloads)
        finally:
            for key in self._claimed:
                self._folder.release(key)

    async def _run(self, downloads: Downloads) -> None:
        feed, todo = anyio.create_memory_object_stream[Download](0)
        self._ready, ready = anyio.create_memory_object_stream[Item](math.inf)
        async with feed, todo, self._ready, ready:
            total = count(downloads)
            await self._outlet.emit(events.Started(at_s=self._outlet.clock(), total=total))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._poller.run)
                tasks.start_soon(self._fetcher.watchdog.run)
                for _ in range(self._parts.limits.requests):
                    tasks.start_soon(self._create_stage, todo)
                for _ in range(self._parts.limits.fetches):
                    tasks.start_soon(self._fetch_stage, ready)
                await self._feed(downloads, feed)
                await self._all_settled.wait()
                tasks.cancel_scope.cancel()

    # What comes in, and how a package ends.

    async def _feed(self, downloads: Downloads, feed: MemoryObjectSendStream[Download]) -> None:
        seen: set[str] = set()
        with self._feeding:
            async for download in each(downloads):
                if download.key not in seen:
                    seen.add(download.key)
                    await feed.send(download)
                    self._outstanding += 1
        self._all_fed = True
        self._check_end()

    async def _settle(self, event: events.Settled) -> None:
        await self._outlet.emit(event)
        self._claimed.discard(event.key)
        self._folder.release(event.key)
        self._outstanding -= 1
        self._check_end()

    def _check_end(self) -> None:
        if self._all_fed and self._outstanding == 0:
            self._all_settled.set()

    async def _fail(self, item: Item, error: PixxelError) -> None:
        """End a package, and with a rejected key the whole export."""
        if isinstance(error, AuthenticationError):
            await self._stop(error)
        self._leave_place(item)
        # A package that failed has to be asked for anew; one that was only late has not.
        changes = {"download_id": None} if isinstance(error, PackageFailedError) else {}
        item.row = item.row.changed(state=State.FAILED, error=str(error), **changes)
        try:
            await self._folder.journal.put(item.row)
        except SinkError as disk:
            error.add_note(f"not noted in the journal: {disk}")
        await self._settle(
            events.Failed(
                at_s=self._outlet.clock(), key=item.key, download=item.download, error=error
            )
        )

    async def _stop(self, error: AuthenticationError) -> None:
        if self._outlet.report.stopped is not None:
            return
        # First everything is stopped, then it is told: the reader may be slow.
        self._outlet.report.stopped = error
        for scope in self._asking:
            scope.cancel()
        if self._outlet.report.total is None:
            self._feeding.cancel()  # a stream may never end; of a list, each package fails
        waiting = self._poller.drain()
        await self._outlet.emit(events.Stopped(at_s=self._outlet.clock(), error=error))
        for item in waiting:
            await self._fail(item, error)

    async def _ask(self, call: Awaitable[T]) -> T:
        """Wait for a call of the service, unless the key has been rejected meanwhile."""
        with anyio.CancelScope() as scope:
            self._asking.add(scope)
            try:
                if self._outlet.report.stopped is not None:
                    scope.cancel()
                return await call
            finally:
                self._asking.discard(scope)
        raise self._outlet.report.stopped or AssertionError("only a stop cancels a call")

    # Create.

    async def _create_stage(self, todo: MemoryObjectReceiveStream[Download]) -> None:
        async for download in todo:
            await self._folder.claim(download.key)
            self._claimed.add(download.key)
            item = Item.of(download)
            try:
                item.row = await self._folder.journal.get(item.key) or item.row
                if await self._is_saved_already(item):
                    path = self._folder.sink.path(item.row.name)
                    saved = saved_package(item, path, skipped=True)
                    await self._settle(
                        events.Skipped(at_s=self._outlet.clock(), key=item.key, saved=saved)
                    )
                    continue
                await self._places.acquire()
                item.has_place = True
                await self._begin(item)
            except PixxelError as error:
                await self._fail(item, error)

    async def _is_saved_already(self, item: Item) -> bool:
        """Tell whether the file is there and ours; what is there and was changed is set aside."""
        row, sink = item.row, self._folder.sink
        if row.bytes is None:
            return False
        size = await sink.size(row.name)
        if size == row.bytes:
            if row.state is State.SAVED:
                return True
            # The last run was ended between the rename and the note of it.
            if await sink.digest(row.name) == row.sha256:
                item.row = row.changed(state=State.SAVED, mark=0, validator=None, total=None)
                await self._folder.journal.put(item.row)
                return True
        if size is not None:
            await sink.set_aside(row.name)
            item.row = row.changed(mark=0, validator=None, total=None)
        item.row = item.row.changed(state=State.QUEUED, bytes=None, sha256=None, checksum="")
        return False

    async def _begin(self, item: Item) -> None:
        """Ask for a package, or go on waiting for the one that an earlier run has asked for."""
        if item.row.download_id is None:
            await self._request(item)
            return
        item.is_remembered = True
        item.since = anyio.current_time()
        await self._outlet.emit(
            events.Requested(
                at_s=self._outlet.clock(), key=item.key, download_id=item.row.download_id
            )
        )
        self._poller.add_soon(item, since=item.since, spread_s=self._parts.poll.initial_s)

    async def _request(self, item: Item) -> None:
        package = await self._ask(self._asker.create(item.download))
        item.since = anyio.current_time()
        item.is_remembered = False
        if needs_id(item.download):
            item.row = item.row.changed(
                state=State.REQUESTED, download_id=package.download_id, error=""
            )
            await self._folder.journal.put(item.row)
        await self._outlet.emit(
            events.Requested(
                at_s=self._outlet.clock(), key=item.key, download_id=package.download_id
            )
        )
        if not await self._is_settled(item, package, polls=0):
            self._poller.add(item, since=item.since)

    # Poll.

    async def _poll(self, pending: Pending[Item]) -> bool:
        """Ask about one package; return whether it has to be asked about again."""
        item = pending.item
        age_s = anyio.current_time() - item.since
        try:
            try:
                package = await self._ask(
                    self._asker.look(
                        item.download,
                        item.row.download_id,
                        age_s=math.inf if item.is_remembered else age_s,
                    )
                )
            except NotFoundError:
                if not item.is_remembered:
                    raise
                # The service has forgotten the package of an earlier run: ask for a new one.
                await self._request(item)
                return False
            if package is None:
                item.status_word = "no answer yet"
            else:
                item.is_remembered = False
                if await self._is_settled(item, package, polls=pending.polls):
                    return False
            self._asker.raise_if_over(item.download, age_s=age_s)
        except PixxelError as error:
            await self._fail(item, error)
            return False
        if (stopped := self._outlet.report.stopped) is not None:
            await self._fail(item, stopped)
            return False
        return True

    async def _not_yet(self, pending: Pending[Item], next_s: float) -> None:
        await self._outlet.emit(
            events.Polled(
                at_s=self._outlet.clock(),
                key=pending.item.key,
                status_word=pending.item.status_word,
                polls=pending.polls,
                next_s=next_s,
            )
        )

    async def _is_settled(self, item: Item, package: Package, *, polls: int) -> bool:
        """Hand on a package that is ready; return False for one that is not.

        Raises:
            PackageFailedError: The service could not package it.
        """
        item.status_word = package.status_word
        raise_if_failed(package, item.download)
        if package.status is not PackageStatus.READY:
            return False
        item.url, item.url_at = package.signed_url, time.time()
        await self._outlet.emit(
            events.Ready(
                at_s=self._outlet.clock(),
                key=item.key,
                waited_s=anyio.current_time() - item.since,
                polls=polls,
            )
        )
        self._ready.send_nowait(item)
        return True

    # Fetch.

    async def _fetch_stage(self, ready: MemoryObjectReceiveStream[Item]) -> None:
        async for item in ready:
            async with self._parts.fetch_slots:
                self._leave_place(item)
                try:
                    if (stopped := self._outlet.report.stopped) is not None:
                        raise stopped
                    await self._settle(await self._fetcher.fetch(item))
                except NotReadyAnyMoreError:
                    await self._wait_again(item)
                except PixxelError as error:
                    await self._fail(item, error)

    async def _fresh_url(self, item: Item) -> SecretStr | None:
        return await self._ask(self._asker.fresh_url(item.download, item.row.download_id))

    async def _wait_again(self, item: Item) -> None:
        # It waits since its creation: the waiting limit ends a storage that always refuses.
        pending = Pending(item=item, since=item.since)
        await self._not_yet(pending, self._parts.poll.initial_s)
        self._poller.add(item, since=item.since)

    def _leave_place(self, item: Item) -> None:
        if item.has_place:
            item.has_place = False
            self._places.release()
