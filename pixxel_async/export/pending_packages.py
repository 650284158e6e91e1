"""Accounts for the packages of one export: each is claimed, and each is settled once."""

from __future__ import annotations

import anyio

from .. import events
from ..journal.export_folder import ExportFolder
from .event_bus import EventBus


class PendingPackages:
    """Knows which packages are still to be settled."""

    def __init__(self, folder: ExportFolder, event_bus: EventBus) -> None:
        """Begin with none.

        Args:
            folder: Where packages are claimed, so that no two exports of a client fetch one twice.
            event_bus: Takes what settles them.
        """
        self._folder = folder
        self._event_bus = event_bus
        self._claimed: set[str] = set()
        self._outstanding = 0
        self._is_all_fed = False
        self._all_settled = anyio.Event()

    def add(self) -> None:
        """Count a package that is to be settled."""
        self._outstanding += 1

    def close(self) -> None:
        """Note that no more packages come."""
        self._is_all_fed = True
        self._check()

    async def claim(self, key: str) -> None:
        """Have a package for this export; waits while another one has it."""
        await self._folder.claim(key)
        self._claimed.add(key)

    async def settle(self, event: events.Settled) -> None:
        """Tell how a package has ended, and let go of it; a second end of it is not told."""
        if event.key in self._claimed:
            await self._event_bus.emit(event)
            self.let_go(event.key)

    def let_go(self, key: str) -> None:
        """Count a package as settled, told or not."""
        if key in self._claimed:
            self._release(key)
            self._outstanding -= 1
            self._check()

    def release_all(self) -> None:
        """Let go of what is not settled, for other exports of the client."""
        for key in list(self._claimed):
            self._release(key)

    async def wait(self) -> None:
        """Return when every package is settled."""
        await self._all_settled.wait()

    @property
    def is_done(self) -> bool:
        """Whether every package is settled."""
        return self._all_settled.is_set()

    @property
    def outstanding(self) -> int:
        """How many of the packages that have come in are not settled."""
        return self._outstanding

    @property
    def left(self) -> int | None:
        """How many packages are not settled; None if the downloads were not read to their end."""
        if self.is_done:
            return 0
        total = self._event_bus.report.total
        if total is not None:  # a list that raises may have raised after its last download
            return total - self._event_bus.report.settled or None
        return self._outstanding if self._is_all_fed else None

    def _release(self, key: str) -> None:
        self._claimed.discard(key)
        self._folder.release(key)

    def _check(self) -> None:
        if self._is_all_fed and self._outstanding == 0:
            self._all_settled.set()
