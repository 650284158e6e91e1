"""The downloaded files: stored ZIPs of random bytes, in memory if the system allows that.

The ZIPs are valid, so clients that verify them accept them.
"""

from __future__ import annotations

import os
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB
POOL_BYTES = 16 * MIB
MEMBER = "data.bin"
ZIP_RECORDS = 30 + 46 + 22 + 2 * len(MEMBER)
"""The overhead of a ZIP with one stored member (APPNOTE.TXT 4.3)."""

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - benchmarks make a folder of their own in it


@dataclass(frozen=True)
class FileSet:
    """Files of one size.

    Attributes:
        name: In options and results.
        count: How many files.
        file_bytes: The size of each.
    """

    name: str
    count: int
    file_bytes: int

    @property
    def gib(self) -> float:
        """The total size."""
        return self.count * self.file_bytes / 1024**3

    def names(self) -> list[str]:
        """Return the names of the files."""
        return [f"{number:04}.zip" for number in range(self.count)]

    def make(self, folder: Path) -> None:
        """Write the files into a folder of the set's name."""
        pool = os.urandom(POOL_BYTES)
        chance = random.Random(self.name)  # noqa: S311 - where a slice begins is no secret
        place = folder / self.name
        place.mkdir()
        for name in self.names():
            with (
                zipfile.ZipFile(place / name, "w") as archive,
                archive.open(MEMBER, "w") as member,
            ):
                for piece in pieces(pool, chance, self.file_bytes - ZIP_RECORDS):
                    member.write(piece)


def pieces(pool: bytes, chance: random.Random, size: int) -> Iterator[memoryview]:
    """Yield `size` bytes as random slices of the pool: no two files are equal."""
    view = memoryview(pool)
    while size:
        begin = chance.randrange(POOL_BYTES // 2)
        piece = view[begin : begin + min(size, POOL_BYTES // 2)]
        size -= len(piece)
        yield piece


SETS = {
    files.name: files
    for files in (
        FileSet("4mib", 200, 4 * MIB),
        FileSet("256mib", 8, 256 * MIB),
        FileSet("64kib", 3000, 64 * KIB),
    )
}


def memory_folder() -> Path | None:
    """Return a folder in memory, or None if none is known."""
    return SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
