"""Bodies of API answers, decoded piece by piece and kept within a limit.

Rules (RFC 9110 section 8.4):
    * Bytes are counted as they are decoded. A body that expands is refused at its limit, and no
      more than the limit is ever held.
    * At most one content coding, and only one that was requested.
    * The body of an error explains a status, and that counts by itself: only its beginning is
      kept, and one that cannot be decoded is dropped.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from typing import BinaryIO

ACCEPT_ENCODING = "gzip, deflate"
"""What a request offers; any other coding is refused."""

MAX_ERROR_BYTES = 64 * 1024
"""What is kept of the body of an error."""

STEP_BYTES = 64 * 1024
"""The most that is decoded before it is counted."""

SLACK_BYTES = 64 * 1024
"""How much longer than its limit a body may be on the wire: framing and encoding add bytes."""

ZLIB_HEADER_BYTES = 2
_GZIP_WBITS = 16 + zlib.MAX_WBITS
_IDENTITY = frozenset({"", "identity"})
_CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
_SHOWN_CHARS = 40


class BodyTooLongError(Exception):
    """A body is longer than its limit."""


class ContentCodingError(Exception):
    """A body has a content coding that is not accepted, or is not valid in the one it has."""


def coding_of(values: Iterable[str]) -> str | None:
    """Return the content coding of a body, or None if it has none.

    Args:
        values: Every Content-Encoding header of the answer.

    Raises:
        ContentCodingError: There are several, or it is one that was not requested.
    """
    named = [
        coding
        for value in values
        for coding in (each.strip().lower() for each in value.split(","))
        if coding not in _IDENTITY
    ]
    if not named:
        return None
    if len(named) > 1:
        message = f"{len(named)} content codings, and one is the most"
        raise ContentCodingError(message)
    if named[0] not in _CODINGS:
        message = f"the content coding {named[0][:_SHOWN_CHARS]!a}, which was not requested"
        raise ContentCodingError(message)
    return _CODINGS[named[0]]


class BoundedBody:
    """The body of one answer while it arrives."""

    def __init__(
        self,
        codings: Iterable[str],
        max_bytes: int,
        *,
        is_error: bool = False,
        sink: BinaryIO | None = None,
    ) -> None:
        """Expect a body.

        Args:
            codings: Every Content-Encoding header of the answer.
            max_bytes: The limit, before and after decoding.
            is_error: Whether it explains an error.
            sink: What it is written to, without a limit, unless it explains an error.

        Raises:
            ContentCodingError: Its coding is not accepted.
        """
        self._max_bytes = max_bytes
        self._is_error = is_error
        self._is_dropped = False
        self._received = self._size = 0
        self._kept = io.BytesIO()  # which hands out what it holds without a copy
        self._sink = None if is_error else sink
        if self._sink is not None:  # what an earlier attempt has written
            self._sink.seek(0)
            self._sink.truncate()
        self._decoder: _Decoder | None = None
        try:
            coding = coding_of(codings)
        except ContentCodingError:
            if not is_error:
                raise
            self._is_dropped = True
        else:
            if coding is not None:
                self._decoder = _Decoder(coding)

    def take(self, piece: bytes) -> None:
        """Take the next bytes, as they came.

        Raises:
            BodyTooLongError: The body is longer than its limit.
            ContentCodingError: It is not valid in its coding.
        """
        self._received += len(piece)
        if self._sink is None and self._received > self._max_bytes + SLACK_BYTES:
            raise BodyTooLongError
        if self._is_dropped:
            return
        if self._decoder is None:
            self._keep(piece)
            return
        try:
            for decoded in self._decoder.decode(piece):
                self._keep(decoded)
        except ContentCodingError as error:
            self._drop(error)

    def finish(self) -> bytes:
        """Return the body, decoded, once all of it has come; call this once.

        Raises:
            ContentCodingError: It ends early.
        """
        if self._decoder is not None and self._received and not self._is_dropped:
            try:
                self._decoder.check_end()
            except ContentCodingError as error:
                self._drop(error)
        return b"" if self._is_dropped else self._kept.getvalue()

    def _keep(self, piece: bytes) -> None:
        if self._sink is not None:
            self._sink.write(piece)
            return
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise BodyTooLongError
        if self._is_error:
            piece = piece[: max(0, MAX_ERROR_BYTES - self._kept.tell())]
        self._kept.write(piece)

    def _drop(self, error: ContentCodingError) -> None:
        if not self._is_error:
            raise error
        self._is_dropped = True


class _Decoder:
    """Undoes one content coding, a step at a time."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._start: bytes | None = b""
        self._zlib = zlib.decompressobj(_GZIP_WBITS)

    def decode(self, piece: bytes) -> Iterable[bytes]:
        """Yield what a piece decodes to, in steps.

        Raises:
            ContentCodingError: It is not valid.
        """
        if self._coding == "deflate" and self._start is not None:
            self._start += piece
            if len(self._start) < ZLIB_HEADER_BYTES:
                return
            piece, self._start = self._start, None
            self._zlib = zlib.decompressobj(_deflate_wbits(piece))
        if piece and self._zlib.eof:
            message = "bytes after the end of its content coding"
            raise ContentCodingError(message)
        decoded = None
        while piece or (decoded is not None and len(decoded) == STEP_BYTES):
            try:
                decoded = self._zlib.decompress(piece, STEP_BYTES)
            except zlib.error as error:
                message = f"a broken content coding: {error}"
                raise ContentCodingError(message) from None
            yield decoded
            piece = self._zlib.unconsumed_tail
            if self._zlib.eof and self._zlib.unused_data:
                message = "bytes after the end of its content coding"
                raise ContentCodingError(message)

    def check_end(self) -> None:
        """Check that nothing is missing.

        Raises:
            ContentCodingError: Something is.
        """
        if not self._zlib.eof:
            message = "a content coding that ends early"
            raise ContentCodingError(message)


def _deflate_wbits(start: bytes) -> int:
    """Return how a deflate body is framed: by zlib, or, against RFC 9110, not at all."""
    is_zlib = start[0] & 0x0F == zlib.DEFLATED and int.from_bytes(start[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
