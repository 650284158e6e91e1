"""Bodies of transports other than ours, such as that of a proxy or of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx


class Pieces:
    """Gives the pieces of a stream out as they are asked for."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        """Read nothing yet."""
        self._stream = stream
        self._pieces: AsyncIterator[bytes] | None = None
        self._rest = memoryview(b"")

    async def receive_into(self, target: memoryview) -> int:
        """Take what is left of a piece, or the next one.

        Returns:
            How many bytes came; zero when the body has ended.

        Raises:
            HTTPError: Whatever the transport raises.
        """
        if self._pieces is None:
            self._pieces = aiter(self._stream)
        while not self._rest:
            try:
                self._rest = memoryview(await anext(self._pieces))
            except StopAsyncIteration:
                return 0
        count = min(len(self._rest), len(target))
        target[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
