"""Which bytes of a ZIP to read to know its members, without reading the rest.

Rules:
    * The first read is the last `FIRST_BYTES`: directory and end record of most packages. If more
      is needed, a second read gets it; a ZIP with a long comment takes a third.
    * Some storages serve no range from the end: there the first byte is read for the size.
    * The directory is held to the rules of `zip_structure`. Local headers are compared when
      members are fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import ArchiveError
from ...members import Member as PublicMember
from . import zip_structure
from .zip_structure import LOCAL_HEADER, TAIL_BYTES, Directory, Member

FIRST_BYTES = 4096
"""A directory of thirty members with names of usual length."""

_ENCRYPTED = 0x1 | 0x40
_UTF8 = 0x800


@dataclass(frozen=True, slots=True)
class Listing:
    """The members of an archive.

    Attributes:
        members: In the order of the directory.
        directory: Where that is.
        total: The size of the archive, in bytes.
    """

    members: Sequence[Member]
    directory: Directory
    total: int


class DirectorySearch:
    """Finds the central directory of an archive, read by read.

    Attributes:
        listing: What was found, or None before that.
        total: The size of the archive, or None before the first read.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self.listing: Listing | None = None
        self.total: int | None = None
        self._wanted: tuple[int, int] | None = None
        self._tail = b""

    @property
    def wanted(self) -> tuple[int, int] | None:
        """The bytes to read next, as their first and the one after the last; None for the end.

        None stands for the last `FIRST_BYTES` of an archive of unknown size.
        """
        return self._wanted

    def without_suffix(self) -> None:
        """Read on from the start: the storage serves no range from the end."""
        self._wanted = 0, 1

    def received(self, first: int, data: bytes, total: int) -> None:
        """Take the bytes that were wanted.

        Args:
            first: Where they begin in the archive.
            data: The bytes.
            total: The size of the archive.

        Raises:
            ArchiveError: It is no ZIP that every reader reads alike.
        """
        self.total = total
        end = first + len(data)
        if end == total - len(self._tail):
            self._tail = data + self._tail
        else:  # it was read for the size alone
            self._wanted = max(0, total - FIRST_BYTES), total
            return
        self._read(total - len(self._tail))

    def _read(self, start: int) -> None:
        """Read the directory, if the bytes from `start` on hold it."""
        total = start + len(self._tail)
        head = self._tail[:4] if start == 0 else LOCAL_HEADER
        longest = max(0, total - TAIL_BYTES)
        try:
            directory = zip_structure.find_directory(head, self._tail[-TAIL_BYTES:], total)
        except ArchiveError:
            if start <= longest:
                raise
            self._wanted = longest, start
            return
        if directory.start < start:
            self._wanted = directory.start, start
            return
        at = directory.start - start
        data = self._tail[at : at + directory.size]
        self.listing = Listing(zip_structure.members_of(data, directory), directory, total)


def name_of(member: Member) -> str:
    """Return the name of a member (section 4.4.4 and appendix D).

    Raises:
        ArchiveError: It says to be UTF-8, and is not.
    """
    try:
        return member.name.decode("utf-8" if member.flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        message = "the name of a member is not the UTF-8 that it says to be"
    raise ArchiveError(message)


def public_members(listing: Listing) -> list[PublicMember]:
    """Return the members for users."""
    return [
        PublicMember(
            name=name_of(member),
            size=member.size,
            packed_size=member.packed_size,
            crc32=member.crc,
            offset=member.offset,
            method=member.method,
            is_encrypted=bool(member.flags & _ENCRYPTED),
        )
        for member in listing.members
    ]
