"""A ZIP of stored members, put together without being held (APPNOTE.TXT 6.3.10)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from .content import Content

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20
_DATE = (2026 - 1980) << 9 | 1 << 5 | 1
"""The first of January 2026: the same members make the same archive."""


def zip_archive(members: Mapping[str, Content]) -> Content:
    """Return the archive of some members, by name; names are ASCII."""
    return Content(_pieces(members))


def _pieces(members: Mapping[str, Content]) -> Iterator[bytes | memoryview]:
    directory, at = b"", 0
    for name, content in members.items():
        label = name.encode("ascii")
        sizes = (content.crc32, content.size, content.size)
        yield _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DATE, *sizes, len(label), 0) + label
        yield from content
        directory += _CENTRAL.pack(
            *(b"PK\1\2", _VERSION, _VERSION, 0, 0, 0, _DATE, *sizes, len(label)),
            *(0, 0, 0, 0, 0, at),
        )
        directory += label
        at += _LOCAL.size + len(label) + content.size
    count = len(members)
    yield directory + _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), at, 0)
