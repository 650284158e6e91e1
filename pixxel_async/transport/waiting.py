"""How the one task that uses a connection waits for it."""

from __future__ import annotations

import asyncio

import httpx


class Waiting:
    """Nobody, or one task, that waits until it is woken."""

    def __init__(self) -> None:
        """Let nobody wait."""
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, timeout_s: float | None) -> None:
        """Wait for `wake`.

        Raises:
            ReadTimeout: It did not come for so long.
        """
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            if timeout_s is None:
                await self._waiter
            else:
                async with asyncio.timeout(timeout_s):
                    await self._waiter
        except TimeoutError:
            message = f"nothing came for {timeout_s:g} s"
        else:
            return
        finally:
            self._waiter = None
        raise httpx.ReadTimeout(message)

    def wake(self) -> None:
        """Wake who waits, if anybody does."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
