"""What the transfers of an export say about those to come: sizes and throughput."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .. import events

HALF_LIFE_S = 30.0
"""The throughput of this long ago counts half."""


@dataclass(slots=True)
class TransferProgress:
    """Sizes and throughput, from events.

    Attributes:
        sizes: How many package sizes are known.
        mean_bytes: Their mean.
    """

    sizes: int = 0
    mean_bytes: float = 0.0
    _squares: float = 0.0
    _open: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    _at_s: float = 0.0
    _busy_s: float = 0.0
    _bytes: float = 0.0

    @property
    def deviation_bytes(self) -> float:
        """The standard deviation of the known sizes."""
        return math.sqrt(self._squares / self.sizes) if self.sizes else 0.0

    @property
    def bytes_per_s(self) -> float:
        """The recent throughput while anything is transferred; zero if unknown."""
        return self._bytes / self._busy_s if self._busy_s > 0 else 0.0

    @property
    def missing_bytes(self) -> int:
        """What the running transfers of known size still need."""
        return sum(max(0, total - size) for size, total in self._open.values() if total is not None)

    @property
    def unsized(self) -> int:
        """How many running transfers are of unknown size."""
        return sum(total is None for _, total in self._open.values())

    def note(self, event: events.Event) -> None:
        """Count an event."""
        match event:
            case events.FetchStarted(key=key, offset=offset):
                self._advance(event.at_s)
                self._open[key] = (offset, None)
            case events.FetchProgress(key=key, bytes=size, total=total) if key in self._open:
                self._grow(event, key, size, total)
            case events.FetchInterrupted(key=key, offset=offset) if key in self._open:
                self._open[key] = (offset, self._open[key][1])
            case events.Saved(key=key, saved=saved):
                if key in self._open:
                    self._grow(event, key, saved.bytes, saved.bytes)
                self._open.pop(key, None)
            case events.Failed(key=key) | events.Polled(key=key) if key in self._open:
                self._advance(event.at_s)
                del self._open[key]

    def _grow(self, event: events.Event, key: str, size: int, total: int | None) -> None:
        self._advance(event.at_s)
        before, known = self._open[key]
        self._bytes += max(0, size - before)
        if total is not None and known is None:
            self.sizes += 1
            difference = total - self.mean_bytes
            self.mean_bytes += difference / self.sizes
            self._squares += difference * (total - self.mean_bytes)
        self._open[key] = (size, known if total is None else total)

    def _advance(self, at_s: float) -> None:
        passed_s = max(0.0, at_s - self._at_s)
        self._at_s = max(at_s, self._at_s)
        if self._open and passed_s:
            kept = 0.5 ** (passed_s / HALF_LIFE_S)
            self._bytes *= kept
            self._busy_s = self._busy_s * kept + passed_s
