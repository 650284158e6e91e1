"""Memory for what transfers have received and not written yet."""

from __future__ import annotations

LARGE = 16
"""So many transfers get a buffer of the full size."""
SMALLER = 4
"""The others get so many times less: they are many, and each of them is slow."""


class Buffers:
    """Buffers that are kept: memory that comes and goes in large pieces leaves holes."""

    def __init__(self, size: int) -> None:
        """Allocate nothing yet; `size` is that of a large one, in bytes."""
        self._size = size
        self._large: list[bytearray] = []
        self._small: list[bytearray] = []
        self._large_out = 0

    def take(self) -> bytearray:
        """Return a buffer that nobody else uses, with anything in it."""
        if self._large_out < LARGE:
            self._large_out += 1
            return self._large.pop() if self._large else bytearray(self._size)
        return self._small.pop() if self._small else bytearray(self._size // SMALLER)

    def give_back(self, buffer: bytearray) -> None:
        """Keep a buffer for the next one."""
        if len(buffer) == self._size:
            self._large_out -= 1
            self._large.append(buffer)
        else:
            self._small.append(buffer)
