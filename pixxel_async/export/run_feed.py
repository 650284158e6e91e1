"""What a run is given, and the downloads that come of it."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import anyio

from ..downloads import BaseDownload, Download, ManifestRow, is_download
from ..errors import InputError
from ..runs import is_run
from .source import each_checked

Runs: TypeAlias = Iterable[ManifestRow] | AsyncIterable[ManifestRow]
"""Runs, and maybe downloads among them."""


@dataclass(slots=True, eq=False)
class RunFeed:
    """The downloads of an export that runs jobs and insights first: those of finished runs.

    Attributes:
        runs: What to run.
        max_cost: What the runs of the folder may cost together, or None.
        is_detached: Whether to end once everything is created.
    """

    runs: Runs
    max_cost: float | None = None
    is_detached: bool = False
    _found: list[Download] = field(default_factory=list)
    _changed: anyio.Event = field(default_factory=anyio.Event)
    _is_closed: bool = False

    def put(self, download: Download) -> None:
        """Hand on a download."""
        self._found.append(download)
        self._changed.set()

    def close(self) -> None:
        """End the iteration."""
        self._is_closed = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[BaseDownload]:
        """Yield the downloads as they are handed on."""
        while True:
            while self._found:
                yield self._found.pop(0)
            if self._is_closed:
                return
            self._changed = anyio.Event()
            await self._changed.wait()


def check_runs(runs: object) -> None:
    """Refuse what is not an iterable of runs, as far as this shows before it is iterated.

    Raises:
        InputError: It is a single run, a row, a text, or cannot be iterated.
    """
    if isinstance(runs, ManifestRow):
        message = f"runs is a single {type(runs).__name__}: put it into a list"
        raise InputError(message)
    is_iterable = isinstance(runs, (Iterable, AsyncIterable))
    if not is_iterable or isinstance(runs, (Mapping, str, bytes)):
        message = f"runs must be a list or another iterable, not a {type(runs).__name__}"
        raise InputError(message)
    if isinstance(runs, Collection):
        for index, row in enumerate(runs):
            _checked(row, index)


def each_row(rows: Runs) -> AsyncIterator[ManifestRow]:
    """Yield the runs and downloads of either kind of iterable.

    Raises:
        InputError: One of them is neither.
    """
    return each_checked(rows, _checked)


def _checked(row: object, index: int) -> ManifestRow:
    if is_run(row) or is_download(row):
        return row
    message = (
        f"runs[{index}] is a value of type {type(row).__name__}, not a run: make one, such as "
        "RunJob(workflow_id=..., project_id=...)"
    )
    raise InputError(message)
