"""ZIPs that readers read differently, or that hold nothing; and good ones of several makers."""

from __future__ import annotations

import dataclasses
import io
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"


@dataclass(frozen=True)
class Part:
    """A member as both of its headers describe it."""

    name: bytes = b"a.tif"
    data: bytes = b"the image " * 50
    method: int = 8
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    extra: bytes = b""
    descriptor: bytes = b""
    offset: int | None = None
    disk: int = 0
    comment: bytes = b""

    @property
    def packed(self) -> bytes:
        if self.method == 0:
            return self.data
        packer = zlib.compressobj(wbits=-15)
        return packer.compress(self.data) + packer.flush()

    @property
    def numbers(self) -> tuple[int, int, int]:
        return (
            zlib.crc32(self.data) if self.crc is None else self.crc,
            len(self.packed) if self.packed_size is None else self.packed_size,
            len(self.data) if self.size is None else self.size,
        )

    def local(self) -> bytes:
        lengths = len(self.name), len(self.extra)
        fields = (20, self.flags, self.method, 0, 33, *self.numbers, *lengths)
        return struct.pack("<4s5H3L2H", LOCAL, *fields) + self.name + self.extra

    def central(self, offset: int) -> bytes:
        lengths = len(self.name), len(self.extra), len(self.comment)
        at = offset if self.offset is None else self.offset
        fields = (20, 20, self.flags, self.method, 0, 33, *self.numbers, *lengths, self.disk)
        packed = struct.pack("<4s6H3L5H2L", CENTRAL, *fields, 0, 0, at)
        return packed + self.name + self.extra + self.comment


def unicode_path(name: bytes, other: bytes) -> bytes:
    """Return the extra field that gives a member another name."""
    return struct.pack("<2HBL", 0x7075, 5 + len(other), 1, zlib.crc32(name)) + other


def end(members: int, size: int, start: int, comment: bytes = b"", **changed: int) -> bytes:
    """Return an end record."""
    fields = {"disk": 0, "directory_disk": 0, "count_here": members, "count": members}
    values = (fields | changed).values()
    return struct.pack("<4s4H2LH", END, *values, size, start, len(comment)) + comment


def archive(
    *parts: Part,
    local: dict[str, Any] | None = None,
    gap: bytes = b"",
    comment: bytes = b"",
    before_end: bytes = b"",
    **changed: int,
) -> bytes:
    """Return an archive.

    Args:
        parts: What the central directory lists.
        local: What the local header of the first of them says differently.
        gap: What lies between the last member and the central directory.
        comment: The archive's comment.
        before_end: What lies between the central directory and the end record.
        changed: What the end record says differently.
    """
    members, directory = b"", b""
    for part in parts:
        directory += part.central(len(members))
        head = dataclasses.replace(part, **(local or {}) if part is parts[0] else {})
        members += head.local() + part.packed + part.descriptor
    members += gap
    tail = end(len(parts), len(directory), len(members), comment, **changed)
    return members + directory + before_end + tail


A, B = Part(), Part(b"b.json", b'{"b": 1}' * 9, method=0)
LARGE = Part(b"c.bin", bytes(200_000), method=0)
GOOD = archive(A, B)


def with_comment(make: Callable[[int], bytes]) -> bytes:
    """Return an archive whose comment is made for the place where it begins."""
    return archive(A, B, comment=make(len(GOOD)))


def directory_in_comment(at: int) -> bytes:
    """Return a directory that lists the first member alone, and an end record for it."""
    listed = A.central(0)
    return listed + end(1, len(listed), at)


def two_that_fit() -> bytes:
    """Return an archive with another one in its member, whose comment reaches the end of both."""
    at = 30 + len(name := b"n.zip")
    members, listed = A.local() + A.packed, A.central(at)

    def outer(comment_bytes: int) -> bytes:
        inner_end = end(1, len(listed), at + len(members))[:-2] + struct.pack("<H", comment_bytes)
        return archive(Part(name, members + listed + inner_end, method=0))

    return outer(len(outer(0)) - at - len(members) - len(listed) - 22)


