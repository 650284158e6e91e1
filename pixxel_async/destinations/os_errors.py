"""Operating system errors, each with a remedy."""

from __future__ import annotations

import errno
from pathlib import Path

from ..errors import SinkError
from ..sansio.redact import printable

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and run it again",
    errno.EDQUOT: "the disk quota is used up; free some space and run it again",
    errno.EACCES: "permission denied; choose a folder that you may write to",
    errno.EPERM: "permission denied; choose a folder that you may write to",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENAMETOOLONG: "the path is too long; choose a folder with a shorter one",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EMFILE: "too many open files; use fewer transfers at once",
    errno.ENFILE: "too many open files on this machine; use fewer transfers at once",
}


def sink_error(error: OSError, path: Path | str) -> SinkError:
    """Turn an `OSError` into a `SinkError` with a remedy."""
    reason = _REMEDIES.get(error.errno or 0, error.strerror or type(error).__name__)
    return SinkError(
        f"{printable(str(path))}: {reason}", code=errno.errorcode.get(error.errno or 0, "")
    )
