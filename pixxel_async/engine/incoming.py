"""What an export is given: a list, or a stream that may not end."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import TypeAlias

from ..downloads import Download

Downloads: TypeAlias = Iterable[Download] | AsyncIterable[Download]


def count(downloads: Downloads) -> int | None:
    """Count the distinct downloads of a list; a stream is not read ahead for it."""
    if isinstance(downloads, Sequence):
        return len({download.key for download in downloads})
    return None


async def each(downloads: Downloads) -> AsyncIterator[Download]:
    """Yield the downloads of either kind of iterable."""
    if isinstance(downloads, AsyncIterable):
        async for download in downloads:
            yield download
    else:
        for download in downloads:
            yield download
