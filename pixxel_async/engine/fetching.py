"""The third stage: packages that are ready are transferred, and saved beside that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream

from ..errors import PixxelError
from .fetcher import Fetcher, NotReadyAnyMoreError
from .gate import Gate
from .item import Item
from .ledger import Ledger
from .places import Places
from .saver import Arrived, Saver
from .space import DiskStaysFullError

SAVES = 32
"""Packages that wait for the disk at once, beside those that are transferred."""


class FetchStage:
    """Takes packages that are ready, and settles them."""

    def __init__(  # noqa: PLR0913 - what it joins, keyword-only
        self,
        fetcher: Fetcher,
        saver: Saver,
        *,
        gate: Gate,
        ledger: Ledger,
        began: Callable[[Item], None],
        fail: Callable[[Item, PixxelError], Awaitable[None]],
        fetch_failed: Callable[[Item, PixxelError], Awaitable[None]],
        wait_again: Callable[[Item], Awaitable[None]],
        end_early: Callable[[PixxelError], Awaitable[None]],
    ) -> None:
        """Join the parts.

        Args:
            fetcher: Transfers.
            saver: Saves.
            gate: Knows whether the key was rejected.
            ledger: Takes what is settled.
            began: Told of a package that has left the waiting ones.
            fail: Ends a package that failed.
            fetch_failed: Ends one that failed in its transfer, or requests it anew.
            wait_again: Takes a package back that is not ready any more.
            end_early: Ends the export, such as when the disk stays full.
        """
        self._fetcher = fetcher
        self._saver = saver
        self._gate = gate
        self._ledger = ledger
        self._began = began
        self._fail = fail
        self._fetch_failed = fetch_failed
        self._wait_again = wait_again
        self._end_early = end_early
        self._saving = anyio.Semaphore(SAVES)

    async def run(
        self,
        ready: MemoryObjectReceiveStream[Item],
        places: Places,
        tasks: TaskGroup,
    ) -> None:
        """Take one package after the other; several of these run at once.

        Args:
            ready: The packages.
            places: Bounds how many of them are taken at once.
            tasks: Where saving goes on.
        """
        while True:
            async with places:
                try:
                    item = await ready.receive()
                except anyio.EndOfStream:
                    return
                await self._take(item, tasks)

    async def _take(self, item: Item, tasks: TaskGroup) -> None:
        self._began(item)
        try:
            if self._gate.rejected is not None:
                raise self._gate.rejection()
            await self._hand_to_saver(await self._fetcher.fetch(item), tasks)
        except NotReadyAnyMoreError:
            await self._wait_again(item)
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except PixxelError as error:
            await self._fetch_failed(item, error)

    async def _hand_to_saver(self, arrived: Arrived, tasks: TaskGroup) -> None:
        """Save in a task of its own: what waits for the disk need not hold up transfers."""
        try:
            await self._saving.acquire()
        except BaseException:
            await arrived.abandon()
            raise
        tasks.start_soon(self._save, arrived)

    async def _save(self, arrived: Arrived) -> None:
        try:
            saved = await self._saver.save(arrived)
        except DiskStaysFullError as full:
            await self._end_early(full.error)
        except PixxelError as error:
            await self._fail(arrived.item, error)
        else:
            await self._ledger.settle(saved)
        finally:
            self._saving.release()
