"""Measures the throughput of a connection with GETs of signed URLs; the bytes are discarded.

Rules:
    * Bytes count only after the first part of the time, in which connections are opened and speed
      up.
    * The requests take the same route as those of an export: same connections, requests and reads.
      The cost of disk and checksums is left out.
    * A response that says "too much", or a broken connection, ends a measurement: it shows how many
      transfers the storage allows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import cycle

import anyio
from pydantic import SecretStr

from ..errors import ConnectionBrokenError, StorageError, TransferError
from ..http.storage_client import StorageClient
from ..sansio.percentiles import Percentiles
from ..sansio.resilience.concurrency_choice import Step
from ..sansio.storage.error_codes import StorageErrorMeaning, meaning_of, read_error
from .errors import ERROR_BYTES, redact_errors

SETTLING = 0.25
"""The share of the time that does not count."""

HEADERS = {"Accept-Encoding": "identity"}
OK = 200


MOST_BROKEN = 3
"""The number of broken connections in a row that ends a measurement."""


class MeasuredLink:
    """Measures one connection at different concurrencies, one after the other.

    Attributes:
        received: All bytes received.
    """

    def __init__(self, storage: StorageClient, urls: Sequence[SecretStr]) -> None:
        """Send nothing yet; `urls`, at least one, are used in rotation."""
        self._storage = storage
        self._urls = cycle(urls)
        self.received = 0
        self._first_byte_s: list[float] = []
        self._counting = threading.Lock()

    async def measure(self, fetches: int, seconds: float) -> Step:
        """Run `fetches` transfers for some seconds; a cancelled call leaves no connection behind.

        Raises:
            TransferError: A URL cannot be used, or a single transfer already fails.
            StorageError: The storage refuses it.
        """
        first: list[TransferError] = []
        self._first_byte_s = []
        counted, counted_s = 0, 1.0

        async def fetch() -> None:
            try:
                await self._fetch_repeatedly()
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
        if first and not _is_overload(first[0], fetches):
            raise first[0]
        return Step(
            fetches=fetches,
            bytes_per_s=counted / counted_s,
            error=str(first[0]) if first else "",
            first_byte_s=Percentiles.of(self._first_byte_s),
        )

    async def _fetch_repeatedly(self) -> None:
        broken = 0
        while True:
            url = next(self._urls)
            try:
                with redact_errors(self._storage.redactor, url):
                    await self._fetch(url)
                broken = 0
            except ConnectionBrokenError:
                broken += 1
                if broken == MOST_BROKEN:
                    raise

    async def _fetch(self, url: SecretStr) -> None:
        asked_at = time.monotonic()
        async with await self._storage.get(url, HEADERS) as response:
            self._first_byte_s.append(response.headers_at - asked_at)
            if response.status != OK:
                problem = read_error(response.status, await response.read_start(ERROR_BYTES))
                raise StorageError(problem.message, status=response.status, code=problem.code)
            response.start_receiving(self)
            while not await response.wait():
                pass

    def write(self, data: memoryview) -> None:
        """Count and discard bytes; called on threads of the storage client."""
        with self._counting:
            self.received += len(data)

    async def take(self, data: memoryview) -> None:
        """Count and discard bytes on the event loop."""
        self.write(data)


def _is_overload(error: TransferError, fetches: int) -> bool:
    """Return whether fewer transfers may succeed."""
    if isinstance(error, StorageError):
        is_throttled = meaning_of(error.status, error.code) in {
            StorageErrorMeaning.PASSING,
            StorageErrorMeaning.CROWDED,
        }
        return is_throttled and fetches > 1
    return isinstance(error, ConnectionBrokenError) and fetches > 1
