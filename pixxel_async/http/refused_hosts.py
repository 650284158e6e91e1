"""Hosts of the storage that cannot be used, remembered for a while.

Rules:
    * What stands in the way of a host (its certificate, the proxy, its address) stands in the way
      of every package there: one handshake finds it out, and the others fail with the same words.
    * After `REMEMBERED_S` one more request finds out whether that has changed.
"""

from __future__ import annotations

import asyncio

from ..errors import StorageHostError

REMEMBERED_S = 60.0


class RefusedHosts:
    """What one export has found out about the hosts of its storage."""

    def __init__(self) -> None:
        """Know of none."""
        self._known: dict[str, tuple[float, StorageHostError]] = {}

    def add(self, origin: str, error: StorageHostError) -> None:
        """Remember why a host cannot be used."""
        self._known[origin] = _now() + REMEMBERED_S, error

    def check(self, origin: str) -> None:
        """Let a request pass, unless its host is known.

        Raises:
            StorageHostError: The host cannot be used, as a request before this one has found out.
        """
        until, error = self._known.get(origin, (float("-inf"), None))
        if error is None:
            return
        if _now() >= until:  # this request finds out; the others wait for no answer of it
            self._known[origin] = _now() + REMEMBERED_S, error
            return
        raise StorageHostError(error.message)


def _now() -> float:
    return asyncio.get_running_loop().time()
