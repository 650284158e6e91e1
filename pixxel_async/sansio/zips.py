"""Is a file a whole ZIP, judged by its two ends (APPNOTE.TXT 6.3.10, sections 4.3.7 and 4.3.16).

Rules:
    * A local file header stands at byte 0, or the file is an empty archive.
    * The end of central directory record reaches exactly to the end of the file.
    * The central directory that it tells of lies within the file, right before the end records.
"""

from __future__ import annotations

import struct

LOCAL_HEADER = b"PK\x03\x04"
END_RECORD = b"PK\x05\x06"
ZIP64_END_RECORD = b"PK\x06\x06"
ZIP64_LOCATOR = b"PK\x06\x07"

_END = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR = struct.Struct("<4sLQL")
MAX_COMMENT = 0xFFFF
TAIL_BYTES = MAX_COMMENT + _END.size + _ZIP64_LOCATOR.size
"""How much of the end has to be looked at."""
_IN_ZIP64 = 0xFFFFFFFF


def problem(head: bytes, tail: bytes, size: int) -> str | None:
    """Tell what is wrong with a file that should be a ZIP, or return None.

    Args:
        head: Its first four bytes.
        tail: Its last `TAIL_BYTES` bytes, or all of it if it is shorter.
        size: Its size, in bytes.
    """
    if head not in {LOCAL_HEADER, END_RECORD}:
        return "there is no ZIP header at its start"
    at = _find_end(tail)
    if at is None:
        return "there is no ZIP end record at its end"
    fields = _END.unpack_from(tail, at)
    directory_size, directory_at = fields[5], fields[6]
    end_at = size - len(tail) + at
    if _IN_ZIP64 in {directory_size, directory_at}:
        return _zip64_problem(tail, at)
    if directory_at + directory_size > end_at:
        return "its ZIP directory does not lie within it"
    return None


def _find_end(tail: bytes) -> int | None:
    """Find the end record whose comment reaches exactly to the end of the file."""
    at = len(tail)
    while (at := tail.rfind(END_RECORD, 0, at)) >= 0:
        if at + _END.size <= len(tail):
            comment = _END.unpack_from(tail, at)[7]
            if at + _END.size + comment == len(tail):
                return at
    return None


def _zip64_problem(tail: bytes, end_at: int) -> str | None:
    at = end_at - _ZIP64_LOCATOR.size
    if at < 0 or tail[at : at + 4] != ZIP64_LOCATOR:
        return "its ZIP64 locator is missing"
    return None
