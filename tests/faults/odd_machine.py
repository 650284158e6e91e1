"""Runs the command line on a machine that lacks something: `odd_machine LACKS WORDS...`."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import runpy
import sys
from typing import Any


def refuse(number: int) -> Any:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refused


def lack(what: str) -> None:
    """Take something away from this process."""
    if what in {"ENOSYS", "ENOLCK", "EOPNOTSUPP"}:
        fcntl.flock = fcntl.lockf = refuse(getattr(errno, what))
    elif what == "pwrite":
        os.pwrite = refuse(errno.ESPIPE)
    elif what == "rename":
        os.replace = os.rename = refuse(errno.EPERM)
    elif what == "read":
        os.read = refuse(errno.EBADF)
    elif what == "size":
        found = os.statvfs

        def statvfs(path: Any) -> os.statvfs_result:
            values = list(found(path))
            values[2:5] = 0, 0, 0  # blocks: all, free, free for this user
            return os.statvfs_result(values)

        os.statvfs = statvfs
    elif what == "user":
        os.environ.pop("HOME", None)

        def unknown(*_: object) -> None:
            message = "unknown user"
            raise KeyError(message)

        pwd.getpwuid = pwd.getpwnam = unknown  # type: ignore[assignment]


if __name__ == "__main__":
    for lacking in sys.argv[1].split(","):
        lack(lacking)
    sys.argv = ["pixxel-async", *sys.argv[2:]]
    runpy.run_module("pixxel_async.cli", run_name="__main__")
