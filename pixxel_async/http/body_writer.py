"""What a storage engine needs of whoever takes a body."""

from __future__ import annotations

from typing import Protocol


class BodyWriter(Protocol):
    """Takes the bytes of one body, in order."""

    def write(self, data: memoryview) -> None:
        """Take bytes on the calling thread, which may block; `data` is invalid afterwards.

        Whatever it raises ends the transfer, and is raised by whoever waits for it.
        """
        ...

    async def take(self, data: memoryview) -> None:
        """Take bytes on the event loop, without blocking it; otherwise like `write`."""
        ...


class BandwidthLimiter(Protocol):
    """Limits how many bytes all transfers receive together.

    Attributes:
        chunk_bytes: Nobody should receive more than this between two calls of `take`.
    """

    chunk_bytes: int

    def take(self, count: int) -> float:
        """Count received bytes, on any thread; return for how many seconds to pause."""
        ...


class EnoughError(Exception):
    """A writer needs no more of a body. The transfer ends, and that is not a failure."""
