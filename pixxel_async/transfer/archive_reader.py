"""Reads the directory of an archive in the storage, without the rest of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ..errors import ConnectionBrokenError, RangesNotServedError, TransferError
from ..http.storage_response import StorageResponse
from ..sansio.files.directory_search import FIRST_BYTES, DirectorySearch, Listing
from ..sansio.storage.range_requests import (
    NOT_FOR_RANGES,
    RANGE_NOT_SATISFIABLE,
    Part,
    some_part,
    some_part_headers,
    strong_tag,
)
from .errors import NextRequestError, error_of

FIRST_ERROR_STATUS = 400
SERVES_NONE = (
    "the storage does not serve byte ranges, so single members cannot be read without the rest"
)

Get = Callable[[Mapping[str, str]], Awaitable[StorageResponse]]
"""Sends a GET with these headers."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive in the storage.

    Attributes:
        listing: Its members.
        validator: Its strong entity tag, or None.
        received: The bytes that it took to know them.
    """

    listing: Listing
    validator: str | None
    received: int


async def read_archive(get: Get, received: Callable[[int], None] = lambda _: None) -> Archive:
    """Read the directory of an archive, by one or two requests if all is well.

    Args:
        get: Requests parts of it.
        received: Called with the bytes of each response.

    Raises:
        RangesNotServedError: The storage does not serve byte ranges.
        ArchiveError: The archive is refused.
        RetryableError: A response failed, or the object changed in between.
        StorageError: The storage answered with an error that a retry would not change.
    """
    search = DirectorySearch()
    tag: str | None = None
    has_suffixes = True
    count = 0
    while search.listing is None:
        wanted = search.wanted
        async with await get(some_part_headers(wanted, FIRST_BYTES)) as response:
            part = some_part(response.status, response.headers, wanted, FIRST_BYTES)
            if isinstance(part, str):
                if wanted is None and has_suffixes and _may_be_about_range(response):
                    has_suffixes = False
                    search.without_suffix()
                    continue
                raise await _error_of(response, part)
            etag = response.headers.get("etag")
            if search.total not in {None, part.total} or (count and etag != tag):
                message = "the object has changed while its directory was read"
                raise NextRequestError(TransferError(message))
            tag = etag
            data = await _read(response, part)
        count += len(data)
        received(len(data))
        search.received(part.first, data, part.total or 0)
    return Archive(search.listing, strong_tag(tag), count)


def _may_be_about_range(response: StorageResponse) -> bool:
    status = response.status
    return status < FIRST_ERROR_STATUS or status in {400, RANGE_NOT_SATISFIABLE, *NOT_FOR_RANGES}


async def _error_of(response: StorageResponse, reason: str) -> Exception:
    if response.status < FIRST_ERROR_STATUS:
        return RangesNotServedError(f"{SERVES_NONE}: {reason}")
    if response.status in {RANGE_NOT_SATISFIABLE, *NOT_FOR_RANGES}:
        return RangesNotServedError(f"{SERVES_NONE}: it answers {response.status}")
    return await error_of(response)


async def _read(response: StorageResponse, part: Part) -> bytes:
    body = _Body()
    response.start_receiving(body)
    while not await response.wait():
        pass
    if len(body.found) != part.end - part.first:
        message = f"the part ended after {len(body.found)} of {part.end - part.first} bytes"
        raise ConnectionBrokenError(message)
    return bytes(body.found)


@dataclass(slots=True)
class _Body:
    """Takes a body into memory; its size is that of a directory, which is bounded."""

    found: bytearray = field(default_factory=bytearray)

    def write(self, data: memoryview) -> None:
        self.found += data

    async def take(self, data: memoryview) -> None:
        self.write(data)
