"""Is a file a whole ZIP, judged by its two ends (APPNOTE.TXT 6.3.10, sections 4.3.7 and 4.3.16).

Rules:
    * A local file header stands at byte 0, or the file is an empty archive.
    * The end of central directory record reaches exactly to the end of the file.
    * The central directory that it tells of lies right before it. In a ZIP64 archive more records
      stand between them; of those, the locator has to be there.
    * The headers of the central directory (section 4.3.12) stand side by side, from its beginning
      to its end. Where it is not within the last bytes that are at hand, `zipfile` has to look.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

LOCAL_HEADER = b"PK\x03\x04"
END_RECORD = b"PK\x05\x06"
ZIP64_LOCATOR = b"PK\x06\x07"
DIRECTORY_HEADER = b"PK\x01\x02"

_END = struct.Struct("<4s4H2LH")
_HEADER = struct.Struct("<4s24x3H12x")
_ZIP64_LOCATOR = struct.Struct("<4sLQL")
MAX_COMMENT = 0xFFFF
TAIL_BYTES = MAX_COMMENT + _END.size + _ZIP64_LOCATOR.size
"""How much of the end has to be looked at."""
_IN_ZIP64 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Ends:
    """What the two ends of a file tell.

    Attributes:
        problem: What is wrong with it, or None.
        is_all: Whether that is all there is to its structure; else its directory is to be read.
    """

    problem: str | None
    is_all: bool = True


def look(head: bytes, tail: bytes, size: int) -> Ends:
    """Look at a file that should be a ZIP.

    Args:
        head: Its first four bytes.
        tail: Its last `TAIL_BYTES` bytes, or all of it if it is shorter. With fewer, a problem may
            be found where there is none.
        size: Its size, in bytes.
    """
    if head not in {LOCAL_HEADER, END_RECORD}:
        return Ends("there is no ZIP header at its start")
    found = Ends("there is no ZIP end record at its end")
    for at in _ends(tail):
        ends = _directory(tail, at, size)
        if ends.problem is None:
            return ends
        found = ends
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


def _directory(tail: bytes, at: int, size: int) -> Ends:
    locator_at = at - _ZIP64_LOCATOR.size
    if locator_at >= 0 and tail[locator_at : locator_at + 4] == ZIP64_LOCATOR:
        return Ends(None, is_all=False)  # its own records stand between the directory and the end
    directory_size, directory_at = _END.unpack_from(tail, at)[5:7]
    if _IN_ZIP64 in {directory_size, directory_at}:
        return Ends("its ZIP64 locator is missing")
    if directory_at + directory_size != size - len(tail) + at:
        return Ends("its ZIP directory does not lie right before its end record")
    begin = at - directory_size
    if begin < 0:
        return Ends(None, is_all=False)
    return Ends(None if _is_row_of_headers(tail, begin, at) else "its ZIP directory is broken")


def _is_row_of_headers(tail: bytes, begin: int, end: int) -> bool:
    while begin + _HEADER.size <= end:
        signature, name, extra, comment = _HEADER.unpack_from(tail, begin)
        if signature != DIRECTORY_HEADER:
            return False
        begin += _HEADER.size + name + extra + comment
    return begin == end
