"""Free space on the disk: transfers pause while there is too little of it.

Rules:
    * A transfer is admitted if the disk has room for what it still has to bring, for what the
      admitted ones have, and for a reserve.
    * What fits goes ahead of what does not: a transfer that waits for room gives its place to
      others, as long as anything might fit.
    * What an earlier run has noted of a size is a guess. Nothing waits for it: the storage is asked
      first.
    * What has no announced size may take what all this leaves, and is looked at before each write:
      its next bytes are refused while the reserve is still whole.
    * A file system that reports a size of zero has an unknown one: it is full when a write says so.
    * If nothing but what does not fit is left, the export pauses. A pause that lasts too long ends
      it, for all that wait together, and fails no package: a later run continues it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from .. import events
from ..config import FolderPolicy
from ..destinations.sink import Disk, Sink
from ..errors import SinkError

T = TypeVar("T")

LOOK_S = 2.0
"""Between two looks at a disk that is full, in seconds."""

FRESH_S = 0.5
"""For how long a look that found room holds, in seconds."""

MOST_WAITING = 256
"""So many transfers wait for room beside those that run; each may hold an open file."""

MAX_REFUSALS = 5
"""Writes in a row that a disk with free space refuses as if it were full."""

OVERSHOOT_BYTES = 1024 * 1024
"""What threads that look at the disk at the same moment may write together."""

AHEAD_BYTES = 4 * 1024 * 1024
"""Another try of a package whose size is unknown needs so much more room than the last one had."""

FULL_CODES = frozenset({"ENOSPC", "EDQUOT"})
DESCRIPTOR_CODES = frozenset({"EMFILE", "ENFILE"})


def _stay() -> None: ...


class DiskStaysFullError(Exception):
    """The disk was full for as long as it may be."""

    def __init__(self, error: SinkError) -> None:
        """Keep what is told."""
        super().__init__(str(error))
        self.error = error


class DiskSpace:
    """Watches the free space for one export."""

    def __init__(
        self,
        sink: Sink,
        policy: FolderPolicy,
        *,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
        left: Callable[[], int] = lambda: 0,
    ) -> None:
        """Look at nothing yet.

        Args:
            sink: Whose disk it is.
            policy: How much has to be free, and how long that is waited for.
            emit: Takes the events.
            clock: Seconds for `at_s`.
            left: How many packages are not settled, those that wait here included.
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
        self._left = left
        self._waiting: dict[str, int] = {}
        self._stuck_since: float | None = None
        self._is_paused = False

    async def admit(
        self,
        key: str,
        missing: int,
        *,
        is_guess: bool = False,
        step_aside: Callable[[], None] = _stay,
    ) -> None:
        """Return when there is room for a transfer.

        Args:
            key: The package; an earlier admission of it is forgotten.
            missing: Bytes that it still has to bring, or zero while that is unknown.
            is_guess: Whether the storage has not confirmed that yet.
            step_aside: Called, maybe several times, if the transfer waits while others may go on.

        Raises:
            DiskStaysFullError: There was none for as long as it is waited for.
            SinkError: The disk cannot be looked at.
        """
        self.release(key)
        if self._turn.locked():  # the disk has just refused a write
            async with self._turn:
                pass
        if _now() - self._looked_at >= FRESH_S:
            await self._look(FRESH_S)
        if is_guess and not self._has_room(missing) and self._has_room(0):
            missing = 0
        if self._has_room(missing):
            self._missing[key] = missing
            return
        self._waiting[key] = missing
        try:
            await self._wait_for_room(missing, step_aside)
        finally:
            del self._waiting[key]
        self._missing[key] = missing
        await self._end_pause()

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

    async def leaves(self, key: str, count: int) -> bool:
        """Tell whether there is room for bytes that nobody announced.

        Args:
            key: The package that they are of.
            count: How many.

        Raises:
            SinkError: The disk cannot be looked at.
        """
        return self._leaves(await self._sink.disk(), key, count)

    def leaves_now(self, key: str, count: int) -> bool:
        """Do what `leaves` does, on the calling thread, which it blocks."""
        return self._leaves(self._sink.disk_now(), key, count)

    async def beyond(self, key: str, size: int, *, is_last: bool) -> int:
        """Keep room for another try of a package that has outgrown the disk.

        Args:
            key: The package; it has been discarded.
            size: How far it came.
            is_last: Whether it has been tried often enough.

        Returns:
            What it needs at least.

        Raises:
            SinkError: There is no more room now than it had, or it was the last try.
        """
        await self._look(0)
        missing = size + AHEAD_BYTES
        needed = self._needed(missing) - self._missing.get(key, 0)
        if is_last or self._disk.free_bytes < needed:
            message = (
                f"the storage does not announce its size, and after {size} bytes the disk has "
                "only the free space left that has to stay: free some space, or lower --min-free, "
                "and run it again"
            )
            raise SinkError(message, code="ENOSPC")
        self._missing[key] = missing
        return missing

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
            await self._pause()

    def _leaves(self, disk: Disk, key: str, count: int) -> bool:
        if not disk.is_known:
            return True
        missing = dict(self._missing)  # a copy, since the event loop may change it meanwhile
        missing.pop(key, None)
        least = self._policy.least_free_bytes
        kept = least + min(least, OVERSHOOT_BYTES) + sum(missing.values())
        return disk.free_bytes - count >= kept

    def _has_room(self, missing: int) -> bool:
        return not self._disk.is_known or self._disk.free_bytes >= self._needed(missing)

    def _needed(self, missing: int) -> int:
        return self._policy.least_free_bytes + sum(self._missing.values()) + missing

    async def _look(self, fresh_s: float) -> None:
        if _now() - self._looked_at >= fresh_s:
            self._disk = await self._sink.disk()
            self._looked_at = _now()

    async def _wait_for_room(self, missing: int, step_aside: Callable[[], None]) -> None:
        while not self._has_room(missing):
            if self._over is not None:
                raise DiskStaysFullError(self._over)
            may_others_fit = self._has_room(0) and len(self._waiting) < MOST_WAITING
            if may_others_fit:
                step_aside()
            if self._missing or (may_others_fit and len(self._waiting) < self._left()):
                self._stuck_since = None
                await self._end_pause()
            else:
                await self._pause_all()
            await anyio.sleep(min(LOOK_S, self._policy.space_timeout_s))
            await self._look(FRESH_S)

    async def _pause_all(self) -> None:
        """Tell once that nothing goes on, and raise when that has lasted too long."""
        if self._stuck_since is None:
            self._stuck_since = _now()
        needed = self._needed(min(self._waiting.values()))
        if not self._is_paused:
            self._is_paused = True
            free = self._disk.free_bytes
            await self._emit(
                events.Paused(at_s=self._clock(), free_bytes=free, needed_bytes=needed)
            )
        if _now() - self._stuck_since >= self._policy.space_timeout_s:
            raise self._too_long(needed)

    async def _end_pause(self) -> None:
        self._stuck_since = None
        if self._is_paused:
            self._is_paused = False
            await self._emit(events.Resumed(at_s=self._clock()))

    def _too_long(self, needed: int) -> DiskStaysFullError:
        message = (
            f"the disk has had {self._disk.free_bytes} bytes of free space or less for "
            f"{self._policy.space_timeout_s:g} s, and {needed} are needed: free some space and "
            "run it again"
        )
        self._over = SinkError(message, code="ENOSPC")
        return DiskStaysFullError(self._over)

    async def _pause(self) -> None:
        """Wait, at least for one look, until a disk that has refused a write has room again."""
        if self._over is not None:  # who waited behind the one that gave up need not wait as long
            raise DiskStaysFullError(self._over)
        began = _now()
        needed = self._needed(0)
        await self._emit(
            events.Paused(at_s=self._clock(), free_bytes=self._disk.free_bytes, needed_bytes=needed)
        )
        while True:
            if _now() - began >= self._policy.space_timeout_s:
                raise self._too_long(needed)
            await anyio.sleep(min(LOOK_S, self._policy.space_timeout_s))
            await self._look(0)
            needed = self._needed(0)
            if self._has_room(0):
                break
        await self._emit(events.Resumed(at_s=self._clock()))


def _now() -> float:
    return asyncio.get_running_loop().time()
