"""So many places as there are, whose number may change; who comes first is served first."""

from __future__ import annotations

import asyncio
from collections import deque


class FifoSemaphore:
    """Places that are held for a while; belongs to one event loop.

    Unlike anyio's limiter it lets who finds a free place go on at once, without a turn of the event
    loop: each transfer takes one, and small ones are on their way for no longer than such a turn.
    """

    def __init__(self, number: int) -> None:
        """Begin with so many."""
        self._number = number
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def number(self) -> int:
        """How many there are; fewer may be free, and more be taken after it was lowered."""
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self._number = number
        self._serve()

    @property
    def has_room(self) -> bool:
        """Whether a place is free, and nobody waits for it."""
        return self._taken < self._number and not self.is_wanted

    @property
    def is_wanted(self) -> bool:
        """Whether anybody waits; who was cancelled is forgotten."""
        while self._waiting and self._waiting[0].cancelled():
            self._waiting.popleft()
        return bool(self._waiting)

    async def __aenter__(self) -> None:
        """Wait for a place; it is freed when the context is left."""
        await self.take()

    async def __aexit__(self, *_: object) -> None:
        """Free it."""
        self.give_back()

    async def take(self) -> None:
        """Wait for a place; `give_back` frees it. A cancelled wait takes none."""
        if self.has_room:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # it was served at that moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Free a place."""
        self._taken -= 1
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._taken < self._number:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._taken += 1
                turn.set_result(None)
