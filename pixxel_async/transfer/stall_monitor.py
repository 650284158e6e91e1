"""Checks all transfers periodically in one task, and cancels those that stall.

Time in which the event loop did not run does not count: the process was suspended, and received
bytes may still wait in the sockets.
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
        """Return whether reading has paused on our side for longer than `longest_s`."""
        ...

    def notify(self) -> None:
        """Wake the waiting task, so that it checks whether a mark is due."""
        ...


CHECKS_PER_WINDOW = 8
MIN_CHECK_S = 0.01
LATE_SHARE = 0.25
"""A check later than this share of a window means that the event loop did not run."""


def _nothing(_: MonitoredTransfer) -> None: ...


class MonitoredTransfer:
    """A context in which one transfer is monitored.

    Attributes:
        observe: Called before each check.
    """

    def __init__(self, monitor: StallMonitor, observe: Callable[[MonitoredTransfer], None]) -> None:
        """Start in `__aenter__`."""
        self.observe = observe
        self._monitor = monitor
        self._error: Exception | None = None
        self._timeout = asyncio.timeout(None)  # costs half as much as a cancel scope of anyio
        self._throughput = Throughput(
            window_s=monitor.window_s, least_bytes=monitor.least_bytes, since=_now()
        )

    async def __aenter__(self) -> Self:
        """Start monitoring."""
        await self._timeout.__aenter__()
        self._monitor.watched[self] = None
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop monitoring.

        Raises:
            StalledError: Throughput was below the minimum for a whole window.
            Exception: An error that `observe` raised.
        """
        del self._monitor.watched[self]
        try:
            await self._timeout.__aexit__(exc_type, exc, traceback)
        except TimeoutError:
            if self._error is not None:
                raise self._error from None
            least, window_s = self._monitor.least_bytes, self._monitor.window_s
            message = f"received fewer than {least:g} bytes in {window_s:g} s"
            raise StalledError(message) from None

    def received(self, count: int) -> None:
        """Count bytes from the network."""
        self._throughput.received(count)

    def excuse(self) -> None:
        """Restart the window after a local delay, such as a slow disk."""
        self._throughput.excuse(_now())

    def postpone(self, by_s: float) -> None:
        """Exclude some seconds from the current window."""
        self._throughput.postpone(by_s)

    def judge(self, now: float) -> None:
        """Cancel the transfer if it has stalled."""
        if self._throughput.is_stalled(now) and not self._timeout.expired():
            self._timeout.reschedule(now)

    def end(self, error: Exception, now: float) -> None:
        """Cancel the transfer, and raise `error` from its context."""
        if not self._timeout.expired():
            self._error = error
            self._timeout.reschedule(now)


class StallMonitor:
    """Monitors the transfers of one export.

    Attributes:
        window_s: The length of a window, in seconds.
        least_bytes: The minimum to receive in each window.
        watched: The monitored transfers, oldest first.
    """

    def __init__(self, policy: FetchPolicy) -> None:
        """Take window and minimum throughput from the policy."""
        self.window_s = policy.stall_timeout_s
        self.least_bytes = policy.least_bytes_per_s * policy.stall_timeout_s
        self.watched: dict[MonitoredTransfer, None] = {}
        check_s = min(policy.write_s, self.window_s / CHECKS_PER_WINDOW)
        self._check_s = max(MIN_CHECK_S, check_s)

    def watch(self, observe: Callable[[MonitoredTransfer], None] = _nothing) -> MonitoredTransfer:
        """Return a context that monitors one attempt; `observe` counts its bytes."""
        return MonitoredTransfer(self, observe)

    async def run(self) -> None:
        """Check all transfers periodically, until cancelled."""
        while True:
            due = _now() + self._check_s
            await anyio.sleep(self._check_s)
            now = _now()
            late_s = now - due
            for watched in tuple(self.watched):
                if late_s > LATE_SHARE * self.window_s:
                    watched.postpone(late_s)
                try:
                    watched.observe(watched)
                except Exception as error:  # noqa: BLE001 - ends only this transfer
                    watched.end(error, now)
                watched.judge(now)


def _now() -> float:
    return asyncio.get_running_loop().time()
