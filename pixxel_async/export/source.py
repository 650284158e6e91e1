"""Feeds the downloads of an export to its first stage."""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
)
from contextlib import suppress
from typing import TypeAlias, TypeVar

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ..downloads import BaseDownload, Download, is_download
from ..errors import InputError
from ..journal.journal import Journal
from ..transfer.work_item import new_row
from .event_bus import EventBus
from .pending_packages import PendingPackages

T = TypeVar("T")
Downloads: TypeAlias = Iterable[BaseDownload] | AsyncIterable[BaseDownload]


def count(downloads: Downloads) -> int | None:
    """Return how many distinct downloads a list has, or None for a stream.

    Raises:
        InputError: It is not an iterable of downloads.
    """
    check_downloads(downloads)
    if isinstance(downloads, Collection):
        return len({_checked(one, index).key for index, one in enumerate(downloads)})
    return None


def check_downloads(downloads: object) -> None:
    """Refuse what is not an iterable of downloads, as far as this shows before it is iterated.

    Raises:
        InputError: It is a single download, a row, a text, or cannot be iterated.
    """
    if is_download(downloads):
        message = f"downloads is a single {type(downloads).__name__}: put it into a list"
        raise InputError(message)
    is_iterable = isinstance(downloads, (Iterable, AsyncIterable))
    if not is_iterable or isinstance(downloads, (Mapping, str, bytes)):
        message = f"downloads must be a list or another iterable, not {_described(downloads)}"
        raise InputError(message)


def check_download(download: object, name: str = "download") -> Download:
    """Return a download.

    Raises:
        InputError: It is something else.
    """
    if is_download(download):
        return download
    message = f"{name} is {_described(download)}, not a download{_remedy(download)}"
    raise InputError(message)


def each(downloads: Downloads) -> AsyncIterator[Download]:
    """Yield the downloads of either kind of iterable.

    Raises:
        InputError: One of them is not a download.
    """
    return each_checked(downloads, _checked)


async def each_checked(
    items: Iterable[object] | AsyncIterable[object], check: Callable[[object, int], T]
) -> AsyncIterator[T]:
    """Yield the items of either kind of iterable.

    Args:
        items: The iterable.
        check: Returns the item at an index, or raises if it is not valid.
    """
    index = 0
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield check(item, index)
            index += 1
    else:
        for item in items:
            yield check(item, index)
            index += 1


def _checked(download: object, index: int) -> Download:
    return check_download(download, f"downloads[{index}]")


def _described(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _remedy(value: object) -> str:
    if isinstance(value, Mapping):
        return ": turn rows into downloads with parse_download"
    return ": make one, such as JobDownload(workflow_id=..., job_id=...)"


ROWS_AT_ONCE = 500
"""After this many new rows, other tasks may run."""


class DownloadSource:
    """The distinct downloads of one export."""

    def __init__(
        self,
        downloads: Downloads,
        journal: Journal,
        pending: PendingPackages,
        event_bus: EventBus,
        *,
        name_of: Callable[[Download], str],
    ) -> None:
        """Take the dependencies; `name_of` returns the file name of a download."""
        self._downloads = downloads
        self._journal = journal
        self._pending = pending
        self._event_bus = event_bus
        self._name_of = name_of
        self._scope = anyio.CancelScope()

    async def run(self, send: MemoryObjectSendStream[Download]) -> None:
        """Send every distinct download; waits while the receiver is busy."""
        is_list = count(self._downloads) is not None
        if is_list:
            await self._note_all()
        seen: set[str] = set()
        with self._scope:
            async for download in each(self._downloads):
                if download.key not in seen:
                    seen.add(download.key)
                    if not is_list:
                        self._note(download)
                    self._pending.add(download.key)
                    try:
                        await send.send(download)
                    except BaseException:  # the stream is stopped
                        self._pending.forget(download.key)
                        raise
        self._pending.close()

    def stop(self) -> None:
        """Stop reading a stream, which may never end."""
        self._scope.cancel()

    async def _note_all(self) -> None:
        """Record all packages of a list first, so that a killed run leaves their rows."""
        number = 0
        async for download in each(self._downloads):
            self._note(download)
            number += 1
            if number % ROWS_AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()

    def _note(self, download: Download) -> None:
        if not self._journal.knows(download.key):
            with suppress(Exception):  # raised again when the package is created
                self._journal.note(new_row(download, self._name_of))
        self._event_bus.recorder.queued(download.key, self._event_bus.clock())


async def in_tasks(
    work: Callable[[Download], Awaitable[None]],
    incoming: MemoryObjectReceiveStream[Download],
    limit: int,
    tasks: TaskGroup,
) -> None:
    """Work on each download in a task of its own, up to `limit` at a time."""
    semaphore = anyio.Semaphore(limit)

    async def one(download: Download) -> None:
        try:
            await work(download)
        finally:
            semaphore.release()

    async for download in incoming:
        await semaphore.acquire()
        tasks.start_soon(one, download)
