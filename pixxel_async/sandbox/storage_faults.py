"""How a fault changes a response of the storage.

status            an error, 503 SlowDown by default
expired           the response to an expired URL, although the URL is valid
redirect          302 to the same object on another host name, with a cookie
redirect_plain    302 to plain http on another machine
redirect_loop     302 to itself
ignore_range      200 with the whole object, although a range was requested
wrong_range       206 from another byte than requested
aligned_range     206 from the start of the block of the first byte
slice             200 with a Content-Range and the range only
no_content_range  206 without Content-Range
multipart_range   206 as multipart/byteranges
change_etag       the object has changed since the last response
change_silently   likewise, with the same size; 206 in spite of If-Range, without an ETag
no_etag           no ETag
weak_etag         a weak ETag
truncate          the connection closes within the body
reset             the connection is reset within the body
cut_chunked       a chunked body without its end
until_close       no length; the body ends with the connection
cut_until_close   likewise, and the connection closes within the body
stall             no further bytes within the body
drip              the rest of the body, byte by byte
excess            more bytes than announced
html, empty       200 without a ZIP
page              an error as a web page, 503 by default
gzip              a Content-Encoding, although identity was requested
corrupt           a wrong byte, the right checksum
wrong_checksum    the right bytes, a wrong checksum
bad_zip           no end record, no checksum
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from dataclasses import replace

from starlette.datastructures import Headers

from .faults import StorageFault
from .reply import Bytes, Reply

RANGES_ONLY = frozenset(
    {
        "aligned_range",
        "change_etag",
        "change_silently",
        "ignore_range",
        "multipart_range",
        "no_content_range",
        "slice",
        "wrong_range",
    }
)
"""Actions that affect range requests only."""

CHECKSUM_HEADERS = ("x-amz-checksum-crc32", "x-amz-checksum-sha256", "x-goog-hash", "content-md5")
OK, PARTIAL = 200, 206
BOUNDARY = "sandbox-boundary"
END_RECORD_BYTES = 22
BLOCK_BYTES = 4096
PAGE = b"<!DOCTYPE html><html><body>Please sign in</body></html>"
MAINTENANCE = b"<!DOCTYPE html><html><body>We will be back soon</body></html>"
EXCESS = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nPK\3\4"


def applies(fault: StorageFault, *, is_range: bool) -> bool:
    """Return whether a fault applies to this request."""
    return is_range or fault.action not in RANGES_ONLY


def aligned(headers: Headers) -> Headers:
    """Return request headers whose range starts at the start of its block."""
    first, _, last = headers["range"].removeprefix("bytes=").partition("-")
    if not first:
        return headers
    begin = int(first) // BLOCK_BYTES * BLOCK_BYTES
    return Headers({**headers, "range": f"bytes={begin}-{last}"})


def changed(reply: Reply, fault: StorageFault) -> Reply:  # noqa: C901, PLR0911, PLR0912 - one case a fault
    """Return the response, changed by a fault."""
    length = reply.length or 0
    stop_at = int(length * fault.at)
    match fault.action:
        case "truncate":
            return replace(reply, stop_at=stop_at, ending="close")
        case "cut_chunked":
            return replace(reply, length=None, stop_at=stop_at, ending="close")
        case "until_close":
            return replace(reply, length=None, is_framed=False, ending="close")
        case "cut_until_close":
            return replace(reply, length=None, is_framed=False, stop_at=stop_at, ending="close")
        case "reset" | "stall" | "drip" as ending:
            return replace(reply, stop_at=stop_at, ending=ending)
        case "excess":
            return replace(reply, excess=EXCESS)
        case "html":
            return Reply.of(OK, PAGE, {"content-type": "text/html"})
        case "page":
            return Reply.of(fault.status, MAINTENANCE, {"content-type": "text/html"})
        case "empty":
            return Reply.of(OK, b"", {"content-type": "application/zip"})
        case "gzip":
            body = gzip.compress(b"".join(reply.body), compresslevel=1)
            return Reply.of(reply.status, body, {**reply.headers, "content-encoding": "gzip"})
        case "corrupt":
            return replace(reply, body=tuple(_with_wrong_byte(reply, stop_at)))
        case "bad_zip":
            kept = _without(reply, *CHECKSUM_HEADERS)
            return replace(kept, body=tuple(_without_end_record(reply, length)))
        case "wrong_checksum":
            return replace(reply, headers=_wrong_checksums(reply))
        case "slice" if reply.status == PARTIAL:
            return replace(reply, status=OK)
        case "no_etag" | "change_silently":
            return _without(reply, "etag")
        case "weak_etag" if "etag" in reply.headers:
            return replace(reply, headers={**reply.headers, "etag": f"W/{reply.headers['etag']}"})
        case "no_content_range":
            return _without(reply, "content-range")
        case "multipart_range" if reply.status == PARTIAL:
            return _multipart(reply)
        case _:
            return reply


def _without(reply: Reply, *names: str) -> Reply:
    headers = {name: value for name, value in reply.headers.items() if name not in names}
    return replace(reply, headers=headers)


def _with_wrong_byte(reply: Reply, at: int) -> Iterator[Bytes]:
    for piece in reply.body:
        if 0 <= at < len(piece):
            wrong = bytearray(piece)
            wrong[at] ^= 0xFF
            yield bytes(wrong)
        else:
            yield piece
        at -= len(piece)


def _without_end_record(reply: Reply, length: int) -> Iterator[Bytes]:
    left = max(0, length - END_RECORD_BYTES)
    for piece in reply.body:
        kept = piece[:left]
        yield kept
        yield b"\0" * (len(piece) - len(kept))
        left -= len(kept)


def _wrong_checksums(reply: Reply) -> dict[str, str]:
    headers = dict(reply.headers)
    for name in CHECKSUM_HEADERS:
        if name in headers:
            prefix, _, value = headers[name].rpartition("md5=")
            wrong = bytes(byte ^ 0xFF for byte in base64.b64decode(value))
            headers[name] = prefix + "md5=" * bool(prefix or "md5=" in headers[name])
            headers[name] += base64.b64encode(wrong).decode("ascii")
    return headers


def _multipart(reply: Reply) -> Reply:
    head = (
        f"--{BOUNDARY}\r\nContent-Type: application/zip\r\n"
        f"Content-Range: {reply.headers['content-range']}\r\n\r\n"
    )
    body = b"".join((head.encode(), *reply.body, f"\r\n--{BOUNDARY}--\r\n".encode()))
    headers = {
        **_without(reply, "content-range").headers,
        "content-type": f"multipart/byteranges; boundary={BOUNDARY}",
    }
    return Reply.of(PARTIAL, body, headers)
