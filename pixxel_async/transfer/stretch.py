"""A stretch of a package that is written behind a gap, with a digest of its own."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict

import anyio.to_thread
from pydantic import TypeAdapter, ValidationError

from ..destinations.digests import NOTED_S
from ..destinations.sink import PartialFile, VerifiedRange
from ..http.storage_response import EnoughError
from ..sansio.storage.range_requests import Part
from ..sansio.storage.segments import Segment


def text_of(stretches: Sequence[VerifiedRange]) -> str:
    """Return stretches as they stand in the journal."""
    return json.dumps([asdict(each) for each in stretches]) if stretches else ""


def stretches_of(text: str) -> tuple[VerifiedRange, ...]:
    """Read what `text_of` wrote; whatever else it is vouches for nothing."""
    try:
        return tuple(_STRETCHES.validate_json(text)) if text else ()
    except ValidationError:
        return ()


_STRETCHES = TypeAdapter(list[VerifiedRange])


class RangeWriter:
    """Takes the bytes of one segment, on the thread that receives them.

    Attributes:
        received: Bytes that have come over the wire.
        noted: What is there of it, as it was a moment ago; other threads may read it.
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
        """Expect a part that may begin before the segment, and end before or behind it."""
        self._skip = self._segment.at - part.first
        self._end = part.end

    @property
    def is_as_announced(self) -> bool:
        """Whether all of the part has come."""
        return self._segment.at >= self._end

    def write(self, data: memoryview) -> None:
        """Write what is of the segment.

        Raises:
            EnoughError: The segment ends, since somebody else brings what follows.
            SinkError: The disk refused.
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
        """Write on another thread; otherwise like `write`."""
        await anyio.to_thread.run_sync(self.write, data)

    def note(self) -> None:
        """Bring `noted` up to date; nobody may write meanwhile."""
        segment = self._segment
        self.noted = VerifiedRange(segment.begin, segment.at, self._digest.hexdigest())
        self._noted_at = time.monotonic()
