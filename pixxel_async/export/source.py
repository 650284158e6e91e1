"""Brings the downloads that an export is given to its first stage."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeAlias

import anyio
import anyio.lowlevel
from anyio.streams.memory import MemoryObjectSendStream

from ..downloads import Download, is_download
from ..errors import InputError
from ..journal.journal import Journal
from ..transfer.work_item import new_row
from .event_bus import EventBus
from .pending_packages import PendingPackages

Downloads: TypeAlias = Iterable[Download] | AsyncIterable[Download]


def count(downloads: Downloads) -> int | None:
    """Count the distinct downloads of a list; a stream is not read ahead for it.

    Raises:
        InputError: It is not an iterable of downloads.
    """
    if not isinstance(downloads, (Iterable, AsyncIterable)):
        message = f"downloads must be an iterable, not {_described(downloads)}"
        raise InputError(message)
    if isinstance(downloads, Sequence):
        keys = {_checked(download, index).key for index, download in enumerate(downloads)}
        return len(keys)
    return None


async def each(downloads: Downloads) -> AsyncIterator[Download]:
    """Yield the downloads of either kind of iterable.

    Raises:
        InputError: One of them is not a download.
    """
    index = 0
    if isinstance(downloads, AsyncIterable):
        async for download in downloads:
            yield _checked(download, index)
            index += 1
    else:
        for download in downloads:
            yield _checked(download, index)
            index += 1


def _checked(download: object, index: int) -> Download:
    if is_download(download):
        return download
    message = (
        f"downloads[{index}] is {_described(download)}, not a download: "
        "turn rows into downloads with parse_download"
    )
    raise InputError(message)


def _described(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


ROWS_AT_ONCE = 500
"""New packages are noted in pieces of this size, between which other tasks have their turn."""


class DownloadSource:
    """The downloads of one export, each once."""

    def __init__(
        self,
        downloads: Downloads,
        *,
        journal: Journal,
        pending: PendingPackages,
        event_bus: EventBus,
        name_of: Callable[[Download], str],
    ) -> None:
        """Take nothing yet.

        Args:
            downloads: What the export is given.
            journal: Takes what is new.
            pending: Counts what is to be settled.
            event_bus: Its recorder notes what waits.
            name_of: Names files.
        """
        self._downloads = downloads
        self._journal = journal
        self._pending = pending
        self._event_bus = event_bus
        self._name_of = name_of
        self._scope = anyio.CancelScope()

    async def run(self, send: MemoryObjectSendStream[Download]) -> None:
        """Hand on every distinct download; waits for who takes them."""
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
                    await send.send(download)
                    self._pending.add()
        self._pending.close()

    def cut(self) -> None:
        """Take no more of a stream, which may never end; what was handed on is all."""
        self._scope.cancel()

    async def _note_all(self) -> None:
        """Note the packages of a list at once, so that a run that is killed knows them all."""
        number = 0
        async for download in each(self._downloads):
            self._note(download)
            number += 1
            if number % ROWS_AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()

    def _note(self, download: Download) -> None:
        if not self._journal.knows(download.key):
            with suppress(Exception):  # told for this package when its turn comes
                self._journal.note(new_row(download, self._name_of))
        self._event_bus.recorder.queued(download.key, self._event_bus.clock())
