"""Contents built of shared pieces: packages of any size in little memory."""

from __future__ import annotations

import hashlib
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import accumulate
from random import Random

PIECE = 1024 * 1024


class Content:
    """A sequence of pieces of at most 1 MiB, which share memory with other contents.

    Attributes:
        size: In bytes.
    """

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Join the pieces."""
        self._pieces = [memoryview(piece) for piece in pieces if len(piece)]
        self._starts = list(accumulate((len(piece) for piece in self._pieces), initial=0))
        self.size = self._starts[-1]

    def __iter__(self) -> Iterator[memoryview]:
        """Yield all bytes, piece by piece."""
        return iter(self._pieces)

    def slice(self, first: int, stop: int) -> Iterator[memoryview]:
        """Yield the bytes from `first` to before `stop`."""
        at = bisect_right(self._starts, first) - 1
        while at < len(self._pieces) and self._starts[at] < stop:
            start = self._starts[at]
            yield self._pieces[at][max(first - start, 0) : stop - start]
            at += 1

    @cached_property
    def crc32(self) -> int:
        """The CRC-32 of all bytes."""
        crc = 0
        for piece in self:
            crc = zlib.crc32(piece, crc)
        return crc

    @cached_property
    def sha256(self) -> bytes:
        """The SHA-256 of all bytes."""
        return self._hash(hashlib.sha256())

    @cached_property
    def md5(self) -> bytes:
        """The MD5 of all bytes."""
        return self._hash(hashlib.md5(usedforsecurity=False))

    def _hash(self, digest: hashlib._Hash) -> bytes:
        for piece in self:
            digest.update(piece)
        return digest.digest()


def reflectance(chance: Random, size: int) -> Iterator[memoryview]:
    """Yield 16-bit samples between 0.005 and 0.61 of 50000, different for each source.

    They are windows into one block of random samples, so any amount takes no memory.
    """
    block = _block()
    at, step = chance.randrange(0, PIECE, 2), chance.randrange(2, PIECE, 2)
    while size > 0:
        length = min(size, PIECE)
        yield block[at : at + length]
        at = (at + step) % PIECE
        size -= length


@lru_cache(maxsize=1)
def _block() -> memoryview:
    samples = bytearray(Random(0).randbytes(2 * PIECE))  # noqa: S311 - pixels, not for secrets
    samples[1::2] = samples[1::2].translate(bytes(1 + value * 118 // 256 for value in range(256)))
    return memoryview(bytes(samples))
