"""Append, take whole, restart, complete or refuse: from what is held and what was answered.

Rules (RFC 9110, sections 8.8.3, 13.1.5, 14 and 15.3.7):
    * Only a strong entity tag lets a transfer go on. Without one it starts again.
    * A range is asked for with If-Range, so that a changed object comes as a whole.
    * 200 is always the whole, whatever was asked for.
    * 206 is appended only if it says that it begins where we end, and neither the total nor the
      entity tag differs from what is known. Two objects are never mixed.
    * 416 with `*/N` means complete if N is what we hold; the check of the file has the last word.
    * A content coding other than identity is refused: what is saved must be what was packaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from .redact import redact

_SIZE = r"([0-9]{1,18})"  # more digits are no size, and fit into no 64-bit integer
_CONTENT_RANGE = re.compile(rf"bytes {_SIZE}-{_SIZE}/(?:{_SIZE}|\*)", re.IGNORECASE)
_UNSATISFIED = re.compile(rf"bytes \*/{_SIZE}", re.IGNORECASE)
_LENGTH = re.compile(_SIZE)

_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]*"')
"""In ASCII, since it is sent back in If-Range."""

OK = 200
PARTIAL_CONTENT = 206
PRECONDITION_FAILED = 412
RANGE_NOT_SATISFIABLE = 416
SAYS_CHANGED = frozenset({PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE})
"""Statuses that say that the object is not what it was; the whole has to be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is there of a file.

    Attributes:
        size: Bytes that are surely right.
        validator: The strong entity tag that they came with, or None.
        total: The size of the whole, or None while unknown.
    """

    size: int = 0
    validator: str | None = None
    total: int | None = None

    @property
    def resumable(self) -> bool:
        """Whether a range may be asked for."""
        return self.size > 0 and self.validator is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Take the body as the bytes that follow.

    Attributes:
        total: The size of the whole, or None if the answer did not say.
    """

    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeWhole:
    """Empty what is held, and take the body as the whole.

    Attributes:
        total: Its size, or None if the answer did not say.
        validator: Its strong entity tag, or None.
    """

    total: int | None
    validator: str | None


@dataclass(frozen=True, slots=True)
class Complete:
    """Nothing is missing; verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Empty what is held and ask for the whole; this body is not used.

    Attributes:
        reason: Why, for people.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """This answer is no use, and what is held stays.

    Attributes:
        reason: Why, for people.
    """

    reason: str


Decision: TypeAlias = Append | TakeWhole | Complete | Restart | Refuse


def request_headers(held: Held) -> dict[str, str]:
    """Return the headers of the GET."""
    headers = {"Accept-Encoding": "identity"}
    if held.resumable and held.validator is not None:
        headers["Range"] = f"bytes={held.size}-"
        headers["If-Range"] = held.validator
    return headers


def part_headers(first: int, end: int, validator: str) -> dict[str, str]:
    """Return the headers of a GET of the bytes from `first` to before `end`."""
    return {
        "Accept-Encoding": "identity",
        "Range": f"bytes={first}-{end - 1}",
        "If-Range": validator,
    }


def problem_of_part(
    status: int, headers: Mapping[str, str], *, first: int, total: int, validator: str
) -> str | None:
    """Tell why an answer to a GET with `part_headers` cannot be used, or return None.

    Args:
        status: The HTTP status.
        headers: The answer's headers, looked up without regard to case.
        first: The first byte that was asked for.
        total: The size of the object.
        validator: Its entity tag.
    """
    if status != PARTIAL_CONTENT:
        return f"the storage answered {status} to the request for a part"
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if match is None or int(match[1]) != first:
        return "another part came than was asked for"
    coding = headers.get("content-encoding", "identity").strip().lower()
    is_same = headers.get("etag", validator) == validator and match[3] in {None, str(total)}
    if not is_same or coding not in {"", "identity"}:
        return "the part is of another object"
    return None


def decide(held: Held, status: int, headers: Mapping[str, str]) -> Decision | None:
    """Decide what to do with an answer to a GET with `request_headers(held)`.

    Args:
        held: What was held when the request was made.
        status: The HTTP status.
        headers: The answer's headers, looked up without regard to case.

    Returns:
        The decision, or None if the status is an error that says nothing about ranges.
    """
    if status == PRECONDITION_FAILED:
        return Restart(reason="the object has changed (412)")
    if status == RANGE_NOT_SATISFIABLE:
        return _unsatisfiable(held, headers.get("content-range", ""))
    if status not in {OK, PARTIAL_CONTENT}:
        return None
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"", "identity"}:
        return Refuse(reason=f"the body came with Content-Encoding {redact(coding, chars=40)}")
    if status == OK:
        return TakeWhole(total=_length(headers), validator=strong_tag(headers.get("etag")))
    return _partial(held, headers)


def strong_tag(etag: str | None) -> str | None:
    """Return an entity tag if it is a strong one (RFC 9110 section 8.8.3)."""
    return etag if etag and _STRONG_TAG.fullmatch(etag) else None


def _unsatisfiable(held: Held, content_range: str) -> Decision:
    match = _UNSATISFIED.fullmatch(content_range.strip())
    if match and held.resumable and int(match[1]) == held.size:
        return Complete()
    return Restart(reason="the storage refused the range (416)")


def _partial(held: Held, headers: Mapping[str, str]) -> Decision:
    match = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if match is None:
        return Restart(reason="a part came without a single Content-Range")
    first, last = int(match[1]), int(match[2])
    total = held.total if match[3] is None else int(match[3])
    if not held.resumable or first != held.size:
        return Restart(reason=f"a part came from byte {first}, not {held.size}")
    if last < first or total not in {None, last + 1}:
        return Restart(reason="the part does not reach the end")
    if held.total not in {None, total}:
        return Restart(reason=f"the object has changed: {total} bytes, not {held.total}")
    etag = headers.get("etag")
    if etag is not None and etag != held.validator:
        return Restart(reason="the object has changed: another ETag")
    return Append(total=total)


def _length(headers: Mapping[str, str]) -> int | None:
    match = _LENGTH.fullmatch(headers.get("content-length", ""))
    return int(match[1]) if match else None
