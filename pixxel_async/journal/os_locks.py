"""File locks of the operating system."""

from __future__ import annotations

import errno
import os
import sys

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

UNSUPPORTED = frozenset(
    {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOTTY}
)
"""Error codes of file systems without locks."""


class LocksUnsupportedError(Exception):
    """The file system has no locks."""


def try_lock(descriptor: int, *, shared: bool) -> bool:
    """Lock an open file, or return False if another process holds the lock.

    Raises:
        LocksUnsupportedError: The file system has no locks.
        OSError: The operating system refused.
    """
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except NotImplementedError as error:
        raise LocksUnsupportedError from error
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}:
            return False
        if error.errno in UNSUPPORTED:
            raise LocksUnsupportedError from error
        raise
    return True


def has_record_locks(descriptor: int) -> bool:
    """Whether the file system has the locks that SQLite uses (POSIX byte ranges)."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.lockf(descriptor, fcntl.LOCK_UN)
    except NotImplementedError:
        return False
    except OSError as error:
        return error.errno not in UNSUPPORTED
    return True


def unlock(descriptor: int) -> None:
    """Release a lock."""
    if sys.platform == "win32":
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
