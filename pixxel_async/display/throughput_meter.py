"""How fast bytes come in, over the last few seconds."""

from __future__ import annotations

import threading
from collections import deque

WINDOW_S = 4.0
STEP_S = 0.1
"""Counts that are closer together than this are kept as one."""


class ThroughputMeter:
    """Counts bytes; one thread may count while another reads."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.total = 0
        self._lock = threading.Lock()
        self._counts: deque[tuple[float, int]] = deque()
        self._began: float | None = None

    def add(self, now: float, count: int) -> None:
        """Count bytes that have come until now, in seconds of any steady clock."""
        with self._lock:
            self.total += count
            if self._began is None:
                self._began = now
            if self._counts and now - self._counts[-1][0] < STEP_S:
                at, before = self._counts.pop()
                self._counts.append((at, before + count))
            else:
                self._counts.append((now, count))

    def rate(self, now: float) -> float:
        """Return bytes per second over the window that ends now."""
        with self._lock:
            while self._counts and self._counts[0][0] <= now - WINDOW_S:
                self._counts.popleft()
            if self._began is None:
                return 0.0
            window_s = max(min(now - self._began, WINDOW_S), STEP_S)
            return sum(count for _, count in self._counts) / window_s
