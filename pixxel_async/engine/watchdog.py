"""Cancels transfers that stall: one task looks after all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from ..config import FetchPolicy
from ..errors import StalledError
from ..sansio.stall import Throughput

LOOKS_PER_WINDOW = 8


@dataclass(slots=True, eq=False)
class Watched:
    """A transfer under watch.

    Attributes:
        throughput: What it has brought lately.
        scope: Cancelled when it stalls.
    """

    throughput: Throughput
    scope: anyio.CancelScope

    def received(self, count: int) -> None:
        """Count bytes from the network."""
        self.throughput.received(count)

    def excuse(self) -> None:
        """Begin anew after time that was spent on our side, such as a slow disk."""
        self.throughput.excuse(anyio.current_time())


class Watchdog:
    """Watches the transfers of one export."""

    def __init__(self, policy: FetchPolicy) -> None:
        """Take window and least throughput from the policy."""
        self._window_s = policy.stall_timeout_s
        self._least_bytes = policy.least_bytes_per_s * policy.stall_timeout_s
        self._watched: set[Watched] = set()

    @contextmanager
    def watch(self) -> Iterator[Watched]:
        """Watch one attempt of a transfer.

        Raises:
            StalledError: It brought less than the least throughput over a whole window.
        """
        with anyio.CancelScope() as scope:
            watched = Watched(
                Throughput(
                    window_s=self._window_s,
                    least_bytes=self._least_bytes,
                    since=anyio.current_time(),
                ),
                scope,
            )
            self._watched.add(watched)
            try:
                yield watched
            finally:
                self._watched.discard(watched)
        if scope.cancelled_caught:
            message = f"fewer than {self._least_bytes:g} bytes came in {self._window_s:g} s"
            raise StalledError(message)

    async def run(self) -> None:
        """Look at all transfers from time to time, until cancelled."""
        while True:
            await anyio.sleep(self._window_s / LOOKS_PER_WINDOW)
            now = anyio.current_time()
            for watched in self._watched:
                if watched.throughput.is_stalled(now):
                    watched.scope.cancel()
