"""A large package in segments, which several transfers bring at once.

Rules:
    * Segments lie side by side, and cover the package. Each is brought by one transfer, from its
      first byte on. What a transfer leaves of its segment is a segment of its own; one that has
      brought nothing gives it back to the transfer before it, if that still runs.
    * Who is free takes the first segment that nobody brings. If there is none, it takes the second
      half of what is left of the longest one, whose transfer ends there (dynamic segmentation, as
      download managers do it; work stealing, Blumofe and Leiserson, 1999).
    * Nothing is cut into pieces of less than `least_bytes`: each one costs a request.
    * More transfers are worth it only if the package will still take a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LARGE = 8
"""A package of which more than so many times the smallest segment is missing is a large one."""
WORTH_S = 4.0
"""With less time than this left, a package is left to the transfers that bring it."""


@dataclass(slots=True, eq=False)
class Segment:
    """A segment of a package.

    The event loop moves `end`, and the thread that receives the segment moves `at`.

    Attributes:
        begin: Its first byte.
        end: The byte after its last one.
        at: The byte up to which it is there.
        is_running: Whether a transfer receives it.
    """

    begin: int
    end: int
    at: int
    is_running: bool = False

    @property
    def left(self) -> int:
        """Bytes that are missing."""
        return max(0, self.end - self.at)


class Segments:
    """The segments of one package."""

    def __init__(self, total: int, held: Sequence[tuple[int, int]], *, least_bytes: int) -> None:
        """Begin with what is there.

        Args:
            total: The size of the package in bytes.
            held: Stretches that are there, each by its first byte and the one after its last, in
                their order; they do not overlap.
            least_bytes: The size of the smallest segments.
        """
        self._least_bytes = least_bytes
        self._all: list[Segment] = []
        at = 0
        for begin, end in (*held, (total, total)):
            if begin > at:
                self._all.append(Segment(at, begin, at))
            if end > begin:
                self._all.append(Segment(begin, end, end))
            at = end

    @property
    def current(self) -> Segment | None:
        """The first segment of which something is missing; up to it there is no gap."""
        return next((each for each in self._all if each.left), None)

    @property
    def present(self) -> int:
        """Bytes that are there."""
        return sum(min(each.at, each.end) - each.begin for each in self._all)

    @property
    def left(self) -> int:
        """Bytes that are missing."""
        return sum(each.left for each in self._all)

    def behind(self, size: int) -> list[Segment]:
        """Return the segments that begin at or behind a byte, and of which something is there."""
        return [each for each in self._all if each.begin >= size and each.at > each.begin]

    def is_worth_more(self, bytes_per_s: float) -> bool:
        """Return whether one more transfer is worth it, at the rate at which the package comes."""
        left = self.left
        return left >= 2 * self._least_bytes and left > WORTH_S * bytes_per_s

    def take(self) -> Segment | None:
        """Give a free transfer something to bring, or None if there is nothing that is worth it."""
        for each in self._all:
            if each.left and not each.is_running:
                each.is_running = True
                return each
        longest = max(self._all, key=lambda each: each.left, default=None)
        if longest is None or longest.left < 2 * self._least_bytes:
            return None
        middle = longest.end - longest.left // 2
        half = Segment(middle, longest.end, middle, is_running=True)
        longest.end = middle
        self._all.insert(self._all.index(longest) + 1, half)
        return half

    def leave(self, segment: Segment) -> None:
        """Let others bring what a transfer has left of its segment."""
        segment.is_running = False
        segment.at = min(segment.at, segment.end)
        before = self._all[self._all.index(segment) - 1] if segment is not self._all[0] else None
        if segment.at == segment.begin and before is not None and before.is_running:
            before.end = segment.end
            self._all.remove(segment)
        elif segment.begin < segment.at < segment.end:
            rest = Segment(segment.at, segment.end, segment.at)
            segment.end = segment.at
            self._all.insert(self._all.index(segment) + 1, rest)
