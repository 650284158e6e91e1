"""Free disk space: transfers pause while there is too little of it.

Rules:
    * A transfer is admitted if the disk has room for its missing bytes, for those of the admitted
      transfers, and for a reserve.
    * Packages that fit go first: a transfer that waits for room yields its slot as long as another
      one might fit.
    * A size that an earlier run recorded is a guess. No transfer waits because of it; the storage
      is asked first.
    * A body of unknown size may use the rest. It is checked before each write, and refused before
      it uses the reserve.
    * A file system that reports a size of zero has an unknown one: it is full when a write fails.
    * The export pauses if none of the remaining packages fits. A pause that exceeds the timeout
      ends the export for all waiting transfers, and fails no package: a later run resumes.
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

CHECK_S = 2.0
"""Time between two checks of a full disk, in seconds."""

FRESH_S = 0.5
"""How long a check that found room stays valid, in seconds."""

MAX_WAITING = 256
"""How many transfers wait for room besides the running ones; each may hold an open file."""

MAX_REFUSALS = 5
"""Writes in a row that a disk with free space refuses as if it were full."""

OVERSHOOT_BYTES = 1024 * 1024
"""What threads that check the disk at the same moment may write together."""

AHEAD_BYTES = 4 * 1024 * 1024
"""A retry of a package of unknown size needs this much more room than the last attempt."""

FULL_CODES = frozenset({"ENOSPC", "EDQUOT"})
DESCRIPTOR_CODES = frozenset({"EMFILE", "ENFILE"})


def _stay() -> None: ...


class DiskStaysFullError(Exception):
    """The disk stayed full for longer than the timeout."""

    def __init__(self, error: SinkError) -> None:
        """Keep the error to report."""
        super().__init__(str(error))
        self.error = error


class DiskSpace:
    """Tracks the free space for one export."""

    def __init__(
        self,
        sink: Sink,
        policy: FolderPolicy,
        *,
        emit: Callable[[events.Event], Awaitable[None]],
        clock: Callable[[], float],
        left: Callable[[], int] = lambda: 0,
    ) -> None:
        """Check nothing yet.

        `left` returns the number of unfinished packages, including those that wait here.
        """
        self._sink = sink
        self._policy = policy
        self._emit = emit
        self._clock = clock
        self._full_lock = anyio.Lock(fast_acquire=True)
        self._disk = Disk(0, 0)
        self._checked_at = float("-inf")
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
            key: The package; replaces an earlier admission of it.
            missing: Its missing bytes, or zero while unknown.
            is_guess: Whether the storage has not confirmed `missing` yet.
            step_aside: Called, maybe repeatedly, if the transfer waits while others may continue.

        Raises:
            DiskStaysFullError: The wait timed out.
            SinkError: The disk cannot be checked.
        """
        self.release(key)
        if self._full_lock.locked():  # the disk just refused a write
            async with self._full_lock:
                pass
        if _now() - self._checked_at >= FRESH_S:
            await self._refresh(FRESH_S)
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
        """Return whether there is room for an admitted transfer, now that its size is known.

        Raises:
            SinkError: The disk is smaller than that.
        """
        await self._refresh(FRESH_S)
        if self._disk.is_known and missing > self._disk.total_bytes:
            message = f"the storage announces {missing} more bytes, which is larger than the disk"
            raise SinkError(message)
        others = self._needed(missing) - self._missing.get(key, 0)
        if self._disk.is_known and self._disk.free_bytes < others:
            return False
        self._missing[key] = missing
        return True

    async def leaves(self, key: str, count: int) -> bool:
        """Return whether there is room for bytes of unannounced size."""
        return self._leaves(await self._sink.disk(), key, count)

    def leaves_now(self, key: str, count: int) -> bool:
        """Do the same on the calling thread; blocks."""
        return self._leaves(self._sink.disk_now(), key, count)

    async def beyond(self, key: str, size: int, *, is_last: bool) -> int:
        """Reserve room to retry a package that was discarded at `size` bytes; return how many.

        Raises:
            SinkError: There is no more room than before, or no retries are left.
        """
        await self._refresh(0)
        missing = size + AHEAD_BYTES
        needed = self._needed(missing) - self._missing.get(key, 0)
        if is_last or self._disk.free_bytes < needed:
            message = (
                f"the storage does not announce its size, and after {size} bytes the disk has "
                "only the reserved free space left: free some space, or lower --min-free, "
                "and run it again"
            )
            raise SinkError(message, code="ENOSPC")
        self._missing[key] = missing
        return missing

    def progress(self, key: str, missing: int) -> None:
        """Update the missing bytes of an admitted transfer."""
        self._missing[key] = missing

    def release(self, key: str) -> None:
        """Drop the reservation of a transfer."""
        self._missing.pop(key, None)

    async def write(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write something, and wait for room if the disk is full.

        Raises:
            DiskStaysFullError: The wait timed out.
            SinkError: The disk refused for another reason, or repeatedly reports that it is full
                although it has free space: a quota may be used up.
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
        """Wait for room after a write that found the disk full; raises like `admit`."""
        async with self._full_lock:
            await self._refresh(0)
            await self._pause()

    def _leaves(self, disk: Disk, key: str, count: int) -> bool:
        if not disk.is_known:
            return True
        missing = dict(self._missing)  # a copy: the event loop may change it
        missing.pop(key, None)
        least = self._policy.least_free_bytes
        kept = least + min(least, OVERSHOOT_BYTES) + sum(missing.values())
        return disk.free_bytes - count >= kept

    def _has_room(self, missing: int) -> bool:
        return not self._disk.is_known or self._disk.free_bytes >= self._needed(missing)

    def _needed(self, missing: int) -> int:
        return self._policy.least_free_bytes + sum(self._missing.values()) + missing

    async def _refresh(self, fresh_s: float) -> None:
        if _now() - self._checked_at >= fresh_s:
            self._disk = await self._sink.disk()
            self._checked_at = _now()

    async def _wait_for_room(self, missing: int, step_aside: Callable[[], None]) -> None:
        while not self._has_room(missing):
            if self._over is not None:
                raise DiskStaysFullError(self._over)
            may_others_fit = self._has_room(0) and len(self._waiting) < MAX_WAITING
            if may_others_fit:
                step_aside()
            if self._missing or (may_others_fit and len(self._waiting) < self._left()):
                self._stuck_since = None
                await self._end_pause()
            else:
                await self._pause_all()
            await anyio.sleep(min(CHECK_S, self._policy.space_timeout_s))
            await self._refresh(FRESH_S)

    async def _pause_all(self) -> None:
        """Emit `Paused` once, and raise when the pause exceeds the timeout."""
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
            f"the disk still has only {self._disk.free_bytes} bytes free after "
            f"{self._policy.space_timeout_s:g} s, and the export needs {needed}: free some space "
            "and run it again"
        )
        self._over = SinkError(message, code="ENOSPC")
        return DiskStaysFullError(self._over)

    async def _pause(self) -> None:
        """Wait, for at least one check, until a disk that refused a write has room again."""
        if self._over is not None:  # another transfer has already timed out
            raise DiskStaysFullError(self._over)
        began = _now()
        needed = self._needed(0)
        await self._emit(
            events.Paused(at_s=self._clock(), free_bytes=self._disk.free_bytes, needed_bytes=needed)
        )
        while True:
            if _now() - began >= self._policy.space_timeout_s:
                raise self._too_long(needed)
            await anyio.sleep(min(CHECK_S, self._policy.space_timeout_s))
            await self._refresh(0)
            needed = self._needed(0)
            if self._has_room(0):
                break
        await self._emit(events.Resumed(at_s=self._clock()))


def _now() -> float:
    return asyncio.get_running_loop().time()
