"""Exports downloads for as long as they come, in bounded memory.

Rules:
    * An export remembers each of its packages until it ends: its report and its history need that.
      So a new export begins with the first download after a silence, takes what follows for at most
      `TAKES_S`, and ends with the last of its packages. Days of watching are many short exports,
      and what settled packages take up is freed with each.
    * A package that is slow holds nobody up: later downloads go into the next export, which runs
      beside it. As packages wait for at most `--wait-timeout`, few exports overlap.
    * A package that is tried again goes into another export: within one each is downloaded once.
    * The folder stays locked in between, so that another process cannot take it over: an empty
      export is kept open. It has no task and sends nothing.
    * A rejected key, or a lost folder, ends all. If an export ends early for another reason, such
      as a full disk, its packages are handed back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ..client import PixxelClient
from ..config import FolderPolicy
from ..downloads import Download
from ..errors import AuthenticationError, PixxelError
from ..events import Event, Settled
from ..export.export import Export
from ..export.summary import Report
from ..journal.heartbeat_lock import FolderLostError

TAKES_S = 900.0
"""How long an export takes new packages, in seconds."""

_ENDS_ALL = (AuthenticationError, FolderLostError)


class RollingExport:
    """Exports into one folder, one after another and overlapping; an async context manager.

    Leaving the context waits until all packages are settled, unless `interrupt` was called.
    """

    def __init__(
        self,
        client: PixxelClient,
        folder: Path,
        policy: FolderPolicy,
        *,
        show: Callable[[Event, Report], None],
        hand_back: Callable[[Download, PixxelError], None],
    ) -> None:
        """Prepare.

        Args:
            client: What exports.
            folder: The absolute path of the folder.
            policy: How to treat it.
            show: Gets each event, with the report of its export.
            hand_back: Gets each download that an export has left when it ended early, and why.
        """
        self._client = client
        self._folder = folder
        self._policy = policy
        self._show = show
        self._hand_back = hand_back
        self._opened = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()
        self._exports: list[_Taking] = []
        self._is_interrupted = False

    async def __aenter__(self) -> Self:
        """Lock the folder.

        Raises:
            FolderBusyError: Another process exports into it.
            SinkError: It cannot be written.
        """
        async with AsyncExitStack() as opened:
            holding = self._client.export([], self._folder, folder=self._policy)
            await (await opened.enter_async_context(holding)).finish()
            await opened.enter_async_context(self._tasks)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait until all packages are settled, and unlock the folder.

        Raises:
            PixxelError: What has ended all exports.
        """
        for taking in self._exports:
            taking.close()
        try:
            await self._opened.__aexit__(exc_type, exc, traceback)
        except BaseExceptionGroup as group:
            raise _first(group) from None

    @property
    def left(self) -> int:
        """How many packages are not settled."""
        return sum(len(taking.unsettled) for taking in self._exports)

    def add(self, download: Download) -> None:
        """Export a package, unless it is under way."""
        if any(download.key in taking.unsettled for taking in self._exports):
            return
        now = asyncio.get_running_loop().time()
        latest = self._exports[-1] if self._exports else None
        if latest is None or not latest.accepts(download.key, now):
            if latest is not None:
                latest.close()
            latest = _Taking(now + TAKES_S)
            self._exports.append(latest)
            self._tasks.create_task(self._run(latest), name="pixxel-async rolling export")
        latest.add(download)

    def interrupt(self) -> None:
        """End all exports early; leaving the context then takes a second or two."""
        self._is_interrupted = True
        for taking in self._exports:
            taking.interrupt()

    async def _run(self, taking: _Taking) -> None:
        export = self._client.export(taking, self._folder, folder=self._policy)
        async with export:
            taking.export = export
            if self._is_interrupted:
                taking.interrupt()
            try:
                async for event in export:
                    if isinstance(event, Settled):
                        taking.settle(event.key)
                    self._show(event, export.report)
            finally:
                taking.export = None
                taking.close()
        if self._is_interrupted:
            return
        self._exports.remove(taking)
        stopped = export.report.stopped
        if isinstance(stopped, _ENDS_ALL):
            raise stopped
        if stopped is not None:
            for download in taking.unsettled.values():
                self._hand_back(download, stopped)


class _Taking:
    """The downloads of one export, and which of them are not settled.

    Attributes:
        unsettled: By key.
        export: The export while it runs.
    """

    def __init__(self, until: float) -> None:
        """Take downloads until a time of the event loop."""
        self.unsettled: dict[str, Download] = {}
        self.export: Export | None = None
        self._until = until
        self._taken: set[str] = set()
        self._queue: asyncio.Queue[Download | None] = asyncio.Queue()
        self._is_closed = False

    def __aiter__(self) -> AsyncIterator[Download]:
        """Return the iterator itself."""
        return self

    async def __anext__(self) -> Download:
        """Return the next download."""
        if (download := await self._queue.get()) is None:
            raise StopAsyncIteration
        return download

    def accepts(self, key: str, now: float) -> bool:
        return not self._is_closed and now < self._until and key not in self._taken

    def add(self, download: Download) -> None:
        self._taken.add(download.key)
        self.unsettled[download.key] = download
        self._queue.put_nowait(download)

    def settle(self, key: str) -> None:
        self.unsettled.pop(key, None)
        if not self.unsettled:
            self.close()

    def close(self) -> None:
        """Take no more; the export ends when its packages are settled."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put_nowait(None)

    def interrupt(self) -> None:
        if self.export is not None:
            self.export.interrupt()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group, which is what has ended the others."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
