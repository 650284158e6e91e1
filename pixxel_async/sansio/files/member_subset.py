"""A ZIP of some members of another one, made of byte ranges of that one.

Rules:
    * The members stand in it as they stand there: local header, data and data descriptor. Behind
      them is a directory of its own. So the subset is checked, resumed and extracted as any
      package is, and nothing is unpacked to make it.
    * Members that lie side by side are one range. No byte between the ranges is fetched.
    * All members of the archive are held to the rules of `zip_structure`, those that are taken also
      to those of `extraction_plan`, before a byte of them is fetched.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ...errors import ArchiveError
from ...members import MemberFilter
from ..redact import printable
from .directory_search import Listing, name_of
from .extraction_plan import Entry, plan
from .zip_structure import (
    DIRECTORY_HEADER,
    END_RECORD,
    ZIP64_LOCATOR,
    ZIP64_RECORD,
    Member,
    spans_of,
)

_HEADER = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_ZIP64_RECORD = struct.Struct("<4sQ2H2L4Q")
_ZIP64_LOCATOR = struct.Struct("<4sLQL")
_ZIP64_VERSION = 45
_UNIX = 3 << 8
_DAY = 1 << 5 | 1
"""1 January 1980: the time of a member is not kept."""
_SHORT, _LONG = 0xFFFF, 0xFFFFFFFF
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes of the archive that stand side by side in both.

    Attributes:
        first: Their first byte in the archive.
        end: The byte after their last one.
        at: Where the first one is in the subset.
    """

    first: int
    end: int
    at: int


@dataclass(frozen=True, slots=True)
class Subset:
    """A ZIP of the chosen members.

    Attributes:
        runs: What is fetched, in order.
        directory: The bytes behind it.
    """

    runs: tuple[Run, ...]
    directory: bytes

    @property
    def fetched(self) -> int:
        """The bytes before the directory."""
        last = self.runs[-1]
        return last.at + last.end - last.first

    @property
    def size(self) -> int:
        """The size of the subset, in bytes."""
        return self.fetched + len(self.directory)

    def run_at(self, held: int) -> Run | None:
        """Return what is left of the run at a position of the subset; None behind the last one."""
        for run in self.runs:
            left = run.at + run.end - run.first - held
            if left > 0:
                return Run(run.end - left, run.end, held)
        return None


def subset_of(listing: Listing, chosen: MemberFilter) -> Subset:
    """Return the subset of an archive that holds the chosen members.

    Raises:
        ArchiveError: The archive or a member is refused, or no member is chosen.
    """
    spans = spans_of(listing.members, listing.directory)
    wanted = [span for span in spans if chosen.wants(name_of(span.member))]
    if not wanted:
        raise ArchiveError(_nothing(listing))
    plan([_entry(span.member) for span in wanted], archive_bytes=listing.directory.start)
    runs: list[Run] = []
    headers, at = b"", 0
    for span in wanted:
        member = span.member
        count = span.overhead + member.packed_size
        if runs and runs[-1].end == member.offset:
            last = runs.pop()
            runs.append(Run(last.first, last.end + count, last.at))
        else:
            runs.append(Run(member.offset, member.offset + count, at))
        headers += _central_header(member, at)
        at += count
    return Subset(tuple(runs), headers + _end_records(len(wanted), len(headers), at))


def _nothing(listing: Listing) -> str:
    names = [name_of(member) for member in listing.members]
    shown = ", ".join(printable(name) for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"no member is chosen; it has {shown}{more}"


def _entry(member: Member) -> Entry:
    return Entry(
        name=name_of(member),
        size=member.size,
        packed_size=member.packed_size,
        offset=member.offset,
        flags=member.flags,
        method=member.method,
        mode=member.attributes >> 16,
    )


def _central_header(member: Member, at: int) -> bytes:
    numbers = (member.size, member.packed_size, at)
    wide = [number for number in numbers if number >= _LONG]
    extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size, packed, offset = (min(number, _LONG) for number in numbers)
    lengths = len(member.name), len(extra), 0
    return (
        _HEADER.pack(
            *(DIRECTORY_HEADER, _UNIX | _ZIP64_VERSION, _ZIP64_VERSION),
            *(member.flags, member.method, 0, _DAY, member.crc, packed, size),
            *(*lengths, 0, 0, member.attributes, offset),
        )
        + member.name
        + extra
    )


def _end_records(count: int, size: int, start: int) -> bytes:
    record = b""
    if count >= _SHORT or start + size >= _LONG:
        versions = (_ZIP64_VERSION, _ZIP64_VERSION, 0, 0)
        record = _ZIP64_RECORD.pack(
            ZIP64_RECORD, _ZIP64_RECORD.size - 12, *versions, count, count, size, start
        ) + _ZIP64_LOCATOR.pack(ZIP64_LOCATOR, 0, start + size, 1)
    few = min(count, _SHORT)
    return record + _END.pack(END_RECORD, 0, 0, few, few, min(size, _LONG), min(start, _LONG), 0)
