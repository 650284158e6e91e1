"""The disk that a directory lies on."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from .sink import Disk

_NO_SIZE = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})


def disk_of(folder: Path | str) -> Disk:
    """Return the size of the disk of a directory, and the free space on it; blocks.

    Raises:
        OSError: The operating system refused.
    """
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        if error.errno not in _NO_SIZE:
            raise
        return Disk(total_bytes=0, free_bytes=0)
    return Disk(total_bytes=usage.total, free_bytes=usage.free)
