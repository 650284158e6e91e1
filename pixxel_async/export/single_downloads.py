"""Single downloads of a client: those into one folder share one export.

Rules:
    * A download costs a future and a place in a queue; its export has one set of stages, one
      schedule of polls and one journal, however many callers wait.
    * Callers that want the same package at the same time get the same file.
    * A cancelled caller touches no other. If nobody else wants its package, the package is dropped,
      and its partial stays for the next call.
    * The export ends with its last caller, who waits until the folder is unlocked, and after
      `MOST_PACKAGES`, since its report remembers each; a new one follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import anyio

from .. import events
from ..config import FolderPolicy, PreviousFailures
from ..downloads import Download
from ..errors import UsageError
from ..http.client_lifetime import IS_CLOSED
from ..models import SavedPackage
from ..waits import wait_for_end
from .export import Export
from .source import Downloads
from .summary import Report

MOST_PACKAGES = 1000
"""How many packages one export of single downloads takes."""

Begin: TypeAlias = Callable[[Downloads, Path, FolderPolicy], Export]


class SingleDownloads:
    """The single downloads of a client."""

    def __init__(self, begin: Begin) -> None:
        """Take what makes an export."""
        self._begin = begin
        self._open: dict[tuple[Path, FolderPolicy], _SharedExport] = {}

    async def download(
        self, download: Download, directory: Path, folder: FolderPolicy | None
    ) -> SavedPackage:
        """Save one package.

        Raises:
            PixxelError: It was not saved.
        """
        policy = again(folder)
        place = directory, policy
        shared = self._open.get(place)
        if shared is None or not shared.accepts(download.key):
            if shared is not None:
                shared.close()
            shared = self._open[place] = _SharedExport(self._begin, directory, policy)
        try:
            return await shared.download(download)
        finally:
            if shared.is_closed and self._open.get(place) is shared:
                del self._open[place]


@dataclass(slots=True)
class _Wanted:
    """A package that callers wait for.

    Attributes:
        settled: How it ended.
        callers: How many wait.
    """

    settled: asyncio.Future[SavedPackage]
    callers: int = 0


class _SharedExport:
    """One export and its callers."""

    def __init__(self, begin: Begin, directory: Path, policy: FolderPolicy) -> None:
        self._export = begin(self._downloads(), directory, policy)
        self._send, self._receive = anyio.create_memory_object_stream[Download](MOST_PACKAGES)
        self._wanted: dict[str, _Wanted] = {}
        self._taken: set[str] = set()
        self._task = asyncio.create_task(self._run(), name="pixxel-async downloads")
        self.is_closed = False

    def accepts(self, key: str) -> bool:
        """Whether it still takes a package: one that it has not had, or that is under way."""
        if key in self._wanted and not self._task.done():
            return True
        return not self.is_closed and key not in self._taken

    def close(self) -> None:
        """Take no more packages."""
        self.is_closed = True
        self._send.close()

    async def download(self, download: Download) -> SavedPackage:
        wanted = self._wanted.get(download.key)
        if wanted is None:
            wanted = self._add(download)
        wanted.callers += 1
        try:
            # Not `await wanted.settled`: cancelling this caller would cancel it for the others.
            await asyncio.wait([wanted.settled])
        finally:
            wanted.callers -= 1
            if not wanted.callers:
                await self._leave(download.key, wanted)
        return wanted.settled.result()

    def _add(self, download: Download) -> _Wanted:
        wanted = _Wanted(asyncio.get_running_loop().create_future())
        self._wanted[download.key] = wanted
        self._taken.add(download.key)
        self._send.send_nowait(download)
        if len(self._taken) >= MOST_PACKAGES:
            self.close()
        return wanted

    async def _leave(self, key: str, wanted: _Wanted) -> None:
        """Drop a package that nobody waits for; the last one ends the export."""
        if self._wanted.get(key) is wanted:
            del self._wanted[key]
        if not self._wanted:
            self.close()
            if not wanted.settled.done():
                self._task.cancel()
            await wait_for_end(self._task)
        elif not wanted.settled.done():
            await wait_for_end(asyncio.create_task(self._export.abandon(key)))

    async def _downloads(self) -> AsyncIterator[Download]:
        async for download in self._receive:
            if download.key in self._wanted:  # or its caller was cancelled
                yield download

    async def _run(self) -> None:
        failure: BaseException = UsageError(IS_CLOSED)
        try:
            async with self._export as export:
                async for event in export:
                    if isinstance(event, events.Settled):
                        self._settle(event)
            if export.report.stopped is not None:
                failure = export.report.stopped
        except Exception as error:  # noqa: BLE001 - raised by each caller
            failure = error
        finally:
            self.close()
            self._receive.close()
            for wanted in self._wanted.values():
                _set_exception(wanted.settled, failure)

    def _settle(self, event: events.Settled) -> None:
        if (wanted := self._wanted.get(event.key)) is None:
            return
        if isinstance(event, events.Failed):
            _set_exception(wanted.settled, event.error)
        elif isinstance(event, events.Saved | events.Skipped) and not wanted.settled.done():
            wanted.settled.set_result(event.saved)


def _set_exception(future: asyncio.Future[SavedPackage], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # its caller may be cancelled before it reads it


def again(folder: FolderPolicy | None) -> FolderPolicy:
    """Return the policy to request one package: retry it if it failed in an earlier run."""
    retry = {"previous_failures": PreviousFailures.RETRY}
    return FolderPolicy.of(folder, "folder").model_copy(update=retry)


def only_package(report: Report) -> SavedPackage:
    """Return the package of an export of a single download.

    Raises:
        PixxelError: Why it was not saved.
    """
    for failed in report.failed:
        raise failed.error
    if report.stopped is not None:  # the disk stayed full
        raise report.stopped
    return (report.saved or report.skipped)[0]
