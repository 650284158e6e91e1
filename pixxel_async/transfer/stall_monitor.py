"""Looks at all transfers from time to time, and cancels those that stall: one task for all.

Time in which the event loop did not run counts for nobody: the process was suspended, and what lies
in the sockets has not been read yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

import anyio

from ..config import FetchPolicy
from ..errors import StalledError
from ..sansio.resilience.stall_detector import Throughput


class ReceivedBody(Protocol):
    """A body that is being received."""

    def is_paused(self, now: float, longest_s: float) -> bool:
        """Tell whether no bytes arrive because of us, for longer than that."""
        ...

    def notify(self) -> None:
        """Let whoever waits for it check whether a mark is due."""
        ...


LOOKS_PER_WINDOW = 8
LEAST_LOOK_S = 0.01
LATE_SHARE = 0.25
"""A look that comes later than this share of a window tells that the event loop did not run."""


def _nothing(_: MonitoredTransfer) -> None: ...


class MonitoredTransfer:
    """A transfer under watch, for as long as its context lasts.

    Attributes:
        look: Called from time to time, before it is judged.
    """

    def __init__(self, dog: StallMonitor, look: Callable[[MonitoredTransfer], None]) -> None:
        """Watch nothing yet."""
        self.look = look
        self._dog = dog
        self._error: Exception | None = None
        self._timeout = asyncio.timeout(None)  # for half of what a cancel scope of anyio takes
        self._throughput = Throughput(
            window_s=dog.window_s, least_bytes=dog.least_bytes, since=_now()
        )

    async def __aenter__(self) -> Self:
        """Begin."""
        await self._timeout.__aenter__()
        self._dog.watched[self] = None
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End.

        Raises:
            StalledError: It brought less than the least throughput over a whole window.
            Exception: What a look at it has raised.
        """
        del self._dog.watched[self]
        try:
            await self._timeout.__aexit__(exc_type, exc, traceback)
        except TimeoutError:
            if self._error is not None:
                raise self._error from None
            message = f"fewer than {self._dog.least_bytes:g} bytes came in {self._dog.window_s:g} s"
            raise StalledError(message) from None

    def received(self, count: int) -> None:
        """Count bytes from the network."""
        self._throughput.received(count)

    def excuse(self) -> None:
        """Begin anew after time that was spent on our side, such as a slow disk."""
        self._throughput.excuse(_now())

    def postpone(self, by_s: float) -> None:
        """Leave a while out of the current window."""
        self._throughput.postpone(by_s)

    def judge(self, now: float) -> None:
        """Cancel it if it stalls."""
        if self._throughput.is_stalled(now) and not self._timeout.expired():
            self._timeout.reschedule(now)

    def end(self, error: Exception, now: float) -> None:
        """Cancel it, and let its context raise an error."""
        if not self._timeout.expired():
            self._error = error
            self._timeout.reschedule(now)


class StallMonitor:
    """Watches the transfers of one export.

    Attributes:
        window_s: How long a window is, in seconds.
        least_bytes: What has to come in each window.
        watched: Those under watch, in the order in which they began.
    """

    def __init__(self, policy: FetchPolicy) -> None:
        """Take window and least throughput from the policy."""
        self.window_s = policy.stall_timeout_s
        self.least_bytes = policy.least_bytes_per_s * policy.stall_timeout_s
        self.watched: dict[MonitoredTransfer, None] = {}
        look_s = min(policy.write_s, self.window_s / LOOKS_PER_WINDOW)
        self._look_s = max(LEAST_LOOK_S, look_s)

    def watch(self, look: Callable[[MonitoredTransfer], None] = _nothing) -> MonitoredTransfer:
        """Watch one attempt of a transfer, within the context that is returned.

        Args:
            look: Counts what it has received, and does what else is due from time to time.
        """
        return MonitoredTransfer(self, look)

    async def run(self) -> None:
        """Look at all transfers, until cancelled."""
        while True:
            due = _now() + self._look_s
            await anyio.sleep(self._look_s)
            now = _now()
            late_s = now - due
            for watched in tuple(self.watched):
                if late_s > LATE_SHARE * self.window_s:
                    watched.postpone(late_s)
                try:
                    watched.look(watched)
                except Exception as error:  # noqa: BLE001 - it ends this transfer, and no other
                    watched.end(error, now)
                watched.judge(now)


def _now() -> float:
    return asyncio.get_running_loop().time()
