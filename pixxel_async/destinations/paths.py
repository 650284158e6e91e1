"""Paths given by the user, and their directories."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

from ..errors import SinkError
from ..sansio.redact import printable
from .sink import Disk

FOLDER_MODE = 0o700
PERMISSIONS = 0o777


def absolute_path(path: str | Path) -> Path:
    """Return an absolute path, with `~` expanded.

    Raises:
        SinkError: There is no home directory for `~`, or no current directory.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        message = f"{printable(str(path))}: there is no home directory for ~; give the whole path"
    except FileNotFoundError:
        message = "the current directory was deleted; change to another one"
    raise SinkError(message)


def make_folders(path: Path) -> None:
    """Create a directory and its missing parents, each with mode 0700."""
    try:
        path.mkdir(FOLDER_MODE)
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_folders(path.parent)
        make_folders(path)
        return
    except FileExistsError:
        if path.is_dir():
            return
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    except OSError:
        if path.is_dir():  # some file systems refuse before they check
            return
        raise
    mode = path.stat().st_mode
    if stat.S_IMODE(mode) & PERMISSIONS != FOLDER_MODE:
        with contextlib.suppress(OSError):
            path.chmod(stat.S_IMODE(mode) & ~PERMISSIONS | FOLDER_MODE)


_NO_SIZE = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})


def disk_of(folder: Path | str) -> Disk:
    """Return the size and free space of a directory's disk; blocks."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        if error.errno not in _NO_SIZE:
            raise
        return Disk(total_bytes=0, free_bytes=0)
    return Disk(total_bytes=usage.total, free_bytes=usage.free)
