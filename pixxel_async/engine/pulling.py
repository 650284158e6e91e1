"""A body that is pulled from a transport of httpx, such as through a proxy, and written in pieces.

Rules:
    * Pieces are gathered until the buffer is full or has waited for long: each write is a trip to a
      thread.
    * What came before a break, or a cancellation, is good, and is written.
"""

from __future__ import annotations

import asyncio
import time

import anyio

from ..errors import TransferError
from ..transport.answers import PulledAnswer
from ..transport.target import Throttle
from .landing import Landing


class Pulling:
    """The body of one answer on its way into a landing."""

    def __init__(
        self,
        answer: PulledAnswer,
        landing: Landing,
        buffer: bytearray,
        *,
        write_s: float,
        throttle: Throttle | None,
    ) -> None:
        """Pull nothing yet.

        Args:
            answer: Whose body it is.
            landing: Where it goes.
            buffer: As large as a write; nobody else uses it meanwhile.
            write_s: For so many seconds bytes may wait to be written.
            throttle: Holds the body back, or None.
        """
        self._answer = answer
        self._landing = landing
        self._room = memoryview(buffer)
        self._filled = 0
        self._write_s = write_s
        self._throttle = throttle
        self._most = len(buffer) if throttle is None else throttle.piece_bytes
        self._held_up_since: float | None = None

    def is_held_up(self, now: float, longest_s: float) -> bool:
        """Tell whether it is for us that nothing comes, and has been for longer than that."""
        return self._held_up_since is not None and now - self._held_up_since > longest_s

    def nudge(self) -> None:
        """Do nothing: `more` returns after each write."""

    async def more(self) -> bool:
        """Pull until something is written; return False when the body has ended.

        Raises:
            ConnectionBrokenError: It ended early.
            IntegrityError: What came is no ZIP, or more than was announced.
            SinkError: The disk refused.
        """
        written_at, now = asyncio.get_running_loop().time(), 0.0
        try:
            while count := await self._answer.receive_into(
                self._room[self._filled : self._filled + self._most]
            ):
                self._filled += count
                await self._throttled(count)
                now = asyncio.get_running_loop().time()
                if self._filled == len(self._room) or now - written_at >= self._write_s:
                    await self._write()
                    return True
        except (TransferError, asyncio.CancelledError):
            with anyio.CancelScope(shield=True):
                await self._write()
            raise
        await self._write()
        return False

    async def _throttled(self, count: int) -> None:
        if self._throttle is not None and (delay_s := self._throttle.take(count)) > 0:
            self._held_up_since = float("-inf")
            await anyio.sleep(delay_s)
            self._held_up_since = None

    async def _write(self) -> None:
        # Set before the write: one that is cancelled has written all the same.
        piece, self._filled = self._room[: self._filled], 0
        if piece:
            self._held_up_since = time.monotonic()
            await self._landing.take(piece)
            self._held_up_since = None
