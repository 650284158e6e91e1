"""Which files of an archive are written where, or why none of them are.

Rules:
    * An archive is extracted whole or not at all: what one entry shows of its maker's intentions
      holds for the others.
    * A path stays below its folder: no `..`, no absolute path, no drive, no backslash, no control
      character, nothing that Windows reserves or cuts off.
    * Only files and folders: no link, no device.
    * No two entries have one path, also where file systems fold case or Unicode forms, and no file
      stands where another one needs a folder.
    * No two entries share bytes of the archive (the bombs of D. Fifield, "A better zip bomb",
      WOOT 2019, do), and together they are not many times larger than it.
"""

from __future__ import annotations

import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import ArchiveError
from ..redact import printable
from .filenames import is_reserved

MAX_ENTRIES = 100_000
"""A package has some files for each image; more would take a file system a long time.

Holds for entries, and for all that they make: an entry names up to `MAX_PARTS - 1` folders.
"""

MAX_DIRECTORY_BYTES = 32 * 1024**2
"""That many entries with names of usual length; a longer directory is not read into memory."""

MAX_PARTS = 32
MAX_PART_BYTES = 255
"""What file systems take."""
MAX_PATH_BYTES = 1024
"""What macOS takes; Linux takes more."""

MAX_RATIO = 200
"""Compressed imagery comes to a few times its size, empty rasters to a hundred."""
SMALL_BYTES = 1024**3
"""Below this the ratio does not matter: no disk is filled by it."""

METHODS = frozenset({0, 8})
"""Stored and deflate (APPNOTE.TXT 6.3.10, section 4.4.5).

Of bzip2, LZMA and Zstandard, `zipfile` unpacks all that a piece of the archive holds at once: of
some hundred bytes, gigabytes of memory.
"""

_ENCRYPTED = 0x1 | 0x40
_PATCH = 0x20
_HEADER_BYTES = 30
_SHOWN_CHARS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the central directory.

    Attributes:
        name: As it stands there.
        size: Bytes that it says to have.
        packed_size: Bytes that it takes in the archive.
        offset: Where its local header is.
        flags: Its general purpose bits.
        method: How it is compressed.
        mode: The Unix mode, or zero where its maker had none.
    """

    name: str
    size: int
    packed_size: int
    offset: int
    flags: int
    method: int
    mode: int

    @property
    def is_folder(self) -> bool:
        """Whether it stands for a folder, which its name says."""
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is written.

    Attributes:
        paths: For each entry the parts of its path, in the order of the entries.
        total_bytes: The sizes of all files.
    """

    paths: tuple[tuple[str, ...], ...]
    total_bytes: int


def plan(entries: Sequence[Entry], *, archive_bytes: int) -> Plan:
    """Decide what is written.

    Args:
        entries: In the order of the central directory.
        archive_bytes: Where that begins: the local headers and data lie before it.

    Raises:
        ArchiveError: Nothing is; the message names the entry and the reason.
    """
    if len(entries) > MAX_ENTRIES:
        message = f"it has {len(entries)} entries, and {MAX_ENTRIES} are the most"
        raise ArchiveError(message)
    for entry in entries:
        _check_kind(entry)
    paths = tuple(_parts(entry) for entry in entries)
    _check_distinct(entries, paths)
    _check_overlaps(entries, archive_bytes)
    total = sum(entry.size for entry in entries)
    if total > max(SMALL_BYTES, MAX_RATIO * archive_bytes):
        message = (
            f"its files are {total} bytes large, which is more than {MAX_RATIO} times the archive"
        )
        raise ArchiveError(message)
    return Plan(paths=paths, total_bytes=total)


def _check_kind(entry: Entry) -> None:
    if entry.flags & _ENCRYPTED:
        raise _refused(entry, "is encrypted")
    if entry.flags & _PATCH:
        raise _refused(entry, "is a patch for another file")
    if entry.method not in METHODS:
        raise _refused(entry, f"is compressed by method {entry.method}, which is not extracted")
    if entry.is_folder and entry.size:
        raise _refused(entry, "is a folder and has bytes")
    kind = stat.S_IFMT(entry.mode)
    wanted = stat.S_IFDIR if entry.is_folder else stat.S_IFREG
    if kind not in {0, wanted}:
        is_link = kind == stat.S_IFLNK
        raise _refused(entry, "is a symbolic link" if is_link else "is no plain file or folder")


def _parts(entry: Entry) -> tuple[str, ...]:
    path = entry.name.removesuffix("/")
    parts = tuple(path.split("/"))
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in path):
        raise _refused(entry, "has a control character in its name")
    if "\\" in path or ":" in path:
        raise _refused(entry, "has a backslash or a colon in its name")
    if any(part in {"", ".", ".."} for part in parts):
        raise _refused(entry, "has a path that leaves its folder, or has an empty part")
    if any(part.endswith((".", " ")) for part in parts):
        raise _refused(entry, "has a name that ends with a dot or a space")
    if any(is_reserved(part) for part in parts):
        raise _refused(entry, "has a name that Windows reserves")
    is_long = len(path.encode()) > MAX_PATH_BYTES or len(parts) > MAX_PARTS
    if is_long or any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        raise _refused(entry, "has a path that is too long or too deep")
    return parts


def _check_distinct(entries: Sequence[Entry], paths: Sequence[tuple[str, ...]]) -> None:
    files: set[tuple[str, ...]] = set()
    folders: set[tuple[str, ...]] = set()
    for entry, path in zip(entries, paths, strict=True):
        folded = tuple(_folded(part) for part in path)
        if folded in files or (not entry.is_folder and folded in folders):
            raise _refused(entry, "has the path of another entry")
        above = {folded[:depth] for depth in range(1, len(folded))}
        if above & files:
            raise _refused(entry, "stands below another entry, which is a file")
        folders |= above
        (folders if entry.is_folder else files).add(folded)
        if len(files) + len(folders) > MAX_ENTRIES:
            message = f"it makes more than {MAX_ENTRIES} files and folders"
            raise ArchiveError(message)


def _folded(part: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", part).casefold())


def _check_overlaps(entries: Sequence[Entry], archive_bytes: int) -> None:
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.offset < end:
            raise _refused(entry, "shares bytes of the archive with another entry")
        end = entry.offset + _HEADER_BYTES + len(entry.name) + entry.packed_size
    if end > archive_bytes:
        message = "its last entry extends beyond the data of the archive"
        raise ArchiveError(message)


def _refused(entry: Entry, reason: str) -> ArchiveError:
    name = printable(entry.name)
    shown = name if len(name) <= _SHOWN_CHARS else name[: _SHOWN_CHARS - 1] + "…"
    return ArchiveError(f'its entry "{shown}" {reason}')
