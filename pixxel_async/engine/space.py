"""Free space on the disk: transfers pause while there is too little of it.

Rules:
    * A transfer is admitted if the disk has room for what it still has to bring, for what the
      admitted ones have, and for a reserve. One that is not admitted waits, and so do those after
      it.
    * A file system that reports a size of zero has an unknown one: it is full when a write says so.
    * A wait that lasts too long ends the export, which fails no package by that: a later run
      continues it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from .. import events
from ..config import FolderPolicy
from ..errors import SinkError
from ..sinks.base import Disk, Sink

T = TypeVar("T")

LOOK_S = 2.0
"""Between two looks at a disk that is full, in seconds."""

FRESH_S = 0.5
"""For how long a look that found room holds, in seconds."""

MAX_REFUSALS = 5
"""Writes in a row that a disk with free space refuses as if it were full."""

FULL_CODES = frozenset({"ENOSPC", "EDQUOT"})
DESCRIPTOR_CODES = frozenset({"EMFILE", "ENFILE"})


class DiskStaysFullError(Exception):
    """The disk was full for as long as it may be."""

    def __init__(self, error: SinkError) -> None:
        """Keep what is told."""
        super().__init__(str(error))
        self.error = error


class Space:
    """Watches the free space for one export."""

    def __init__(
        self,
        sink: Sink,
        policy: FolderPolicy,
        *,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        """Look at nothing yet.

        Args:
            sink: Whose disk it is.
            policy: How much has to be free, and how long that is waited for.
            emit: Takes the events.
            clock: Seconds for `at_s`.
        """
        self._sink = sink
        self._policy = policy
        self._emit = emit
        self._clock = clock
        self._turn = anyio.Lock(fast_acquire=True)
        self._disk = Disk(0, 0)
        self._looked_at = float("-inf")
        self._over: SinkError | None = None
        self._missing: dict[str, int] = {}

    async def admit(self, key: str, missing: int) -> None:
        """Return when there is room for a transfer.

        Args:
            key: The package; an earlier admission of it is forgotten.
            missing: Bytes that it still has to bring, or zero while that is unknown.

        Raises:
            DiskStaysFullError: There was none for as long as it is waited for.
            SinkError: The disk cannot be looked at.
        """
        self.release(key)
        is_fresh = _now() - self._looked_at < FRESH_S
        if is_fresh and not self._turn.locked() and self._has_room(missing):
            self._missing[key] = missing
            return
        async with self._turn:
            await self._look(FRESH_S)
            if not self._has_room(missing):
                await self._pause(missing)
            self._missing[key] = missing

    async def fits(self, key: str, missing: int) -> bool:
        """Tell whether there is room for an admitted transfer, now that its size is known.

        Raises:
            SinkError: There never will be: the disk is smaller than that.
        """
        await self._look(FRESH_S)
        if self._disk.is_known and missing > self._disk.total_bytes:
            message = f"the storage announces {missing} bytes more, which is larger than the disk"
            raise SinkError(message)
        others = self._needed(missing) - self._missing.get(key, 0)
        if self._disk.is_known and self._disk.free_bytes < others:
            return False
        self._missing[key] = missing
        return True

    def progress(self, key: str, missing: int) -> None:
        """Count what an admitted transfer has brought."""
        self._missing[key] = missing

    def release(self, key: str) -> None:
        """Expect nothing more of a transfer."""
        self._missing.pop(key, None)

    async def write(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write something, and wait for room if the disk is full.

        Raises:
            DiskStaysFullError: It stayed full for as long as it is waited for.
            SinkError: The disk refused for another reason, or says that it is full, again and
                again, and has free space: a quota may be used up.
        """
        for _ in range(MAX_REFUSALS):
            try:
                return await write()
            except SinkError as error:
                if error.code not in FULL_CODES:
                    raise
            await self.refill()
        return await write()

    async def refill(self) -> None:
        """Wait after a write that found the disk full.

        Raises:
            DiskStaysFullError: It stayed full for as long as it is waited for.
            SinkError: The disk cannot be looked at.
        """
        async with self._turn:
            await self._look(0)
            await self._pause(0)

    def _has_room(self, missing: int) -> bool:
        return not self._disk.is_known or self._disk.free_bytes >= self._needed(missing)

    def _needed(self, missing: int) -> int:
        return self._policy.least_free_bytes + sum(self._missing.values()) + missing

    async def _look(self, fresh_s: float) -> None:
        if _now() - self._looked_at >= fresh_s:
            self._disk = await self._sink.disk()
            self._looked_at = _now()

    async def _pause(self, missing: int) -> None:
        if self._over is not None:  # who waited behind the one that gave up need not wait as long
            raise DiskStaysFullError(self._over)
        began = _now()
        needed = self._needed(missing)
        await self._emit(
            events.Paused(at_s=self._clock(), free_bytes=self._disk.free_bytes, needed_bytes=needed)
        )
        while True:
            if _now() - began >= self._policy.space_timeout_s:
                message = (
                    f"the disk has had {self._disk.free_bytes} bytes of free space or less for "
                    f"{self._policy.space_timeout_s:g} s, and {needed} are needed: free some "
                    "space and run it again"
                )
                self._over = SinkError(message, code="ENOSPC")
                raise DiskStaysFullError(self._over)
            await anyio.sleep(min(LOOK_S, self._policy.space_timeout_s))
            await self._look(0)
            needed = self._needed(missing)
            if self._has_room(missing):
                break
        await self._emit(events.Resumed(at_s=self._clock()))


def _now() -> float:
    return asyncio.get_running_loop().time()
