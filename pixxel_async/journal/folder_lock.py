"""The lock of an export folder: one process at a time exports into it.

Rules:
    * Where the file system has `flock`, the lock is the operating system's, and gone when the
      process is. Who only looks takes it shared, for a moment, and writes nothing.
    * Where it has none (ENOSYS, ENOLCK, EOPNOTSUPP), a file takes its place; see `named_lock`.
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
"""How long a lock is waited for: who looks whether an export runs has it for a moment."""


class FolderLock:
    """A lock that is held; `release` may be called twice."""

    def __init__(self, descriptor: int, heartbeat_lock: HeartbeatLock | None) -> None:
        """Take over what `acquire` has locked."""
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._heartbeat_lock = heartbeat_lock

    @classmethod
    def acquire(cls, hidden: OpenFolder, *, shown: str) -> Self:
        """Lock a folder.

        Args:
            hidden: Where the lock lies.
            shown: The folder, for messages.

        Raises:
            FolderBusyError: Another process has it.
            SinkError: What has the name of the lock is not a file of ours.
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
        """Find out whether the folder is still ours; costs nothing with a lock of the system.

        Raises:
            FolderLostError: Another process has taken it over.
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
    """Return the number of the process that has a folder, or None; writes nothing.

    Raises:
        SinkError: What has the name of the lock is not a file of ours.
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
    """Return the number of the process that has a lock of the system, if it has noted it yet."""
    with contextlib.suppress(OSError, ValueError):
        return int(read_note(hidden, OWNER))
    return None


def _write_owner(hidden: OpenFolder) -> None:
    descriptor = hidden.open_or_create(OWNER)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        file.truncate(0)
        file.write(str(os.getpid()).encode())
