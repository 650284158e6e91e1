"""Iterates over the service's paginated lists."""

from __future__ import annotations

import logging
from collections import deque
from typing import Generic, Self, TypeVar

from ..errors import InputError
from ..http.service_calls import Api
from ..records import Record, ServiceModel
from ..sansio.api.list_calls import Source, page_call, read_page, read_record, record_call
from ..sansio.api.pagination import PAGE_SIZE, PageWalk

logger = logging.getLogger("pixxel_async")

R = TypeVar("R", bound=Record)
One = TypeVar("One", bound=ServiceModel)


class Listing(Generic[R]):
    """An async iterator over the records of a list.

    It requests a page when the previous one is used up, and nothing before it is iterated. It
    holds nothing open, so it needs no closing. After an error or a cancellation, the next step
    requests the same page again.
    """

    def __init__(self, api: Api, source: Source[R], *, size: int = PAGE_SIZE) -> None:
        """Prepare to iterate over a list with `size` records per page.

        Raises:
            InputError: `size` is below 1.
        """
        if size < 1:
            message = f"{source.operation}: page_size is {size}; give 1 or more"
            raise InputError(message)
        self._api = api
        self._source = source
        self._walk = PageWalk(source.paging, size=size)
        self._records: deque[R] = deque()

    def __aiter__(self) -> Self:
        """Return the iterator itself."""
        return self

    async def __anext__(self) -> R:
        """Return the next record.

        Raises:
            StopAsyncIteration: There is none.
            PixxelError: A page could not be fetched, and no attempts are left.
        """
        while not self._records:
            ask = self._walk.ask
            if ask is None:
                raise StopAsyncIteration
            page = await self._api.ask(
                page_call(self._source, ask), lambda body: read_page(self._source, body)
            )
            new = self._walk.take(
                [self._source.identity(record) for record in page.records], page.total, page.token
            )
            self._records.extend(page.records[index] for index in new)
            if self._walk.ask is None and self._walk.missing:
                logger.warning(
                    "%s: the service reported %d records more than it listed",
                    self._source.operation,
                    self._walk.missing,
                )
        return self._records.popleft()


async def get(api: Api, source: Source[One]) -> One:
    """Fetch a single record.

    Raises:
        PixxelError: The record could not be fetched, and no attempts are left.
    """
    return await api.ask(record_call(source), lambda body: read_record(source, body))
