"""The lock of an export folder: one process at a time exports into it.

Rules:
    * Where the file system has `flock`, the operating system holds the lock, and releases it when
      the process ends. A status check takes it shared for a moment, and writes nothing.
    * Elsewhere (ENOSYS, ENOLCK, EOPNOTSUPP) a file replaces it; see `heartbeat_lock`.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Self

from ..destinations.folder_tree import OpenFolder
from ..errors import FolderBusyError
from .heartbeat_lock import HeartbeatLock, busy_message, holder_by_name, read_note, refuse_if_held
from .os_locks import LocksUnsupportedError, try_lock, unlock

LOCK = "lock"
OWNER = "owner"

LOCK_TIMEOUT_S = 0.4
"""How long to wait for a lock: a status check may hold it for a moment."""


class FolderLock:
    """A held lock; `release` may be called twice."""

    def __init__(self, descriptor: int, heartbeat_lock: HeartbeatLock | None) -> None:
        """Take over what `acquire` locked."""
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._heartbeat_lock = heartbeat_lock

    @classmethod
    def acquire(cls, hidden: OpenFolder, *, shown: str) -> Self:
        """Lock the folder that contains `hidden`; messages call it `shown`.

        Raises:
            FolderBusyError: Another process holds the lock.
            SinkError: The lock file is not a regular file of this user.
            OSError: The operating system refused.
        """
        descriptor = hidden.open_or_create(LOCK)
        heartbeat_lock = None
        try:
            deadline = time.monotonic() + LOCK_TIMEOUT_S
            try:
                while not try_lock(descriptor, shared=False):
                    if time.monotonic() >= deadline:
                        raise FolderBusyError(busy_message(shown, read_owner(hidden)))
                    time.sleep(LOCK_TIMEOUT_S / 4)
            except LocksUnsupportedError:
                heartbeat_lock = HeartbeatLock.acquire(hidden, shown)
            else:
                refuse_if_held(hidden, shown)
            _write_owner(hidden)
        except BaseException:
            if heartbeat_lock is not None:
                heartbeat_lock.release()
            os.close(descriptor)
            raise
        return cls(descriptor, heartbeat_lock)

    def check(self) -> None:
        """Check that this process still holds the lock; free with a lock of the system.

        Raises:
            FolderLostError: Another process took over the folder.
        """
        if self._heartbeat_lock is not None:
            self._heartbeat_lock.check()

    def release(self) -> None:
        """Unlock."""
        if self._heartbeat_lock is not None:
            self._heartbeat_lock.release()
        if not self._file.closed:
            with contextlib.suppress(OSError):
                unlock(self._file.fileno())
            self._file.close()


def holder_of(hidden: OpenFolder) -> int | None:
    """Return the id of the process that holds the lock, or None; writes nothing.

    Raises:
        SinkError: The lock file is not a regular file of this user.
    """
    try:
        descriptor = hidden.open(LOCK, os.O_RDONLY)
    except OSError:
        return holder_by_name(hidden)
    try:
        if not try_lock(descriptor, shared=True):
            return read_owner(hidden)
        unlock(descriptor)
    except LocksUnsupportedError:
        pass
    finally:
        os.close(descriptor)
    return holder_by_name(hidden)


def read_owner(hidden: OpenFolder) -> int | None:
    """Return the recorded id of the process that holds a lock of the system, or None."""
    with contextlib.suppress(OSError, ValueError):
        return int(read_note(hidden, OWNER))
    return None


def _write_owner(hidden: OpenFolder) -> None:
    descriptor = hidden.open_or_create(OWNER)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        file.truncate(0)
        file.write(str(os.getpid()).encode())
