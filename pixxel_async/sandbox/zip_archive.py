"""A classic ZIP archive of contents, in little memory where members are stored."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

from .content import Content

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION = 20
_STORED, _DEFLATED = 0, 8
_DATE = (2026 - 1980) << 9 | 1 << 5 | 1
"""1 January 2026, so that the same members give the same archive."""


def zip_archive(members: Mapping[str, Content], *, deflated: bool = False) -> Content:
    """Return an archive of stored or deflated members; names are ASCII."""
    return Content(_pieces(members, deflated=deflated))


def compressed(content: Content, *, wbits: int = zlib.MAX_WBITS) -> Content:
    """Return a content compressed by zlib; it is in memory."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, wbits)
    pieces = [compressor.compress(piece) for piece in content]
    return Content([*pieces, compressor.flush()])


def _pieces(members: Mapping[str, Content], *, deflated: bool) -> Iterator[bytes | memoryview]:
    directory, at = b"", 0
    for name, content in members.items():
        label = name.encode("ascii")
        body = compressed(content, wbits=-zlib.MAX_WBITS) if deflated else content
        shared = (_VERSION, 0, _DEFLATED if deflated else _STORED, 0, _DATE)
        sizes = (content.crc32, body.size, content.size)
        yield _LOCAL.pack(b"PK\3\4", *shared, *sizes, len(label), 0) + label
        yield from body
        directory += _CENTRAL.pack(
            *(b"PK\1\2", _VERSION, *shared, *sizes, len(label)), *(0, 0, 0, 0, 0, at)
        )
        directory += label
        at += _LOCAL.size + len(label) + body.size
    count = len(members)
    yield directory + _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), at, 0)
