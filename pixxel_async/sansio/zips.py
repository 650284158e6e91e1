"""Is a file a whole ZIP, judged by its two ends (APPNOTE.TXT 6.3.10, sections 4.3.7 and 4.3.16).

Rules:
    * A local file header stands at byte 0, or the file is an empty archive.
    * The end of central directory record reaches exactly to the end of the file.
    * The central directory that it tells of lies right before it. In a ZIP64 archive more records
      stand between them; of those, the locator has to be there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

LOCAL_HEADER = b"PK\x03\x04"
END_RECORD = b"PK\x05\x06"
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
    found = "there is no ZIP end record at its end"
    for at in _ends(tail):
        wrong = _directory_problem(tail, at, size)
        if wrong is None:
            return None
        found = wrong
    return found


def _ends(tail: bytes) -> Iterator[int]:
    """Yield where end records stand whose comment reaches exactly to the end of the file.

    A comment may look like one itself, so there may be several.
    """
    at = len(tail)
    while (at := tail.rfind(END_RECORD, 0, at)) >= 0:
        if at + _END.size <= len(tail):
            comment = _END.unpack_from(tail, at)[7]
            if at + _END.size + comment == len(tail):
                yield at


def _directory_problem(tail: bytes, at: int, size: int) -> str | None:
    locator_at = at - _ZIP64_LOCATOR.size
    if locator_at >= 0 and tail[locator_at : locator_at + 4] == ZIP64_LOCATOR:
        return None  # its own records stand between the directory and the end
    directory_size, directory_at = _END.unpack_from(tail, at)[5:7]
    if _IN_ZIP64 in {directory_size, directory_at}:
        return "its ZIP64 locator is missing"
    if directory_at + directory_size != size - len(tail) + at:
        return "its ZIP directory does not lie right before its end record"
    return None
