"""What an export is given: a list, or a stream that may not end."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import TypeAlias

from ..downloads import Download, is_download
from ..errors import InputError

Downloads: TypeAlias = Iterable[Download] | AsyncIterable[Download]


def count(downloads: Downloads) -> int | None:
    """Count the distinct downloads of a list; a stream is not read ahead for it.

    Raises:
        InputError: It is not an iterable of downloads.
    """
    if not isinstance(downloads, (Iterable, AsyncIterable)):
        message = f"downloads must be an iterable, not {_named(downloads)}"
        raise InputError(message)
    if isinstance(downloads, Sequence):
        keys = {_checked(download, place).key for place, download in enumerate(downloads)}
        return len(keys)
    return None


async def each(downloads: Downloads) -> AsyncIterator[Download]:
    """Yield the downloads of either kind of iterable.

    Raises:
        InputError: One of them is not a download.
    """
    place = 0
    if isinstance(downloads, AsyncIterable):
        async for download in downloads:
            yield _checked(download, place)
            place += 1
    else:
        for download in downloads:
            yield _checked(download, place)
            place += 1


def _checked(download: object, place: int) -> Download:
    if is_download(download):
        return download
    message = (
        f"downloads[{place}] is {_named(download)}, not a download: "
        "turn rows into downloads with parse_download"
    )
    raise InputError(message)


def _named(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
