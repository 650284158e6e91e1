"""A file that computes digests of the bytes written to it."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import time
import zlib
from typing import Protocol

from ..config import Checksum
from .sink import DEFAULT_WRITES, FROM_START, ResumePoint, VerifiedRange, WritePolicy

READ_BYTES = 1024 * 1024
NOTED_S = 0.02
"""How old the recorded state of a file may be while it is written, in seconds."""


class Digest(Protocol):
    """The part of a `hashlib` object that is needed here."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Add bytes."""
        ...

    def digest(self) -> bytes:
        """Return the digest of all bytes so far; `update` may follow."""
        ...


class Crc32:
    """CRC-32 with the methods of a `hashlib` object; big-endian, as storages write it."""

    def __init__(self) -> None:
        """Begin with zero bytes."""
        self._value = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Add bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far."""
        return self._value.to_bytes(4, "big")


def new_digest(algorithm: str) -> Digest:
    """Return an empty digest: `sha256`, `sha1`, `md5` or `crc32`."""
    if algorithm == "crc32":
        return Crc32()
    return hashlib.new(algorithm, usedforsecurity=False)


def new_digests(algorithms: frozenset[str]) -> dict[str, Digest]:
    """Return empty digests; `sha256` is always included."""
    return {name: new_digest(name) for name in algorithms | {"sha256"}}


def initial_digests(algorithms: frozenset[str], write_policy: WritePolicy) -> dict[str, Digest]:
    """Return the digests for a file that is written from its start."""
    return {} if write_policy.checksum is Checksum.NONE else new_digests(algorithms)


def resume_digests(
    file: io.FileIO, held: ResumePoint, write_policy: WritePolicy = DEFAULT_WRITES
) -> tuple[int, dict[str, Digest]]:
    """Verify an open partial by reading it once from its start.

    Returns:
        The number of valid bytes, and their SHA-256, ready for more bytes.
    """
    if write_policy.checksum is Checksum.NONE:
        return (held.synced if os.fstat(file.fileno()).st_size >= held.synced else 0), {}
    synced, digest, size = None, hashlib.sha256(), 0
    file.seek(0)
    for end in sorted({held.synced, max(held.synced, held.written)}):
        while size < end and (data := file.read(min(READ_BYTES, end - size))):
            digest.update(data)
            size += len(data)
        if size == held.synced:
            synced = digest.copy()
        if size == held.written and digest.hexdigest() == held.sha256:
            return size, {"sha256": digest}
    return (0, new_digests(frozenset())) if synced is None else (held.synced, {"sha256": synced})


def digests_of(file: io.FileIO, algorithms: frozenset[str]) -> dict[str, Digest]:
    """Read an open file from its current position, and return its digests."""
    digests = new_digests(algorithms)
    while data := file.read(READ_BYTES):
        for digest in digests.values():
            digest.update(data)
    return digests


def verified_ranges(file: io.FileIO, held: ResumePoint, size: int) -> tuple[VerifiedRange, ...]:
    """Return the ranges beyond `size` whose bytes match their digests."""
    found = []
    for each in held.ranges:
        if not size <= each.begin < each.end:
            continue
        digest, at = hashlib.sha256(), each.begin
        file.seek(at)
        while at < each.end and (data := file.read(min(READ_BYTES, each.end - at))):
            digest.update(data)
            at += len(data)
        if digest.hexdigest() == each.sha256:
            found.append(each)
            size = each.end
    return tuple(found)


class DigestingFile(io.FileIO):
    """An unbuffered file whose `write` writes everything, and updates the digests.

    Both happen in the calling thread: the event loop does no work, and one hop to a thread serves
    both.

    Attributes:
        digests: By algorithm, over all bytes of the file.
        size: Bytes written.
        held: The state to record in the journal, as of a moment ago; empty without a SHA-256. Other
            threads may read it.
        ranges: Verified ranges behind `size`.
    """

    digests: dict[str, Digest]
    size: int
    held: ResumePoint = FROM_START
    ranges: tuple[VerifiedRange, ...] = ()
    _noted_at = float("-inf")

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]  # typeshed names a wider buffer
        """Append all of `data`; after an error, `size` includes the bytes that were written."""
        view = memoryview(data)
        done = 0
        while done < len(view):
            count = super().write(view[done:]) or 0
            for digest in self.digests.values():
                digest.update(view[done : done + count])
            done += count
            self.size += count
        if self.digests and time.monotonic() >= self._noted_at + NOTED_S:
            self.note()
        return done

    def join(self, end: int) -> None:
        """Extend the file and its digests by bytes already on disk; nothing may write meanwhile."""
        while self.size < end:
            data = os.pread(self.fileno(), min(READ_BYTES, end - self.size), self.size)
            if not data:
                raise OSError(errno.EIO, "the partial file became shorter")
            for digest in self.digests.values():
                digest.update(data)
            self.size += len(data)
        self.seek(self.size)
        self.note()

    def note(self) -> None:
        """Update `held`; nothing may write meanwhile."""
        if (sha256 := self.digests.get("sha256")) is not None:
            self.held = ResumePoint(written=self.size, sha256=sha256.digest().hex())
            self._noted_at = time.monotonic()
