"""Is a file a complete ZIP that every reader reads alike (APPNOTE.TXT 6.3.10, section 4.3).

Readers differ: some start from the record at the end, others from the header in front of each
member; some search for that record backwards, others trust the length of its comment. An archive
is accepted only if all of them find the same members in it.

Rules:
    * It holds at least one file: an archive that is empty, or has folders alone, is no package.
    * The last end record (section 4.3.16) and its comment reach exactly to the end of the file, and
      those of no earlier one do.
    * All of it is in this file: disk numbers are zero, and both counts are the same.
    * Where a ZIP64 locator (4.3.15) stands before the end record, the ZIP64 end record (4.3.14)
      stands before that, and the end record has its values or leaves them to it.
    * The central directory lies right before these records. Its headers (4.3.12) stand side by
      side from its start to its end, and there are as many as counted.
    * A member has one name, and no two members have the same: a NUL would end it for some readers,
      and a Unicode path (4.6.9) replaces it for others.
    * The members stand side by side from byte 0 to the central directory. A local header (4.3.7)
      and a data descriptor (4.3.9) say what the central directory says.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from ...errors import ArchiveError
from ..redact import redact

LOCAL_HEADER = b"PK\x03\x04"
END_RECORD = b"PK\x05\x06"
ZIP64_LOCATOR = b"PK\x06\x07"
ZIP64_RECORD = b"PK\x06\x06"
DIRECTORY_HEADER = b"PK\x01\x02"
DESCRIPTOR = b"PK\x07\x08"

_END = struct.Struct("<4s4H2LH")
_HEADER = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_ZIP64_LOCATOR = struct.Struct("<4sLQL")
_ZIP64_RECORD = struct.Struct("<4sQ2H2L4Q")
_ZIP64_RECORD_SIZE = _ZIP64_RECORD.size - 12
"""What the record says of its size, which leaves out its first two fields."""

MAX_COMMENT = 0xFFFF
TAIL_BYTES = MAX_COMMENT + _END.size + _ZIP64_LOCATOR.size + _ZIP64_RECORD.size
"""How much of the end has to be looked at."""
MAX_DIRECTORY_BYTES = 64 * 1024**2
"""A million members with short names; a larger directory is not read into memory."""

_SHORT = 0xFFFF
_LONG = 0xFFFFFFFF
"""Fields of two and four bytes with these values leave them to ZIP64."""
_ZIP64_EXTRA = 1
_UNICODE_PATH_EXTRA = 0x7075
_UNICODE_PATH_AT = 5
"""Where the name stands in that field, behind a version and a checksum."""
_ENCRYPTED = 0x1
_HAS_DESCRIPTOR = 0x8
_UTF8 = 0x800


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory is, in bytes, and how many members it should list."""

    start: int
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class Member:
    """What the central directory says of a member, as far as its local header says it too."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int
    attributes: int = 0
    """Those of its maker's system: Unix modes are in the upper half."""


@dataclass(frozen=True, slots=True)
class Span:
    """A member, and the bytes around its data: its local header and its data descriptor."""

    member: Member
    overhead: int


def find_directory(head: bytes, tail: bytes, size: int) -> Directory:
    """Find the central directory of a file that should be a ZIP.

    Args:
        head: Its first four bytes.
        tail: Its last `TAIL_BYTES` bytes, or all of it if it is shorter.
        size: Its size, in bytes.

    Raises:
        ArchiveError: It is incomplete, ambiguous or empty.
    """
    if head not in {LOCAL_HEADER, END_RECORD}:
        _refuse("there is no ZIP header at its start")
    at = _end_record(tail)
    disk, directory_disk, count_here, count, directory_size, start = _END.unpack_from(tail, at)[1:7]
    end = size - len(tail) + at
    locator_at = at - _ZIP64_LOCATOR.size
    if locator_at >= 0 and tail.startswith(ZIP64_LOCATOR, locator_at):
        record = _zip64_record(tail, locator_at, size)
        said = (disk, directory_disk, count_here, count, directory_size, start)
        limits = (_SHORT, _SHORT, _SHORT, _SHORT, _LONG, _LONG)
        if any(
            value not in {limit, wide}
            for value, limit, wide in zip(said, limits, record, strict=True)
        ):
            _refuse("its end record and its ZIP64 end record contradict each other")
        disk, directory_disk, count_here, count, directory_size, start = record
        end = size - len(tail) + locator_at - _ZIP64_RECORD.size
    elif _LONG in {directory_size, start}:
        _refuse("its ZIP64 locator is missing")
    if disk or directory_disk or count_here != count:
        _refuse("it is one part of an archive that was split, or counts its members in two ways")
    if start + directory_size != end:
        _refuse("its central directory does not lie right before its end record")
    if not count:
        _refuse("it is empty: it has no members")
    if head != LOCAL_HEADER:
        _refuse("there is no member at its start")
    if directory_size > MAX_DIRECTORY_BYTES:
        _refuse(
            f"its central directory has {directory_size} bytes; "
            f"at most {MAX_DIRECTORY_BYTES} are accepted"
        )
    return Directory(start, directory_size, count)


