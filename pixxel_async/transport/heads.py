"""Heads of HTTP/1.1 messages: ours written, theirs read.

Rules:
    * What would break out of its line is refused before anything is sent (RFC 9112 sections 3
      and 5): the target and the headers go out as they are given.
    * An answer is parsed by llhttp in its strict mode: two lengths, a length beside a transfer
      coding, folded lines and bare line feeds are errors.
    * A body ends where RFC 9112 section 6.3 says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import httptools
import httpx

MAX_HEAD_BYTES = 64 * 1024
"""A longer head is no head."""

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]

END_OF_HEAD = b"\r\n\r\n"
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_VALUE = re.compile(rb"[^\x00\r\n]*")
_BODILESS = frozenset({204, 304})
_FINAL = 200


def request_head(method: bytes, target: bytes, headers: RawHeaders) -> bytes:
    """Return a request up to its body.

    Raises:
        LocalProtocolError: A part of it cannot be sent.
    """
    return request_line(method, target) + header_lines(headers)


def request_line(method: bytes, target: bytes) -> bytes:
    """Return the first line of a request.

    Raises:
        LocalProtocolError: It cannot be sent.
    """
    if not (_TOKEN.fullmatch(method) and _TARGET.fullmatch(target)):
        message = "the request line has characters that it may not have"
        raise httpx.LocalProtocolError(message)
    return b"%b %b HTTP/1.1\r\n" % (method, target)


def header_lines(headers: RawHeaders) -> bytes:
    """Return the headers, and the empty line after them.

    Raises:
        LocalProtocolError: One of them cannot be sent.
    """
    lines = []
    for name, value in headers:
        if not (_TOKEN.fullmatch(name) and _VALUE.fullmatch(value)):
            message = "a header has characters that it may not have"
            raise httpx.LocalProtocolError(message)
        lines.append(b"%b: %b\r\n" % (name, value))
    lines.append(b"\r\n")
    return b"".join(lines)


@dataclass(slots=True)
class Head:
    """The head of an answer, and how its body ends.

    Attributes:
        status: The HTTP status.
        headers: Names and values, as they came.
        fields: Values by the name in small letters; of a header that came twice, the last.
        length: Bytes of the body, or None where the parser or the end of the connection tells.
        is_kept: Whether the connection may carry another request after this.
        is_chunked: Whether the body says itself where it ends.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    fields: dict[bytes, bytes]
    length: int | None
    is_kept: bool
    is_chunked: bool


class AnswerParser:
    """Parses an answer, and then the next one: its head, and its body where that is fed, too.

    Attributes:
        head: None until it is whole.
        is_whole: Whether all of the answer has come; never true if only the end of the
            connection can tell.
        has_more: Whether something came after the answer.
        has_begun: Whether anything came at all.
    """

    def __init__(self) -> None:
        """Expect a status line."""
        self.begin_again()
        self._parser = httptools.HttpResponseParser(self)

    def begin_again(self) -> None:
        """Expect the next answer on the same connection, after one that is whole."""
        self.head: Head | None = None
        self.is_whole = False
        self.has_more = False
        self.has_begun = False
        self._gathered = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._bodies: list[bytes] = []

    @property
    def is_within_head(self) -> bool:
        """Whether a part of a head has come, and not all of it."""
        return bool(self._gathered)

    def feed_head(self, data: memoryview) -> bytes | None:
        """Take what came, until the head is whole.

        Returns:
            What came after the head, or None if it is not whole.

        Raises:
            RemoteProtocolError: It is no HTTP/1.1 head, or too long.
        """
        self.has_begun = True
        came = self._gathered + data
        while (at := came.find(END_OF_HEAD, 0, MAX_HEAD_BYTES)) >= 0:
            end = at + len(END_OF_HEAD)
            self._feed(came[:end])
            came = came[end:]
            if self.head is not None:
                self._gathered = b""
                return came
            # An interim answer (RFC 9110 section 15.2); the one that counts follows.
            self.is_whole = False
            self._parser = httptools.HttpResponseParser(self)
        self._gathered = came
        if len(came) > MAX_HEAD_BYTES:
            message = f"the head of the answer is longer than {MAX_HEAD_BYTES} bytes"
            raise httpx.RemoteProtocolError(message)
        return None

    def feed_body(self, data: bytes) -> list[bytes]:
        """Take what came of a body, and return what it holds.

        Raises:
            RemoteProtocolError: It is not framed as it should be.
        """
        try:
            self._feed(data)
        except httpx.RemoteProtocolError:
            if not self.is_whole:
                raise
            self.has_more = True
        bodies, self._bodies = self._bodies, []
        return bodies

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            message = "the answer changes the protocol"
        except httptools.HttpParserError as error:
            message = f"the answer is not HTTP/1.1: {error}"
        else:
            return
        raise httpx.RemoteProtocolError(message)

    # What follows is called by the parser, which takes the names as they are.

    def on_message_begin(self) -> None:
        """Note another answer in the same bytes."""
        self.has_more = self.is_whole
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers are not kept."""
        if self.head is None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Find out how the body ends, unless the answer is an interim one."""
        status = self._parser.get_status_code()
        if status < _FINAL or self.head is not None:
            return
        fields = {name.lower(): value for name, value in self._headers}
        is_chunked = b"transfer-encoding" in fields
        length = 0 if status in _BODILESS else None
        if length is None and b"content-length" in fields:
            length = int(fields[b"content-length"])
        self.head = Head(
            status=status,
            headers=self._headers,
            fields=fields,
            length=length,
            is_kept=self._parser.should_keep_alive(),
            is_chunked=is_chunked,
        )

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if not self.has_more:
            self._bodies.append(body)

    def on_message_complete(self) -> None:
        """Note the end."""
        self.is_whole = True
