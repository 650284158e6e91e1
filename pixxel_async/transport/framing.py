"""Where the head of an answer ends, and its body, in bytes that come in pieces.

The rules are those of RFC 9112 section 6.3. A body of known length is not copied. Trailers and the
extensions of chunks are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from .channel import CLOSED
from .connection import LostBeforeAnswerError
from .heads import END_OF_HEAD, MAX_HEAD_BYTES, AnswerParser, Head
from .scratch import Scratch


class Framing:
    """The framing of one answer.

    Attributes:
        is_whole: Whether all of the body has come.
        has_more: Whether something came after it.
    """

    def __init__(self) -> None:
        """Expect a head."""
        self.is_whole = False
        self.has_more = False
        self._parser = AnswerParser()
        self._left: int | None = None  # of the body, where its length is known
        self._between = 0  # bytes of framing since the last byte of the body

    @property
    def head(self) -> Head | None:
        """The head of the answer, once it is there."""
        return self._parser.head

    def head_came(self, scratch: Scratch, count: int) -> memoryview | None:
        """Take the first `count` bytes of the scratch memory, of which some may be of a body.

        Returns:
            What follows the head, or None if the head is not whole.

        Raises:
            RemoteProtocolError: It is no HTTP/1.1 head, or too long.
        """
        parser, start = self._parser, 0
        while start < count and parser.head is None:
            end = count
            if not parser.is_within_head:
                at = scratch.buffer.find(END_OF_HEAD, start, count)
                end = count if at < 0 else at + len(END_OF_HEAD)
            rest = parser.feed_head(scratch.plain[start:end])
            start = end - len(rest or b"")
        if parser.head is None:
            return None
        self._left = parser.head.length
        self.is_whole = self._left == 0
        self.has_more = self.is_whole and start < count
        return scratch.plain[start:count]

    def body_came(self, data: memoryview) -> Iterator[memoryview]:
        """Yield what is of the body in bytes that came after the head.

        Raises:
            RemoteProtocolError: It is wrongly framed.
        """
        if self._left is not None:
            piece = data[: self._left]
            self._left -= len(piece)
            self.is_whole = self._left == 0
            self.has_more = len(data) > len(piece)
            yield piece
        elif self.head is not None and self.head.is_chunked:
            pieces = self._parser.feed_body(bytes(data))
            self._between = 0 if pieces else self._between + len(data)
            if self._between > MAX_HEAD_BYTES:
                message = f"the framing of the body is longer than {MAX_HEAD_BYTES} bytes"
                raise httpx.RemoteProtocolError(message)
            self.is_whole, self.has_more = self._parser.is_whole, self._parser.has_more
            yield from (memoryview(piece) for piece in pieces)
        else:
            yield data

    def ended(self) -> bool:
        """Tell whether the end of the connection, in good order, is the end of the body."""
        head = self.head
        self.is_whole = head is not None and head.length is None and not head.is_chunked
        return self.is_whole

    def loss(self, error: OSError | None) -> httpx.TransportError:
        """Return the error to raise if the connection has ended where the answer has not."""
        if not self._parser.has_begun:
            return LostBeforeAnswerError(str(error) if error else CLOSED)
        if error is not None:
            return httpx.ReadError(str(error))
        place = "head" if self.head is None else "body"
        return httpx.RemoteProtocolError(f"the connection was closed within the {place}")