def hidden_before() -> bytes:
    """Return an archive whose first member is not listed."""
    hidden, members = B.local() + B.packed, A.local() + A.packed
    listed = A.central(len(hidden))
    return hidden + members + listed + end(1, len(listed), len(hidden + members))


def listed_twice() -> bytes:
    """Return an archive of one member whose directory has two."""
    members, listed = A.local() + A.packed, A.central(0) * 2
    return members + listed + end(2, len(listed), len(members))


def appended() -> bytes:
    """Return an archive behind which another one stands, which knows where it stands."""
    members = GOOD + B.local() + B.packed
    listed = B.central(len(GOOD))
    return members + listed + end(1, len(listed), len(members))


def zip64(*, fake: bool, **changed: int) -> bytes:
    """Return an archive with ZIP64 records.

    Args:
        fake: Whether they are the comment of the last header, and the end record ignores them.
        changed: What the ZIP64 end record or its locator says differently.
    """
    listed = A.central(0)
    members = A.local() + A.packed
    at = len(members) + len(listed)
    said: dict[str, int] = {
        "record_size": 44, "disk": 0, "directory_disk": 0, "here": 1, "count": 1,
        "size": len(listed), "start": len(members), "locator_disk": 0, "at": at, "disks": 1,
    } | changed  # fmt: skip
    values = list(said.values())
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", values[0], 45, 45, *values[1:7])
    locator = struct.pack("<4sLQL", b"PK\6\7", *values[7:])
    if not fake:
        short = end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        return members + listed + record + locator + short
    listed = dataclasses.replace(A, comment=record + locator).central(0)
    return members + listed + end(1, len(listed), len(members))


EMPTY = {
    "nothing but an end record": end(0, 0, 0),
    "an end record with a comment": end(0, 0, 0, b"nothing to see"),
    "folders alone": archive(Part(b"d/", b"", 0), Part(b"d/e/", b"", 0)),
    "a member that is not listed": A.local() + A.packed + end(0, 0, len(A.local() + A.packed)),
    "ZIP64 records and no member": (
        struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 0, 0, 0, 0)
        + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
        + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    ),
}
"""Archives that hold no file."""

