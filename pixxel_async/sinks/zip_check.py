"""Looks at a file on disk: is it a whole ZIP."""

from __future__ import annotations

import lzma
import os
import struct
import sys
import zipfile
import zlib
from typing import BinaryIO

if sys.version_info >= (3, 14):
    from compression import zstd as _zstd
else:
    _zstd = None

from ..config import Verify
from ..sansio import zips
from ..sansio.redact import redact

USUAL_TAIL_BYTES = 1024
"""Enough for the records at the end, unless there is a long comment."""

UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,  # a member is encrypted, or its method is not known here
    ValueError,
    *([_zstd.ZstdError] if _zstd is not None else []),  # derives from Exception alone
)
"""What `zipfile` raises over archives that it cannot read."""


def _look(file: BinaryIO) -> zips.Ends:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head, ends = file.read(4), zips.Ends("it is empty")
    for tail_bytes in (USUAL_TAIL_BYTES, zips.TAIL_BYTES):
        file.seek(max(0, size - tail_bytes))
        ends = zips.look(head, file.read(tail_bytes), size)
        if (ends.problem is None and ends.is_all) or tail_bytes >= size:
            break
    return ends


def file_problem(file: BinaryIO, verify: Verify) -> str | None:
    """Tell why an open file is no whole ZIP, or return None; blocks, and leaves it open.

    The ends are judged by `sansio.zips`, a large directory and the members by `zipfile`.
    """
    ends = _look(file)
    if ends.problem is not None or (ends.is_all and verify is Verify.STRUCTURE):
        return ends.problem
    try:
        with zipfile.ZipFile(file) as archive:
            broken = archive.testzip() if verify is Verify.CONTENTS else None
    except OSError as error:
        if error.errno is not None:
            raise  # of the disk, not of the archive: bz2 raises it without a number
        return f"it cannot be read: {redact(str(error))}"
    except UNREADABLE as error:
        return f"it cannot be read: {redact(str(error))}"
    return f"its member {redact(broken)} has a wrong CRC-32" if broken else None
