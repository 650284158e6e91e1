"""What an error of the storage means for a transfer.

Rules:
    * Each storage says in its own way that a signed URL has expired: S3 with 403 AccessDenied or
      400 ExpiredToken, Google with 400 ExpiredToken or 403, Azure with 403 AuthenticationFailed,
      CloudFront with 403 AccessDenied. All of them mean: ask the service for a fresh URL.
    * A signature that does not match never will: SignatureDoesNotMatch is final.
    * Too much, or broken: try again later.
    * Everything else is final.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from .redact import as_text, first_line, redact

EXPIRED_CODES = frozenset(
    {
        "AccessDenied",
        "AuthenticationFailed",
        "AuthorizationFailure",
        "ExpiredRequest",
        "ExpiredToken",
        "RequestExpired",
        "TokenRefreshRequired",
    }
)
FINAL_CODES = frozenset({"SignatureDoesNotMatch", "InvalidAccessKeyId", "NoSuchKey"})
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
FORBIDDEN = 403
BAD_REQUEST = 400

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9_.-]{1,64})\s*</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]{1,500})")


class Meaning(Enum):
    """What to do about an error of the storage."""

    EXPIRED = "ask for a fresh URL"
    PASSING = "try again later"
    FINAL = "give up"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageProblem:
    """An error of the storage, read.

    Attributes:
        meaning: What to do.
        code: The storage's own code, or empty.
        message: For people, without secrets.
    """

    meaning: Meaning
    code: str
    message: str


def read_error(status: int, body: bytes) -> StorageProblem:
    """Read an answer that is neither 2xx nor about ranges.

    Args:
        status: The HTTP status.
        body: The first bytes of the body.
    """
    found = _CODE.search(body)
    code = found[1].decode("ascii") if found else ""
    said = _MESSAGE.search(body)
    message = redact(as_text(said[1]).strip()) if said else first_line(body)
    return StorageProblem(
        meaning=_meaning(status, code),
        code=code,
        message=f"the storage answered {status}" + (f": {message}" if message else ""),
    )


def _meaning(status: int, code: str) -> Meaning:
    if code in FINAL_CODES:
        return Meaning.FINAL
    if status in PASSING_STATUS:
        return Meaning.PASSING
    if code in EXPIRED_CODES and status in {BAD_REQUEST, FORBIDDEN}:
        return Meaning.EXPIRED
    return Meaning.EXPIRED if status == FORBIDDEN and not code else Meaning.FINAL


def not_a_zip(body: bytes) -> str | None:
    """Tell why the first bytes of a body cannot be a ZIP, or return None if they may be one.

    Args:
        body: At least four bytes, or the whole body if it is shorter.
    """
    if body[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return None
    if not body:
        return "nothing came where a ZIP is due"
    return f"no ZIP came, but: {first_line(body[:512])}"