def _end_record(tail: bytes) -> int:
    """Return where the end record stands, if there is but one."""
    last = tail.rfind(END_RECORD)
    if last < 0 or not _reaches_end(tail, last):
        is_hidden = any(_reaches_end(tail, at) for at in _positions(tail, last))
        _refuse(
            "its comment holds another end record"
            if is_hidden
            else "there is no ZIP end record at its end"
        )
    if any(_reaches_end(tail, at) for at in _positions(tail, last)):
        _refuse("it has two end records, each with its own reading")
    return last


def _positions(tail: bytes, end: int) -> list[int]:
    """Return where end records may stand before a position."""
    found = []
    while end > 0 and (end := tail.rfind(END_RECORD, 0, end)) >= 0:
        found.append(end)
    return found


def _reaches_end(tail: bytes, at: int) -> bool:
    if at + _END.size > len(tail):
        return False
    comment = _END.unpack_from(tail, at)[7]
    return bool(at + _END.size + comment == len(tail))


def _zip64_record(tail: bytes, locator_at: int, size: int) -> tuple[int, int, int, int, int, int]:
    """Return the disk numbers, the counts, the size and the start of the directory."""
    _, disk, offset, disks = _ZIP64_LOCATOR.unpack_from(tail, locator_at)
    at = locator_at - _ZIP64_RECORD.size
    if disk or disks > 1:
        _refuse("it is one part of an archive that was split")
    if at < 0 or offset != size - len(tail) + at or not tail.startswith(ZIP64_RECORD, at):
        _refuse("its ZIP64 end record does not stand right before its locator")
    said, *_, disk, directory_disk, count_here, count, directory_size, start = (
        _ZIP64_RECORD.unpack_from(tail, at)[1:]
    )
    if said != _ZIP64_RECORD_SIZE:
        _refuse("its ZIP64 end record is of an unknown form")
    return disk, directory_disk, count_here, count, directory_size, start


