"""Writes the body of a response to a partial, and checks it meanwhile.

Rules:
    * The first bytes must be those of a ZIP. Fewer than four decide nothing: the connection may
      have broken after them.
    * No byte is written beyond the announced total, or beyond the announced part.
    * Bytes at the start of a part that the file already holds are not written again.
    * Without an announced total, the free space is checked before each write.
    * With the last byte, the structure of the ZIP is checked while it is in the cache.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Protocol

import anyio.to_thread
from pydantic import TypeAdapter, ValidationError

from ..config import Verify
from ..destinations.digests import NOTED_S
from ..destinations.sink import PartialFile, VerifiedRange
from ..errors import IntegrityError, NotAZipError
from ..http.storage_response import EnoughError
from ..sansio.storage.error_codes import not_a_zip
from ..sansio.storage.range_requests import Part
from ..sansio.storage.segments import Segment
from .errors import OutgrownError


def ranges_to_json(ranges: Sequence[VerifiedRange]) -> str:
    """Return ranges in the form of the journal."""
    return json.dumps([asdict(each) for each in ranges]) if ranges else ""


def ranges_from_json(text: str) -> tuple[VerifiedRange, ...]:
    """Read the output of `ranges_to_json`; any other text gives no ranges."""
    try:
        return tuple(_RANGES.validate_json(text)) if text else ()
    except ValidationError:
        return ()


_RANGES = TypeAdapter(list[VerifiedRange])


class RangeWriter:
    """Writes the bytes of one segment, on the thread that receives them.

    Attributes:
        received: Bytes received over the network.
        noted: The range as of a moment ago; other threads may read it.
    """

    def __init__(self, partial: PartialFile, segment: Segment) -> None:
        """Write nothing yet."""
        self.received = 0
        self.noted: VerifiedRange | None = None
        self._partial = partial
        self._segment = segment
        self._skip = 0
        self._end = segment.end
        self._digest = hashlib.sha256()
        self._noted_at = float("-inf")

    def expect(self, part: Part) -> None:
        """Expect a part that may begin before the segment, and end before or after its end."""
        self._skip = self._segment.at - part.first
        self._end = part.end

    @property
    def is_as_announced(self) -> bool:
        """Whether the whole part has arrived."""
        return self._segment.at >= self._end

    def write(self, data: memoryview) -> None:
        """Write the bytes that belong to the segment.

        Raises:
            EnoughError: The segment is complete; another transfer fetches what follows.
            SinkError: The write failed.
        """
        segment = self._segment
        self.received += len(data)
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        data = data[skipped:]
        piece = data[: max(0, min(segment.end, self._end) - segment.at)]
        self._partial.write_at(piece, segment.at)
        self._digest.update(piece)
        segment.at += len(piece)
        if time.monotonic() >= self._noted_at + NOTED_S:
            self.note()
        if len(piece) < len(data):
            raise EnoughError

    async def take(self, data: memoryview) -> None:
        """Do the same on another thread."""
        await anyio.to_thread.run_sync(self.write, data)

    def note(self) -> None:
        """Update `noted`; nothing may write meanwhile."""
        segment = self._segment
        self.noted = VerifiedRange(segment.begin, segment.at, self._digest.hexdigest())
        self._noted_at = time.monotonic()


MIN_ZIP_BYTES = 22
FIRST_BYTES = 512
"""How many bytes of a body are checked to tell a ZIP from a page of text."""

SIGNATURE_BYTES = 4


class FreeSpace(Protocol):
    """The disk space for a body of unknown size."""

    async def leaves(self, key: str, count: int) -> bool:
        """Return whether there is room for `count` more bytes of a package."""
        ...

    def leaves_now(self, key: str, count: int) -> bool:
        """Do the same on the calling thread; blocks."""
        ...


class PartialWriter:
    """Writes a body, on a thread with `write`, or on the event loop with `take`.

    Attributes:
        received: Bytes received over the network.
    """

    def __init__(  # noqa: PLR0913 - what is known of the body
        self,
        partial: PartialFile,
        total: int | None,
        verify: Verify,
        segment: Segment | None = None,
        *,
        room: FreeSpace,
        key: str = "",
        skip: int = 0,
        end: int | None = None,
    ) -> None:
        """Write nothing yet.

        Args:
            partial: The file; nothing else may write to it meanwhile.
            total: The size of the whole file in bytes, or None while unknown.
            verify: How closely the complete file will be checked.
            segment: The wanted part, if other transfers fetch the rest.
            room: Asked about `key` before each write if the total is unknown.
            key: The package.
            skip: Bytes at the start of the body that the file already holds.
            end: The byte of the file at which the body ends, or None if that is the total.
        """
        self.received = 0
        self._partial = partial
        self._total = total
        self._verify = verify
        self._segment = segment
        self._skip = skip
        self._end = total if end is None else end
        self._room = room
        self._key = key
        self._start = b"" if partial.size == 0 else None

    def write(self, data: memoryview) -> None:
        """Write bytes on the calling thread; may block on the disk.

        Raises:
            IntegrityError: The body is not a ZIP, or is longer than announced.
            EnoughError: The segment is complete; another transfer fetches what follows.
            OutgrownError: The disk has no room for a body of unknown size.
            SinkError: The write failed.
        """
        data = self._new_bytes(data)
        if not data:
            return
        check = self._check(data)
        if self._total is None and not self._room.leaves_now(self._key, len(data)):
            raise OutgrownError
        segment = self._segment
        if segment is None:
            self._partial.write_now(data, check=check)
            return
        piece = data[: segment.left]
        self._partial.write_now(piece, check=check)
        segment.at += len(piece)
        if len(piece) < len(data):
            raise EnoughError

    async def take(self, data: memoryview) -> None:
        """Write bytes on a thread of the sink; a cancelled call waits for the write."""
        data = self._new_bytes(data)
        if not data:
            return
        check = self._check(data)
        if self._total is None and not await self._room.leaves(self._key, len(data)):
            raise OutgrownError
        segment = self._segment
        piece = data if segment is None else data[: segment.left]
        await self._partial.write(piece, check=check)
        if segment is not None:
            segment.at += len(piece)
            if len(piece) < len(data):
                raise EnoughError

    def _new_bytes(self, data: memoryview) -> memoryview:
        """Count received bytes, and return those that the file does not hold yet."""
        self.received += len(data)
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        return data[skipped:]

    def _check(self, data: memoryview) -> Verify | None:
        """Check bytes before they are written; return what to check afterwards."""
        if self._start is not None:
            self._check_start(self._start + bytes(data[:FIRST_BYTES]))
        if self._end is None:
            return None
        size = self._partial.size + len(data)
        if size > self._end:
            message = f"the body did not end at the announced byte {self._end}"
            raise IntegrityError(message)
        return self._verify if size == self._total else None

    def _check_start(self, start: bytes) -> None:
        if len(start) < SIGNATURE_BYTES:
            self._start = start
            return
        self._start = None
        problem = not_a_zip(start)
        if problem is None and self._total is not None and self._total < MIN_ZIP_BYTES:
            problem = (
                f"the body has {self._total} bytes, too few for a ZIP"  # closes the connection
            )
        failure = None if problem is None else NotAZipError(problem)
        del start, problem  # they may hold a secret, and some tools print local variables
        if failure is not None:
            raise failure
