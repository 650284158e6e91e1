"""The third stage: packages that are ready are transferred, and saved beside that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream

from ..errors import PixxelError
from ..transfer.call_gate import CallGate
from ..transfer.disk_space import DiskStaysFullError
from ..transfer.downloader import Downloader, NotReadyAnyMoreError
from ..transfer.places import FifoSemaphore
from ..transfer.received import ReceivedPackage
from ..transfer.unexpected import as_error
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
        """Take one package after the other; several of these run at once.

        Args:
            ready: The packages.
            places: Bounds how many of them are taken at once.
            tasks: Where saving goes on.
        """

        def replace() -> None:
            tasks.start_soon(self.run, ready, places, tasks)

        while True:
            async with _Turn(places, replace) as turn:
                try:
                    item = await ready.receive()
                except anyio.EndOfStream:
                    return
                await self._take(item, tasks, turn.step_aside)
            if turn.is_over:
                return

    async def _take(self, item: WorkItem, tasks: TaskGroup, step_aside: Callable[[], None]) -> None:
        try:
            self._began(item)
            self._gate.check()
            try:
                arrived = await self._fetcher.fetch(item, step_aside)
            except NotReadyAnyMoreError:
                await self._wait_again(item)
            else:
                await self._hand_to_saver(arrived, tasks)
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except Exception as raised:  # noqa: BLE001 - it ends this package, and no other
            await self._fetch_failed(item, as_error(raised))

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


class _Turn:
    """A place that is held while one package is taken.

    Attributes:
        is_over: Whether the place was given to another task.
    """

    def __init__(self, places: FifoSemaphore, replace: Callable[[], None]) -> None:
        self._places = places
        self._replace = replace
        self.is_over = False

    async def __aenter__(self) -> Self:
        await self._places.take()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.is_over:
            self._places.give_back()

    def step_aside(self) -> None:
        """Let another task take packages, while this one waits with its own."""
        if not self.is_over:
            self.is_over = True
            self._places.give_back()
            self._replace()
