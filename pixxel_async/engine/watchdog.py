"""Looks at all transfers from time to time, and cancels those that stall: one task for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from ..config import FetchPolicy
from ..errors import StalledError
from ..sansio.stall import Throughput

LOOKS_PER_WINDOW = 8
LEAST_LOOK_S = 0.01


@dataclass(slots=True, eq=False)
class Watched:
    """A transfer under watch.

    Attributes:
        throughput: What it has brought lately.
        scope: Cancelled when it stalls.
        look: Called from time to time, before it is judged.
    """

    throughput: Throughput
    scope: anyio.CancelScope
    look: Callable[[Watched], None]

    def received(self, count: int) -> None:
        """Count bytes from the network."""
        self.throughput.received(count)

    def excuse(self) -> None:
        """Begin anew after time that was spent on our side, such as a slow disk."""
        self.throughput.excuse(asyncio.get_running_loop().time())


def _nothing(_: Watched) -> None: ...


class Watchdog:
    """Watches the transfers of one export."""

    def __init__(self, policy: FetchPolicy) -> None:
        """Take window and least throughput from the policy."""
        self._window_s = policy.stall_timeout_s
        self._least_bytes = policy.least_bytes_per_s * policy.stall_timeout_s
        look_s = min(policy.write_s, self._window_s / LOOKS_PER_WINDOW)
        self._look_s = max(LEAST_LOOK_S, look_s)
        self._watched: dict[Watched, None] = {}

    @contextmanager
    def watch(self, look: Callable[[Watched], None] = _nothing) -> Iterator[Watched]:
        """Watch one attempt of a transfer.

        Args:
            look: Counts what it has received, and does what else is due from time to time.

        Raises:
            StalledError: It brought less than the least throughput over a whole window.
        """
        with anyio.CancelScope() as scope:
            since = asyncio.get_running_loop().time()
            throughput = Throughput(
                window_s=self._window_s, least_bytes=self._least_bytes, since=since
            )
            watched = Watched(throughput, scope, look)
            self._watched[watched] = None
            try:
                yield watched
            finally:
                del self._watched[watched]
        if scope.cancelled_caught:
            message = f"fewer than {self._least_bytes:g} bytes came in {self._window_s:g} s"
            raise StalledError(message)

    async def run(self) -> None:
        """Look at all transfers, until cancelled."""
        while True:
            await anyio.sleep(self._look_s)
            now = asyncio.get_running_loop().time()
            for watched in tuple(self._watched):
                watched.look(watched)
                if watched.throughput.is_stalled(now):
                    watched.scope.cancel()
