"""The third stage: packages that are ready are transferred, and saved beside that."""

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
from .pending_packages import PendingPackages
from .save_stage import SaveStage

SAVES = 32
"""Packages that wait for the disk at once, beside those that are transferred."""


class FetchStage:
    """Takes packages that are ready, and settles them."""

    def __init__(  # noqa: PLR0913 - what it joins, keyword-only
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
        """Join the parts.

        Args:
            downloader: Transfers.
            save_stage: Saves.
            gate: Knows whether the key was rejected.
            pending: Takes what is settled.
            on_start: Told of a package that has left the waiting ones.
            fail: Ends a package that failed.
            fetch_failed: Ends one that failed in its transfer, or requests it anew.
            poll_again: Takes a package back that is not ready any more.
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
        """Start a task for each package that is ready, until there are no more.

        Args:
            ready: The packages.
            semaphore: Bounds how many of them are transferred at once.
            tasks: Runs the transfers and what saves them.
        """
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
            self._gate.check()
            try:
                received = await self._downloader.fetch(item, permit.release)
            except NotReadyAnyMoreError:
                await self._poll_again(item)
            else:
                await self._start_save(received, tasks)
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except Exception as raised:  # noqa: BLE001 - it ends this package, and no other
            await self._fetch_failed(item, as_error(raised))
        finally:
            permit.release()

    async def _start_save(self, received: ReceivedPackage, tasks: TaskGroup) -> None:
        """Save in a task of its own: what waits for the disk need not hold up transfers."""
        try:
            await self._saves.acquire()
        except BaseException:
            await received.abandon()
            raise
        tasks.start_soon(self._save, received)

    async def _save(self, received: ReceivedPackage) -> None:
        try:
            await self._pending.settle(await self._save_stage.save(received))
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except Exception as raised:  # noqa: BLE001 - likewise
            await self._fail(received.item, as_error(raised))
        finally:
            self._saves.release()


class _Permit:
    """The right to transfer one package among others."""

    def __init__(self, semaphore: FifoSemaphore) -> None:
        self._semaphore = semaphore
        self._is_held = True

    def release(self) -> None:
        """Let another package be transferred; a transfer that waits for its host does so early."""
        if self._is_held:
            self._is_held = False
            self._semaphore.give_back()
