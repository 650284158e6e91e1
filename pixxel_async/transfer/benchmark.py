"""Measures what a link brings: GETs of signed URLs, whose bytes are thrown away.

Rules:
    * Only bytes count that come after the first part of the time, in which connections are made
      and find their speed.
    * The way is the one that exports take: same connections, same requests, same reading. What
      disk and checksums cost is left out.
    * An answer that says "too much", or a connection that breaks, ends a measurement: it tells how
      many transfers the storage bears.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import cycle

import anyio
from pydantic import SecretStr

from ..errors import ConnectionBrokenError, StorageError, TransferError
from ..http.storage_client import StorageClient
from ..sansio.resilience.concurrency_choice import Step
from ..sansio.storage.error_codes import StorageErrorMeaning, meaning_of, read_error
from .errors import ERROR_BYTES, secrets_cut

SETTLING = 0.25
"""The share of the time that does not count."""

HEADERS = {"Accept-Encoding": "identity"}
OK = 200


class MeasuredLink:
    """Measures one link, with any number of transfers at once, one number after the other.

    Attributes:
        received: Bytes that have come in all.
    """

    def __init__(self, storage: StorageClient, urls: Sequence[SecretStr]) -> None:
        """Send nothing yet.

        Args:
            storage: Opens the URLs.
            urls: At least one; they are taken in turns, again and again.
        """
        self._storage = storage
        self._urls = cycle(urls)
        self.received = 0
        self._counting = threading.Lock()

    async def measure(self, fetches: int, seconds: float) -> Step:
        """Transfer for a while.

        A cancelled one leaves no connection behind.

        Args:
            fetches: Transfers at once.
            seconds: For how long.

        Raises:
            TransferError: A URL cannot be used, or a single transfer already breaks.
            StorageError: The storage refuses it.
        """
        first: list[TransferError] = []
        counted, counted_s = 0, 1.0

        async def fetch() -> None:
            try:
                await self._fetch_again_and_again()
            except TransferError as error:
                first.append(error)
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            for _ in range(fetches):
                tasks.start_soon(fetch)
            await anyio.sleep(seconds * SETTLING)
            since, before = anyio.current_time(), self.received
            await anyio.sleep(seconds * (1 - SETTLING))
            counted, counted_s = self.received - before, anyio.current_time() - since
            tasks.cancel_scope.cancel()
        if first and not _is_borne_by_fewer(first[0], fetches):
            raise first[0]
        trouble = str(first[0]) if first else ""
        return Step(fetches=fetches, bytes_per_s=counted / counted_s, trouble=trouble)

    async def _fetch_again_and_again(self) -> None:
        while True:
            url = next(self._urls)
            with secrets_cut(self._storage.redactor, url):
                await self._fetch(url)

    async def _fetch(self, url: SecretStr) -> None:
        async with await self._storage.get(url, HEADERS) as answer:
            if answer.status != OK:
                problem = read_error(answer.status, await answer.read_start(ERROR_BYTES))
                raise StorageError(problem.message, status=answer.status, code=problem.code)
            answer.start_receiving(self)
            while not await answer.wait():
                pass

    def write(self, data: memoryview) -> None:
        """Count bytes, and throw them away; called on threads of the storage client."""
        with self._counting:
            self.received += len(data)

    async def take(self, data: memoryview) -> None:
        """Count bytes; as `write` does."""
        self.write(data)


def _is_borne_by_fewer(error: TransferError, fetches: int) -> bool:
    """Tell whether fewer transfers may do what so many could not."""
    if isinstance(error, StorageError):
        is_too_much = meaning_of(error.status, error.code) in {
            StorageErrorMeaning.PASSING,
            StorageErrorMeaning.CROWDED,
        }
        return is_too_much and fetches > 1
    return isinstance(error, ConnectionBrokenError) and fetches > 1
