"""Checks whether a file on disk is a complete ZIP."""

from __future__ import annotations

import lzma
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

if sys.version_info >= (3, 14):
    from compression import zstd as _zstd
else:
    _zstd = None

from ..config import Verify
from ..errors import ArchiveError
from ..sansio.files import zip_structure
from ..sansio.redact import redact

UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,  # a member is encrypted, or its method is not supported
    ValueError,
    *([_zstd.ZstdError] if _zstd is not None else []),  # derives from Exception alone
)
"""The errors of `zipfile` for unreadable archives."""


@contextmanager
def archive_errors() -> Iterator[None]:
    """Turn errors of `zipfile` about a bad archive into an `ArchiveError`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise  # a disk error; for a bad archive, bz2 raises one without a number
        failure = ArchiveError(f"it cannot be read: {redact(str(error))}")
    except UNREADABLE as error:
        failure = ArchiveError(f"it cannot be read: {redact(str(error))}")
    else:
        return
    raise failure


def check_structure(file: BinaryIO) -> None:
    """Check whether an open file is a complete ZIP, from any position; it stays open.

    `sansio.files.zip_structure` has the rules.

    Raises:
        ArchiveError: It is not; the message says why.
    """
    size = file.seek(0, os.SEEK_END)
    head = _read(file, 0, 4)
    tail_bytes = min(size, zip_structure.TAIL_BYTES)
    directory = zip_structure.find_directory(head, _read(file, size - tail_bytes, tail_bytes), size)
    members = zip_structure.members_of(_read(file, directory.start, directory.size), directory)
    for span in zip_structure.spans_of(members, directory):
        member = span.member
        local = _read(file, member.offset, span.overhead)
        descriptor_bytes = zip_structure.check_local_header(span, local)
        if descriptor_bytes:
            at = member.offset + span.overhead + member.packed_size - descriptor_bytes
            zip_structure.check_descriptor(member, _read(file, at, descriptor_bytes))


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def file_problem(file: BinaryIO, verify: Verify) -> str | None:
    """Return why an open file is not a complete ZIP, or None; blocks, and leaves it open.

    `sansio.files.zip_structure` checks the structure; `zipfile` reads the contents.
    """
    try:
        with archive_errors():
            check_structure(file)
            if verify is Verify.STRUCTURE:
                return None
            with zipfile.ZipFile(file) as archive:
                broken = archive.testzip()
    except ArchiveError as error:
        return str(error)
    return f"its member {redact(broken)} has a wrong CRC-32" if broken else None
