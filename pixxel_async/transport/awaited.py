"""What one task waits for."""

from __future__ import annotations

import asyncio


class Awaited:
    """Tells one task that a step is over, or nudges it to look how far that is.

    Attributes:
        is_given: Whether the step is over.
    """

    __slots__ = ("_is_nudged", "_waiter", "is_given")

    def __init__(self) -> None:
        """Begin with a step that is not over."""
        self.is_given = False
        self._is_nudged = False
        self._waiter: asyncio.Future[None] | None = None

    def renew(self) -> None:
        """Begin a step."""
        self.is_given = False

    def give(self) -> None:
        """Tell that the step is over."""
        self.is_given = True
        self._wake()

    def nudge(self) -> None:
        """End the present `looked_for`, or the next one."""
        self._is_nudged = True
        self._wake()

    async def wait(self) -> None:
        """Return when the step is over."""
        while not self.is_given:
            await self._sleep()

    async def looked_for(self) -> None:
        """Return when the step is over, or at a nudge."""
        if not (self.is_given or self._is_nudged):
            await self._sleep()
        self._is_nudged = False

    async def _sleep(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
