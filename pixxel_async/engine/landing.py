"""Where the body of one answer goes: into a partial, looked at on the way.

Rules:
    * The first bytes have to be those of a ZIP. Fewer than four do not tell: the connection may
      have been cut after them.
    * No byte is written beyond the announced total.
    * With the last byte the structure of the ZIP is looked at, while it is in the cache.
"""

from __future__ import annotations

from ..config import Verify
from ..errors import IntegrityError, NotAZipError
from ..sansio.segments import Segment
from ..sansio.storage_answers import not_a_zip
from ..sinks.base import PartialFile
from ..transport.target import EnoughError

FIRST_BYTES = 512
"""How much of a body is looked at to tell a ZIP from a page of text."""

TELLING_BYTES = 4


class Landing:
    """Takes a body, on a thread with `write`, or on the event loop with `take`.

    Attributes:
        received: Bytes that have come over the wire.
    """

    def __init__(
        self,
        partial: PartialFile,
        total: int | None,
        verify: Verify,
        segment: Segment | None = None,
    ) -> None:
        """Write nothing yet.

        Args:
            partial: The file; nobody else writes to it meanwhile.
            total: The size of the whole file in bytes, or None while unknown.
            verify: How closely it will be looked at when it is whole.
            segment: What of it is wanted, if others bring the rest.
        """
        self.received = 0
        self._partial = partial
        self._total = total
        self._verify = verify
        self._segment = segment
        self._start = b"" if partial.size == 0 else None

    def write(self, data: memoryview) -> None:
        """Write bytes on the calling thread, which may be blocked by the disk.

        Raises:
            IntegrityError: What comes is no ZIP, or more than was announced.
            EnoughError: Its segment ends, since somebody else brings what follows.
            SinkError: The disk refused.
        """
        check = self._check(data)
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
        """Write bytes on a thread of the sink; a cancelled call is waited for.

        Raises:
            IntegrityError: What comes is no ZIP, or more than was announced.
            SinkError: The disk refused.
        """
        check = self._check(data)
        await self._partial.write(data, check=check)

    def _check(self, data: memoryview) -> Verify | None:
        """Look at bytes before they are written; return what to look at afterwards."""
        self.received += len(data)
        if self._start is not None:
            self._look_at_start(self._start + bytes(data[:FIRST_BYTES]))
        if self._total is None:
            return None
        size = self._partial.size + len(data)
        if size > self._total:
            message = f"more than the announced {self._total} bytes came"
            raise IntegrityError(message)
        return self._verify if size == self._total else None

    def _look_at_start(self, start: bytes) -> None:
        if len(start) < TELLING_BYTES:
            self._start = start
            return
        self._start = None
        if reason := not_a_zip(start):
            raise NotAZipError(reason)