def members_of(data: bytes, directory: Directory) -> list[Member]:
    """Read the central directory.

    Raises:
        ArchiveError: It is broken, lists more or fewer members than counted, or no file.
    """
    members = []
    at = 0
    while at < directory.size:
        if at + _HEADER.size > len(data):
            _refuse("its central directory is broken")
        signature, _, _, flags, method, _, _, crc, packed, size, *rest = _HEADER.unpack_from(
            data, at
        )
        name_bytes, extra_bytes, comment_bytes, disk, _, attributes, offset = rest
        name_at = at + _HEADER.size
        extra_at = name_at + name_bytes
        at = extra_at + extra_bytes + comment_bytes
        if signature != DIRECTORY_HEADER or at > len(data):
            _refuse("its central directory is broken")
        extra = _extra_fields(data[extra_at : extra_at + extra_bytes])
        wide = _zip64_values(extra)
        size, packed, offset = (
            wide.pop(0) if value == _LONG and wide else value for value in (size, packed, offset)
        )
        name = data[name_at:extra_at]
        if disk not in {0, _SHORT}:
            _refuse("it is one part of an archive that was split")
        member = Member(name, flags, method, crc, packed, size, offset, attributes)
        _check_name(member, extra)
        members.append(member)
    if len(members) != directory.count:
        _refuse(
            f"its central directory lists {len(members)} members, "
            f"and its end record counts {directory.count}"
        )
    if len({member.name for member in members}) != len(members):
        _refuse("two of its members have the same name")
    if all(member.name.endswith(b"/") for member in members):
        _refuse("it is empty: it has folders and no file")
    return members


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    """Return the extra fields of a header (section 4.5) by their ids."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if at + length > len(extra):
            _refuse("an extra field in it is broken")
        if kind in found and kind in {_ZIP64_EXTRA, _UNICODE_PATH_EXTRA}:
            _refuse("a member has an extra field twice")
        found[kind] = extra[at : at + length]
        at += length
    return found


def _zip64_values(extra: dict[int, bytes]) -> list[int]:
    """Return the numbers of a ZIP64 extra field (section 4.5.3), or none."""
    field = extra.get(_ZIP64_EXTRA, b"")
    return list(struct.unpack_from(f"<{min(len(field) // 8, 3)}Q", field))


def _check_name(member: Member, extra: dict[int, bytes]) -> None:
    unicode_path = extra.get(_UNICODE_PATH_EXTRA, b"")[_UNICODE_PATH_AT:]
    # A name that is not ASCII is in an unknown code page: there the field says how to read it.
    is_replaced = unicode_path and member.name.isascii() and unicode_path != member.name
    if b"\0" in member.name or is_replaced:
        _refuse_member(member, "has another name for some readers")


def spans_of(members: Sequence[Member], directory: Directory) -> list[Span]:
    """Return the bytes that each member has for its headers: all that lies between the data.

    Raises:
        ArchiveError: Members overlap, or bytes belong to none of them.
    """
    ordered = sorted(members, key=lambda member: member.offset)
    if ordered[0].offset:
        _refuse("its central directory leaves out what lies at its start")
    ends = [*(member.offset for member in ordered[1:]), directory.start]
    spans = []
    for member, end in zip(ordered, ends, strict=True):
        overhead = end - member.offset - member.packed_size
        if overhead < _LOCAL.size + len(member.name):
            _refuse_member(member, "overlaps with what follows it")
        if overhead > _LOCAL.size + len(member.name) + _SHORT + 24:
            _refuse_member(member, "is followed by bytes that belong to no member")
        spans.append(Span(member, overhead))
    return spans


def check_local_header(span: Span, data: bytes) -> int:
    """See whether a local header says what the central directory says.

    Args:
        span: The member.
        data: The bytes at its offset, as many as its overhead.

    Returns:
        The size of the data descriptor that follows the member's data.

    Raises:
        ArchiveError: It does not.
    """
    member = span.member
    if len(data) < _LOCAL.size or not data.startswith(LOCAL_HEADER):
        _refuse_member(member, "has no local header where the central directory says")
    _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack_from(data)
    extra_at = _LOCAL.size + name_bytes
    left: int = span.overhead - extra_at - extra_bytes
    if data[_LOCAL.size : extra_at] != member.name or left < 0:
        _refuse_member(member, "has another name in its local header")
    if method != member.method or (flags ^ member.flags) & (_ENCRYPTED | _UTF8):
        _refuse_member(member, "is of another kind in its local header")
    extra = _extra_fields(data[extra_at : extra_at + extra_bytes])
    _check_name(member, extra)
    wide = _zip64_values(extra)
    unknown = {0, _LONG} if flags & _HAS_DESCRIPTOR else set()
    size, packed = (wide.pop(0) if value == _LONG and wide else value for value in (size, packed))
    said = ((crc, member.crc), (packed, member.packed_size), (size, member.size))
    if any(value != wanted and value not in unknown for value, wanted in said):
        _refuse_member(member, "has another size or CRC-32 in its local header")
    if bool(left) != bool(flags & _HAS_DESCRIPTOR):
        _refuse_member(
            member,
            "is followed by bytes that belong to no member" if left else "has no data descriptor",
        )
    return left


def check_descriptor(member: Member, data: bytes) -> None:
    """See whether a data descriptor says what the central directory says.

    Raises:
        ArchiveError: It does not.
    """
    numbers = member.crc, member.packed_size, member.size
    accepted = [struct.pack("<L2Q", *numbers)]
    if max(numbers) <= _LONG:
        accepted.append(struct.pack("<3L", *numbers))
    if data.removeprefix(DESCRIPTOR) not in accepted and data not in accepted:
        _refuse_member(member, "has another size or CRC-32 in its data descriptor")


def _refuse(reason: str) -> NoReturn:
    raise ArchiveError(reason)


def _refuse_member(member: Member, reason: str) -> NoReturn:
    _refuse(f'its member "{redact(member.name.decode(errors="replace"))}" {reason}')
