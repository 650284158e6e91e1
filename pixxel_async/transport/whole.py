"""Whole answers: what is small is taken as it comes, and handed on in one piece.

Rules:
    * An answer that is longer than its bound is refused before it is kept, and where its head tells
      its length, before any of its body is.
    * Bytes beyond a body belong to no request, and a connection that brings some is not kept. The
      end of a line is such bytes, too, though the parser overlooks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from .heads import AnswerParser


class TooLongError(httpx.RemoteProtocolError):
    """The body of an answer is longer than it may be."""

    def __init__(self, most_bytes: int) -> None:
        """Say how long it may be."""
        super().__init__(f"the answer is longer than {most_bytes} bytes")


@dataclass(slots=True)
class WholeAnswer:
    """An answer with its body.

    Attributes:
        status: The HTTP status.
        headers: Names and values, as they came.
        fields: Values by the name in small letters; of a header that came twice, the last.
        body: As it came; it may hold a signed URL.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    fields: dict[bytes, bytes]
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is of the 2xx class (RFC 9110 section 15.3)."""
        return 200 <= self.status < 300  # noqa: PLR2004 - says the RFC


class AnswerReader:
    """Puts the answers of one connection together, one after the other."""

    def __init__(self) -> None:
        """Expect none yet."""
        self._parser = AnswerParser()
        self._most_bytes = 0
        self._count = 0  # bytes that came after the head, framing included
        self._size = 0
        self._pieces: list[bytes] = []

    def begin(self, most_bytes: int) -> None:
        """Expect an answer whose body has no more than so many bytes."""
        self._parser.begin_again()
        self._most_bytes = most_bytes
        self._count = self._size = 0
        self._pieces = []

    @property
    def is_kept(self) -> bool:
        """Whether the connection may carry another request after this answer."""
        parser, head = self._parser, self._parser.head
        if head is None or not head.is_kept or parser.has_more:
            return False
        return head.length is None or self._count == head.length

    @property
    def has_begun(self) -> bool:
        """Whether anything came at all."""
        return self._parser.has_begun

    @property
    def is_within(self) -> str:
        """In which part an answer stands that is not whole."""
        return "head" if self._parser.head is None else "body"

    def feed(self, data: memoryview) -> bool:
        """Take what came, and tell whether the answer is whole.

        Raises:
            TooLongError: Its body is longer than it may be.
            RemoteProtocolError: It is no HTTP/1.1 answer.
        """
        parser = self._parser
        if parser.head is not None:
            self._take(bytes(data))
        elif (rest := parser.feed_head(data)) is not None:
            if parser.head is not None and (parser.head.length or 0) > self._most_bytes:
                raise TooLongError(self._most_bytes)
            if rest:
                self._take(rest)
        return parser.is_whole

    def ends_so(self) -> bool:
        """Tell whether the end of the connection, in good order, is that of the answer."""
        head = self._parser.head
        return head is not None and head.length is None and not head.is_chunked

    def answer(self) -> WholeAnswer:
        """Return the answer that is whole."""
        head = self._parser.head
        if head is None:
            message = "no answer has come"
            raise AssertionError(message)
        body = b"".join(self._pieces)
        self._pieces = []
        return WholeAnswer(head.status, head.headers, head.fields, body)

    def _take(self, data: bytes) -> None:
        self._count += len(data)
        for piece in self._parser.feed_body(data):
            self._size += len(piece)
            if self._size > self._most_bytes:
                self._pieces = []
                raise TooLongError(self._most_bytes)
            self._pieces.append(piece)
