"""Which bytes a GET asks for (RFC 9110 sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class PreconditionFailedError(Exception):
    """If-Match names another version: 412."""


class UnsatisfiableError(Exception):
    """The range lies behind the end: 416."""


def wanted(headers: Mapping[str, str], *, size: int, etag: str) -> tuple[int, int] | None:
    """Return the first byte that is asked for and the one after the last, or None for all.

    Args:
        headers: Of the request.
        size: Of the object, in bytes.
        etag: The object's strong entity tag.

    Raises:
        PreconditionFailedError: If-Match does not hold.
        UnsatisfiableError: There is no such byte.
    """
    if headers.get("if-match", etag) not in {etag, "*"}:
        raise PreconditionFailedError
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", etag) != etag:
        return None
    first, last = found[1], found[2]
    if not first:
        if not last:
            return None
        return max(0, size - int(last)), size
    if int(first) >= size:
        raise UnsatisfiableError
    return int(first), min(int(last) + 1, size) if last else size
