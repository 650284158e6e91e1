"""What the fetcher needs of a place to save files in."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..config import Verify


class PartialFile(Protocol):
    """A file on its way, not yet under its final name.

    Only one task uses it at a time. A cancelled call leaves it whole up to `size`.
    """

    @property
    def size(self) -> int:
        """Bytes that have been written."""
        ...

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append all of `data`, and take it into the digests.

        Raises:
            SinkError: It could not be written; `size` may lie within `data`.
        """
        ...

    async def restart(self, algorithms: frozenset[str]) -> None:
        """Empty the file, and compute these digests from now on (`sha256` always)."""
        ...

    async def sync(self) -> int:
        """Bring what is written to the disk, and return how much that is."""
        ...

    async def digests(self, algorithms: frozenset[str]) -> dict[str, bytes]:
        """Return digests of the whole file; what was not computed on the way is read again."""
        ...

    async def problem(self, verify: Verify) -> str | None:
        """Tell why the file is no whole ZIP, or return None."""
        ...

    async def commit(self) -> Path:
        """Sync, close, and give the file its final name.

        Raises:
            SinkError: The name is taken, or the disk refused; the partial stays.
        """
        ...

    async def discard(self) -> None:
        """Close and remove the file."""
        ...

    async def aclose(self) -> None:
        """Close the file and keep what is written; may be called twice."""
        ...


class Sink(Protocol):
    """A place to save files in."""

    def path(self, name: str) -> Path:
        """Return where a final name leads to."""
        ...

    async def size(self, name: str) -> int | None:
        """Return the size of the file under a final name, or None if there is none."""
        ...

    async def open(self, name: str, *, keep: int) -> PartialFile:
        """Open the partial of a final name.

        Args:
            name: The final name.
            keep: How many bytes of an earlier partial are surely right; the rest is cut off. If
                the partial is shorter than this, nothing of it is kept.

        Raises:
            SinkError: The folder or the file cannot be written.
        """
        ...

    async def set_aside(self, name: str) -> Path:
        """Give a file that was changed since it was saved another name, and return that."""
        ...

    async def digest(self, name: str) -> str:
        """Return the SHA-256 of the file under a final name, in hexadecimal."""
        ...

    async def aclose(self) -> None:
        """Wait for running disk work and free the threads; may be called twice."""
        ...
