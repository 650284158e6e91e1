"""Tests with a temporary file whether a file system supports an export; blocks.

`export` and `doctor` use the same probe, so their results agree. `rclone mount` without a cache,
for example, supports only sequential writes.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import SinkError
from .folder_tree import OpenFolder

NAME = ".pixxel-async-probe-"
FIRST = b"\0" * 8192
LATER = b"pixxel"
REMEDY = "choose another folder with --out; with rclone, mount with --vfs-cache-mode writes or full"
SHORTAGES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})
"""Temporary errors, which show nothing about the file system."""


class UnsuitableError(SinkError):
    """A file system lacks an operation that an export needs.

    Attributes:
        reason: The missing operation.
    """

    def __init__(self, reason: str) -> None:
        """Append the remedy to the reason."""
        super().__init__(f"{reason}; {REMEDY}")
        self.reason = reason


def probe(folder: OpenFolder, shown: str) -> None:
    """Write, sync, overwrite, read, rename and remove a file; messages name the folder as `shown`.

    Raises:
        UnsuitableError: The file system does not support one of these.
        OSError: No file can be created, or one of `SHORTAGES`.
    """
    name = NAME + secrets.token_hex(8)
    descriptor = folder.create(name)
    try:
        try:
            with _step(shown, "write a file"):
                os.write(descriptor, FIRST)
            with _step(shown, "flush a file to disk"):
                os.fsync(descriptor)
            with _step(shown, "write in the middle of a file"):
                _write(descriptor, LATER, 1000)
            with _step(shown, "read a file while it is written"):
                os.lseek(descriptor, 1000, os.SEEK_SET)
                if os.read(descriptor, len(LATER)) != LATER:
                    raise OSError(errno.EIO, "read back different bytes")
        finally:
            os.close(descriptor)
        with _step(shown, "rename a file"):
            folder.rename(name, f"{name}-renamed")
            name = f"{name}-renamed"
    finally:
        with _step(shown, "remove a file"):
            folder.unlink(name)


def _write(descriptor: int, data: bytes, at: int) -> None:
    if hasattr(os, "pwrite"):
        os.pwrite(descriptor, data, at)
    else:
        os.lseek(descriptor, at, os.SEEK_SET)
        os.write(descriptor, data)


@contextmanager
def _step(shown: str, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in SHORTAGES:
            raise
        why = error.strerror or type(error).__name__
        reason = f"{shown}: this file system cannot {what} ({why})"
        raise UnsuitableError(reason) from error
