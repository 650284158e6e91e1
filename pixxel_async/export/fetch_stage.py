"""The third stage: downloads packages that are ready, and saves them in separate tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream

from ..errors import PixxelError
from ..transfer.call_gate import CallGate
from ..transfer.concurrency_limiter import FifoSemaphore
from ..transfer.disk_space import DiskStaysFullError
from ..transfer.downloader import Downloader, NotReadyAnyMoreError
from ..transfer.errors import as_error
from ..transfer.received import ReceivedPackage
from ..transfer.work_item import WorkItem
from .pending_packages import PendingPackages, Work
from .save_stage import SaveStage

SAVES = 32
"""Packages that are saved at once, in addition to those being transferred."""


class FetchStage:
    """Downloads and saves packages that are ready."""

    def __init__(  # noqa: PLR0913 - dependencies, keyword-only
        self,
        downloader: Downloader,
        save_stage: SaveStage,
        *,
        gate: CallGate,
        pending: PendingPackages,
        on_start: Callable[[WorkItem], None],
        fail: Callable[[WorkItem, PixxelError], Awaitable[None]],
        fetch_failed: Callable[[WorkItem, PixxelError], Awaitable[None]],
        poll_again: Callable[[WorkItem], Awaitable[None]],
        end_early: Callable[[PixxelError], Awaitable[None]],
    ) -> None:
        """Take the dependencies.

        Args:
            downloader: Transfers packages.
            save_stage: Saves them.
            gate: Knows whether the service rejected the key.
            pending: Settles packages.
            on_start: Called when a package leaves the pending ones.
            fail: Fails a package.
            fetch_failed: Fails a package whose transfer failed, or requests it again.
            poll_again: Polls a package again that is no longer ready.
            end_early: Ends the export, such as when the disk stays full.
        """
        self._downloader = downloader
        self._save_stage = save_stage
        self._gate = gate
        self._pending = pending
        self._on_start = on_start
        self._fail = fail
        self._fetch_failed = fetch_failed
        self._poll_again = poll_again
        self._end_early = end_early
        self._saves = anyio.Semaphore(SAVES)

    async def run(
        self,
        ready: MemoryObjectReceiveStream[WorkItem],
        semaphore: FifoSemaphore,
        tasks: TaskGroup,
    ) -> None:
        """Start a task in `tasks` for each `ready` package; `semaphore` bounds the transfers."""
        while True:
            permit = _Permit(semaphore)
            await semaphore.take()
            try:
                item = await ready.receive()
            except anyio.EndOfStream:
                return
            tasks.start_soon(self._fetch, item, tasks, permit)

    async def _fetch(self, item: WorkItem, tasks: TaskGroup, permit: _Permit) -> None:
        try:
            self._on_start(item)
            if self._pending.is_wanted(item.key):
                with self._pending.work_on(item.key):
                    await self._fetch_wanted(item, tasks, permit)
        finally:
            permit.release()

    async def _fetch_wanted(self, item: WorkItem, tasks: TaskGroup, permit: _Permit) -> None:
        try:
            self._gate.check()
            try:
                received = await self._downloader.fetch(item, permit.release)
            except NotReadyAnyMoreError:
                await self._poll_again(item)
            else:
                await self._start_save(received, tasks)
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except Exception as raised:  # noqa: BLE001 - it fails this package only
            await self._fetch_failed(item, as_error(raised))

    async def _start_save(self, received: ReceivedPackage, tasks: TaskGroup) -> None:
        """Save in a separate task, so that a slow disk does not block transfers."""
        try:
            await self._saves.acquire()
        except BaseException:
            await received.abandon()
            raise
        tasks.start_soon(self._save, received, self._pending.work_on(received.item.key))

    async def _save(self, received: ReceivedPackage, work: Work) -> None:
        try:
            with work:
                await self._save_wanted(received)
        finally:
            self._saves.release()

    async def _save_wanted(self, received: ReceivedPackage) -> None:
        try:
            await self._pending.settle(await self._save_stage.save(received))
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except Exception as raised:  # noqa: BLE001 - likewise
            await self._fail(received.item, as_error(raised))


class _Permit:
    def __init__(self, semaphore: FifoSemaphore) -> None:
        self._semaphore = semaphore
        self._is_held = True

    def release(self) -> None:
        """Release the permit, once; a transfer that waits for its host does so early."""
        if self._is_held:
            self._is_held = False
            self._semaphore.give_back()
