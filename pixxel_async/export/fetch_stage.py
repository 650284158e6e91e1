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
        fetcher: Downloader,
        saver: SaveStage,
        *,
        gate: CallGate,
        pending: PendingPackages,
        began: Callable[[WorkItem], None],
        fail: Callable[[WorkItem, PixxelError], Awaitable[None]],
        fetch_failed: Callable[[WorkItem, PixxelError], Awaitable[None]],
        wait_again: Callable[[WorkItem], Awaitable[None]],
        end_early: Callable[[PixxelError], Awaitable[None]],
    ) -> None:
        """Join the parts.

        Args:
            fetcher: Transfers.
            saver: Saves.
            gate: Knows whether the key was rejected.
            pending: Takes what is settled.
            began: Told of a package that has left the waiting ones.
            fail: Ends a package that failed.
            fetch_failed: Ends one that failed in its transfer, or requests it anew.
            wait_again: Takes a package back that is not ready any more.
            end_early: Ends the export, such as when the disk stays full.
        """
        self._fetcher = fetcher
        self._saver = saver
        self._gate = gate
        self._pending = pending
        self._began = began
        self._fail = fail
        self._fetch_failed = fetch_failed
        self._wait_again = wait_again
        self._end_early = end_early
        self._saving = anyio.Semaphore(SAVES)

    async def run(
        self,
        ready: MemoryObjectReceiveStream[WorkItem],
        places: FifoSemaphore,
        tasks: TaskGroup,
    ) -> None:
        """Start a task for each package that is ready, until there are no more.

        Args:
            ready: The packages.
            places: Bounds how many of them are transferred at once.
            tasks: Runs the transfers and what saves them.
        """
        while True:
            permit = _Permit(places)
            await places.take()
            try:
                item = await ready.receive()
            except anyio.EndOfStream:
                return
            tasks.start_soon(self._take, item, tasks, permit)

    async def _take(self, item: WorkItem, tasks: TaskGroup, permit: _Permit) -> None:
        try:
            self._began(item)
            self._gate.check()
            try:
                arrived = await self._fetcher.fetch(item, permit.release)
            except NotReadyAnyMoreError:
                await self._wait_again(item)
            else:
                await self._hand_to_saver(arrived, tasks)
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except Exception as raised:  # noqa: BLE001 - it ends this package, and no other
            await self._fetch_failed(item, as_error(raised))
        finally:
            permit.release()

    async def _hand_to_saver(self, arrived: ReceivedPackage, tasks: TaskGroup) -> None:
        """Save in a task of its own: what waits for the disk need not hold up transfers."""
        try:
            await self._saving.acquire()
        except BaseException:
            await arrived.abandon()
            raise
        tasks.start_soon(self._save, arrived)

    async def _save(self, arrived: ReceivedPackage) -> None:
        try:
            await self._pending.settle(await self._saver.save(arrived))
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except Exception as raised:  # noqa: BLE001 - likewise
            await self._fail(arrived.item, as_error(raised))
        finally:
            self._saving.release()


class _Permit:
    """The right to transfer one package among others."""

    def __init__(self, places: FifoSemaphore) -> None:
        self._places = places
        self._is_held = True

    def release(self) -> None:
        """Let another package be transferred; a transfer that waits for its host does so early."""
        if self._is_held:
            self._is_held = False
            self._places.give_back()
