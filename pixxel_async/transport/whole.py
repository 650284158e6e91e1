"""Whole answers: what is small is taken as it comes, and handed on in one piece.

Rules:
    * An answer that is longer than its bound is refused before it is kept, and where its head tells
      its length, before any of its body is.
    * Content codings are undone as the bytes come: what counts against the bound is the decoded
      body (`sansio.bodies`).
    * Framing is bounded, too: trailers and the extensions of chunks are no way around the bound.
    * Bytes beyond a body belong to no request, and a connection that brings some is not kept. The
      end of a line is such bytes, too, though the parser overlooks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from ..sansio.bodies import BodyTooLongError, BoundedBody, ContentCodingError
from .heads import MAX_HEAD_BYTES, AnswerParser, RawHeaders


class TooLongError(httpx.RemoteProtocolError):
    """The body of an answer is longer than it may be."""

    def __init__(self, most_bytes: int) -> None:
        """Say how long it may be."""
        super().__init__(f"the answer is longer than {most_bytes} bytes")


def body_of(status: int, headers: RawHeaders, most_bytes: int) -> BoundedBody:
    """Return what decodes the body of an answer.

    Raises:
        DecodingError: It has a content coding that is not accepted.
    """
    codings = [
        value.decode("latin-1") for name, value in headers if name.lower() == b"content-encoding"
    ]
    try:
        return BoundedBody(codings, most_bytes, is_error=not is_success(status))
    except ContentCodingError as error:
        raise httpx.DecodingError(str(error)) from None


def take(body: BoundedBody, piece: bytes, most_bytes: int) -> None:
    """Take a piece of a body.

    Raises:
        TooLongError: The body is longer than it may be.
        DecodingError: It is not valid in its content coding.
    """
    try:
        body.take(piece)
    except BodyTooLongError:
        raise TooLongError(most_bytes) from None
    except ContentCodingError as error:
        raise httpx.DecodingError(str(error)) from None


def finish(body: BoundedBody) -> bytes:
    """Return a body that is whole.

    Raises:
        DecodingError: It is not valid in its content coding.
    """
    try:
        return body.finish()
    except ContentCodingError as error:
        raise httpx.DecodingError(str(error)) from None


def is_success(status: int) -> bool:
    """Tell whether a status is of the 2xx class (RFC 9110 section 15.3)."""
    return 200 <= status < 300  # noqa: PLR2004 - says the RFC


@dataclass(slots=True)
class WholeAnswer:
    """An answer with its body.

    Attributes:
        status: The HTTP status.
        headers: Names and values, as they came.
        fields: Values by the name in small letters; of a header that came twice, the last.
        body: Decoded, unless it was asked for as it comes; it may hold a signed URL.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    fields: dict[bytes, bytes]
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is of the 2xx class (RFC 9110 section 15.3)."""
        return is_success(self.status)


class AnswerReader:
    """Puts the answers of one connection together, one after the other."""

    def __init__(self) -> None:
        """Expect none yet."""
        self._parser = AnswerParser()
        self._most_bytes = 0
        self._count = 0  # bytes that came after the head, framing included
        self._framing = 0  # of these, what came since the last byte of the body
        self._body: BoundedBody | None = None
        self._is_raw = False

    def begin(self, most_bytes: int, *, is_raw: bool = False) -> None:
        """Expect an answer whose body has no more than so many bytes, decoded unless `is_raw`."""
        self._parser.begin_again()
        self._most_bytes = most_bytes
        self._is_raw = is_raw
        self._count = self._framing = 0
        self._body = None

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
            DecodingError: Its body has a content coding that is not accepted, or a broken one.
            RemoteProtocolError: It is no HTTP/1.1 answer.
        """
        parser = self._parser
        if parser.head is not None:
            self._take(bytes(data))
        elif (rest := parser.feed_head(data)) is not None:
            self._begin_body()
            if rest:
                self._take(rest)
        return parser.is_whole

    def ends_so(self) -> bool:
        """Tell whether the end of the connection, in good order, is that of the answer."""
        head = self._parser.head
        return head is not None and head.length is None and not head.is_chunked

    def answer(self) -> WholeAnswer:
        """Return the answer that is whole.

        Raises:
            DecodingError: The content coding of its body ends early.
        """
        head, body = self._parser.head, self._body
        if head is None or body is None:
            message = "no answer has come"
            raise AssertionError(message)
        self._body = None
        return WholeAnswer(head.status, head.headers, head.fields, finish(body))

    def _begin_body(self) -> None:
        head = self._parser.head
        if head is None:
            return
        if (head.length or 0) > self._most_bytes:
            raise TooLongError(self._most_bytes)
        if self._is_raw:
            self._body = BoundedBody((), self._most_bytes)
        else:
            self._body = body_of(head.status, head.headers, self._most_bytes)

    def _take(self, data: bytes) -> None:
        self._count += len(data)
        self._framing += len(data)
        for piece in self._parser.feed_body(data):
            self._framing = 0
            if self._body is not None:
                take(self._body, piece, self._most_bytes)
        if self._framing > MAX_HEAD_BYTES:
            message = f"the framing of the answer is longer than {MAX_HEAD_BYTES} bytes"
            raise httpx.RemoteProtocolError(message)
