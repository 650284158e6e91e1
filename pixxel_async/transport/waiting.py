"""How the one task that uses a connection waits for it."""

from __future__ import annotations

import asyncio

from .deadlines import Deadlines


class Waiting:
    """Nobody, or one task, that waits until it is woken."""

    def __init__(self, deadlines: Deadlines) -> None:
        """Let nobody wait.

        Args:
            deadlines: End waits that are too long.
        """
        self._deadlines = deadlines
        self._waiter: asyncio.Future[bool] | None = None

    async def wait(self, ends_at: float | None) -> None:
        """Wait for `wake`.

        Args:
            ends_at: No longer than this, on the clock of the event loop; None sets no limit.

        Raises:
            TimeoutError: It did not come until then.
        """
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        if ends_at is not None:
            self._deadlines.add(waiter, ends_at)
        try:
            is_in_time = await waiter
        finally:
            self._waiter = None
            self._deadlines.discard(waiter)
        if not is_in_time:
            raise TimeoutError

    def wake(self) -> None:
        """Wake who waits, if anybody does."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)