AMBIGUOUS = {
    "a comment with an empty archive": with_comment(lambda at: end(0, 0, at)),
    "a comment with an empty archive at 0": with_comment(lambda _: end(0, 0, 0)),
    "a comment with a directory of its own": with_comment(directory_in_comment),
    "a comment with an end record and more": with_comment(lambda at: end(0, 0, at) + b" etc."),
    "a comment with an end record whose comment is longer": with_comment(
        lambda at: end(0, 0, at)[:-2] + b"\x99\0"
    ),
    "a comment that is longer than it says": GOOD + b"more",
    "a comment that is shorter than it says": GOOD[:-2] + b"\x09\0" + b"short",
    "two end records that fit": two_that_fit(),
    "two archives, one behind the other": GOOD + archive(B),
    "two archives, the second with shifted offsets": appended(),
    "a stub before the first header": b"#!/bin/sh\n" + GOOD,
    "bytes between directory and end record": archive(A, before_end=b"????"),
    "a directory that begins elsewhere": archive(A, gap=b"?")[:-6] + struct.pack("<LH", 9, 0),
    "bytes between members and directory": archive(A, gap=b"?"),
    "a member that is not listed, before the others": hidden_before(),
    "a member that is not listed, behind the others": archive(A, gap=B.local() + B.packed),
    "a large member that is not listed": archive(A, gap=LARGE.local() + LARGE.packed),
    "a member that is listed twice": listed_twice(),
    "two members of one name": archive(A, dataclasses.replace(B, name=A.name)),
    "a name with a NUL": archive(Part(b"a.tif\0.txt")),
    "a Unicode path that is another name": archive(
        dataclasses.replace(A, extra=unicode_path(A.name, b"b.tif"))
    ),
    "a Unicode path in the local header alone": archive(
        A, local={"extra": unicode_path(A.name, b"b.tif")}
    ),
    "fewer members than counted": archive(A, count_here=2, count=2),
    "more members than counted": archive(A, B, count_here=1, count=1),
    "counts that differ": archive(A, B, count_here=1),
    "a part of several": archive(A, disk=1),
    "a directory on another disk": archive(A, directory_disk=1),
    "a member on another disk": archive(dataclasses.replace(A, disk=3)),
    "another name in the local header": archive(A, local={"name": b"b.tif"}),
    "a longer name in the local header": archive(A, local={"name": b"a.tiff"}),
    "another size in the local header": archive(A, local={"size": 9}),
    "another packed size in the local header": archive(A, local={"packed_size": 9}),
    "another method in the local header": archive(A, local={"method": 0, "packed_size": 3}),
    "another CRC-32 in the local header": archive(A, local={"crc": 9}),
    "encrypted in the local header alone": archive(A, local={"flags": 1}),
    "a name in UTF-8 in the local header alone": archive(A, local={"flags": 0x800}),
    "no local header": archive(dataclasses.replace(A, offset=1), B),
    "a local header with another signature": GOOD.replace(
        LOCAL + B.local()[4:], b"PK\3\5" + B.local()[4:]
    ),
    "no local header at all": b"PK\3\4" + bytes(60) + A.central(0) + end(1, len(A.central(0)), 64),
    "a data descriptor that is missing": archive(dataclasses.replace(A, flags=8)),
    "a data descriptor that differs": archive(
        dataclasses.replace(A, flags=8, descriptor=b"PK\7\x08" + struct.pack("<3L", 1, 2, 3))
    ),
    "a local size that differs although a data descriptor follows": archive(
        dataclasses.replace(A, flags=8, descriptor=struct.pack("<3L", *A.numbers)),
        local={"size": 7},
    ),
    "ZIP64 records in the comment of a member": zip64(fake=True),
    "a ZIP64 record with another count": zip64(fake=False, count=2),
    "a ZIP64 record with another start": zip64(fake=False, start=0),
    "a ZIP64 record on another disk": zip64(fake=False, disk=1),
    "a ZIP64 record of another size": zip64(fake=False, record_size=60),
    "a ZIP64 locator that leads elsewhere": zip64(fake=False, at=3),
    "a ZIP64 locator of several disks": zip64(fake=False, disks=2),
    "a ZIP64 locator on another disk": zip64(fake=False, locator_disk=1),
    "a ZIP64 record that is not there": zip64(fake=False).replace(b"PK\6\6", b"PK\6\x05"),
    "an end record that contradicts ZIP64": zip64(fake=False)[:-12]
    + struct.pack("<H2LH", 2, 0xFFFFFFFF, 0xFFFFFFFF, 0),
    "sizes for ZIP64 without a locator": archive(A)[:-10] + struct.pack("<2LH", 0xFFFFFFFF, 0, 0),
}
"""Archives that can be read in two ways, or that some readers refuse."""


def written(
    files: dict[str, bytes], *, is_seekable: bool = True, force_zip64: bool = False
) -> bytes:
    """Let `zipfile` write an archive."""

    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return is_seekable

        def tell(self) -> int:
            if is_seekable:
                return super().tell()
            raise OSError

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            with target.open(name, "w", force_zip64=force_zip64) as member:
                member.write(data)
    return stream.getvalue()


def made_by(command: list[str], folder: Path) -> bytes:
    """Let a program pack a folder, into `../made.zip` or to its standard output."""
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 - ours
    path = folder.parent / "made.zip"
    return path.read_bytes() if path.exists() else done.stdout
