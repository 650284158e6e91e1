"""Bytes that came before anybody asked for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Early:
    """Keeps pieces of a body in their order."""

    def __init__(self) -> None:
        """Keep none yet."""
        self._pieces: deque[memoryview] = deque()

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._pieces)

    def clear(self) -> None:
        """Forget them."""
        self._pieces.clear()

    def put(self, pieces: Iterable[bytes]) -> None:
        """Keep more."""
        self._pieces.extend(memoryview(piece) for piece in pieces if piece)

    def take_into(self, target: memoryview) -> int:
        """Move as much as there is room for, and return how much that is."""
        taken = 0
        while self._pieces and taken < len(target):
            piece = self._pieces.popleft()
            count = min(len(piece), len(target) - taken)
            target[taken : taken + count] = piece[:count]
            taken += count
            if count < len(piece):
                self._pieces.appendleft(piece[count:])
        return taken
