"""Append, take whole, request the whole, restart, complete or refuse.

Rules (RFC 9110, sections 8.8.3, 13.1.5, 14 and 15.3.7):
    * Only a strong entity tag makes a transfer resumable. Without one it starts again.
    * A range is requested with If-Range, so that a changed object is sent whole.
    * An answer continues what is held only if it carries the same strong entity tag itself, and a
      Content-Range that fits. What is missing from an answer proves nothing. Two objects are never
      mixed.
    * A part may begin before the byte that was requested, and end before the last one: it is used
      from where it fits. One that begins later, or has nothing new, is not used.
    * 200 is the whole, unless its own Content-Range or length says that it is a part.
    * A part that covers the whole object is the whole, whatever was requested.
    * An answer to a range that cannot be used leaves what is held; the next request is for the
      whole object. So does an error that a storage answers to ranges again and again, or for good:
      it may serve the whole. An error that tells of the host, such as 503, does not.
    * 416 with `*/N` means complete if N is what we hold; the check of the file has the last word.
    * A content coding other than identity is refused: what is saved must be what was packaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..redact import redact

_SIZE = r"([0-9]{1,18})"  # more digits are no size, and fit into no 64-bit integer
_CONTENT_RANGE = re.compile(rf"bytes {_SIZE}-{_SIZE}/(?:{_SIZE}|\*)", re.IGNORECASE)
_PASSING = frozenset({408, 425, 429})
_UNSATISFIED = re.compile(rf"bytes \*/{_SIZE}", re.IGNORECASE)
_LENGTH = re.compile(_SIZE)

_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]*"')
"""In ASCII, since it is sent back in If-Range."""

OK = 200
PARTIAL_CONTENT = 206
PRECONDITION_FAILED = 412
RANGE_NOT_SATISFIABLE = 416
INTERNAL_ERROR = 500
NOT_FOR_RANGES = frozenset({304, 405, 501})
"""Statuses that say at once that the storage serves no ranges: it would answer a plain GET."""
MOST_REFUSED_RANGES = 3
"""The number of failed range requests in a row after which the whole object is requested."""
LEAST_SILENCES = 2
"""The same for connections that broke off or stalled without a byte."""
SAYS_CHANGED = frozenset({PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE})
"""Statuses of a changed object: the whole object has to be requested."""


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
        """Whether a range can be requested."""
        return self.size > 0 and self.validator is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Take the body as the bytes that follow.

    Attributes:
        total: The size of the whole, or None if the answer did not say.
        end: The byte after the last one of the body.
        skip: The number of bytes at the start of the body that are on disk already.
    """

    total: int | None
    end: int
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeWhole:
    """Empty what is held, and take the body from the first byte of the object.

    Attributes:
        total: The size of the whole, or None if the answer did not say.
        validator: Its strong entity tag, or None.
        end: The byte after the last one of the body, if the rest has to be requested; else None.
    """

    total: int | None
    validator: str | None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Complete:
    """Nothing is missing; verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The object has changed: empty what is held; this body is not used.

    Attributes:
        reason: Why, for people.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWhole:
    """This answer to a range is no use: request no more ranges; what is held stays until then.

    Attributes:
        reason: Why, for people.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """This answer is no use, and no other request would help; what is held stays.

    Attributes:
        reason: Why, for people.
    """

    reason: str


Decision: TypeAlias = Append | TakeWhole | Complete | Restart | RequestWhole | Refuse


@dataclass(frozen=True, slots=True)
class Part:
    """What an answer says of the part that it carries.

    Attributes:
        first: Its first byte.
        end: The byte after its last one.
        total: The size of the object, or None if the answer did not say.
    """

    first: int
    end: int
    total: int | None

    @property
    def is_whole(self) -> bool:
        """Whether it covers the whole object."""
        return self.first == 0 and self.end == self.total


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


def some_part_headers(wanted: tuple[int, int] | None, last: int) -> dict[str, str]:
    """Return the headers of a GET of some bytes; None stands for so many at the end."""
    span = f"-{last}" if wanted is None else f"{wanted[0]}-{wanted[1] - 1}"
    return {"Accept-Encoding": "identity", "Range": f"bytes={span}"}


def some_part(  # noqa: PLR0911 - one case a contradiction
    status: int, headers: Mapping[str, str], wanted: tuple[int, int] | None, last: int
) -> Part | str:
    """Judge an answer to a GET with `some_part_headers`: exactly that part, or why it is not.

    A part has the size of the object.
    """
    if status not in {OK, PARTIAL_CONTENT}:
        return f"the storage answered {status} to the request for a part"
    if coding := _coding(headers):
        return f"the part came with Content-Encoding {coding}"
    part = _part(status, headers)
    total = _length(headers)
    if part is None and wanted is None and total is not None and total <= last:
        return Part(0, total, total)  # a small object: its end is all of it
    if not isinstance(part, Part):
        return part or "all of the object came instead of a part"
    if part.total is None:
        return "a part came without the size of the object"
    first, end = (max(0, part.total - last), part.total) if wanted is None else wanted
    if (part.first, part.end) != (first, min(end, part.total)):
        return f"bytes {part.first}-{part.end - 1} came instead of {first}-{end - 1}"
    return part


def usable_part(  # noqa: PLR0913 - what is known of the part, keyword-only
    status: int, headers: Mapping[str, str], *, first: int, end: int, total: int, validator: str
) -> Part | str:
    """Judge an answer to a GET with `part_headers`.

    Args:
        status: The HTTP status.
        headers: The answer's headers, looked up without regard to case.
        first: The first byte that was requested.
        end: The byte after the last one that was requested.
        total: The size of the object.
        validator: Its entity tag.

    Returns:
        The part that came, which holds at least `first`; or why it cannot be used.
    """
    if status not in {OK, PARTIAL_CONTENT}:
        return f"the storage answered {status} to the request for a part"
    if coding := _coding(headers):
        return f"the part came with Content-Encoding {coding}"
    part = _part(status, headers)
    if not isinstance(part, Part):
        return part or "all of the object came instead of a part"
    if not part.first <= first < part.end:
        return f"bytes {part.first}-{part.end - 1} came instead of {first}-{end - 1}"
    return _problem_of_object(part, headers, total, validator) or part


def decide(held: Held, status: int, headers: Mapping[str, str]) -> Decision | None:
    """Decide what to do with an answer to a GET with `request_headers(held)`.

    Args:
        held: What was held when the request was made.
        status: The HTTP status.
        headers: The answer's headers, looked up without regard to case.

    Returns:
        The decision, or None if the status is an error that says nothing about ranges.
    """
    if status in SAYS_CHANGED:
        return _refused_range(held, status, headers)
    if status not in {OK, PARTIAL_CONTENT}:
        is_about_ranges = held.resumable and status in NOT_FOR_RANGES
        reason = f"the storage answered {status} to the request for a range"
        return RequestWhole(reason=reason) if is_about_ranges else None
    if coding := _coding(headers):
        return _useless(held, f"the body came with Content-Encoding {coding}")
    match _part(status, headers):
        case Part() as part:
            return _partial(held, part, headers)
        case str(problem) if status == PARTIAL_CONTENT or held.resumable:
            return _useless(held, problem)
    return _whole(held, headers)


def is_about_range(status: int | None, *, refused: int, attempts: int) -> bool:
    """Return whether errors may be about the range that was requested, so that the whole is next.

    Args:
        status: The HTTP status of the last one, or None if no byte came over a connection that
            stood: as a host may do that for a while, all attempts but the last are for the range.
        refused: How many came in a row.
        attempts: How many a transfer has; the last one is for the whole, also where the first
            one was what broke off.
    """
    if status is None:
        return refused >= max(LEAST_SILENCES, attempts - 2)
    return may_be_about_range(status) and refused >= min(MOST_REFUSED_RANGES, attempts - 2)


def may_be_about_range(status: int) -> bool:
    """Return whether a status may be about the request, and is not about the host alone."""
    return status <= INTERNAL_ERROR and status not in _PASSING


def strong_tag(etag: str | None) -> str | None:
    """Return an entity tag if it is a strong one (RFC 9110 section 8.8.3)."""
    return etag if etag and _STRONG_TAG.fullmatch(etag) else None


def _whole(held: Held, headers: Mapping[str, str]) -> Decision:
    total, validator = _length(headers), strong_tag(headers.get("etag"))
    if held.resumable and held.total is not None and total not in {None, held.total}:
        is_same = validator == held.validator
        if is_same or total == held.total - held.size:  # then it is what the range would bring
            return RequestWhole(reason=f"200 came with {total} of {held.total} bytes")
    return TakeWhole(total=total, validator=validator)


def _useless(held: Held, reason: str) -> Decision:
    return RequestWhole(reason=reason) if held.resumable else Refuse(reason=reason)


def _refused_range(held: Held, status: int, headers: Mapping[str, str]) -> Decision:
    if not held.resumable:
        return Refuse(reason=f"the storage answered {status}, although no range was requested")
    if status == PRECONDITION_FAILED:
        return Restart(reason="the object has changed (412)")
    match = _UNSATISFIED.fullmatch(headers.get("content-range", "").strip())
    is_same = headers.get("etag", held.validator) == held.validator
    if match and is_same and int(match[1]) == held.size:
        return Complete()
    return Restart(reason="the storage refused the range (416)")


def _part(status: int, headers: Mapping[str, str]) -> Part | str | None:  # noqa: PLR0911 - one case a contradiction
    """Read which part came; return why that cannot be told, or None for a 200 that is the whole."""
    told = headers.get("content-range")
    if status == OK and told is None:
        return None
    if headers.get("content-type", "").strip().lower().startswith("multipart/"):
        return "several parts came in one answer"
    match = _CONTENT_RANGE.fullmatch((told or "").strip())
    if match is None:
        return "a part came without a single valid Content-Range"
    total = None if match[3] is None else int(match[3])
    part = Part(int(match[1]), int(match[2]) + 1, total)
    if part.first >= part.end or (total is not None and part.end > total):
        return "the Content-Range of a part contradicts itself"
    length = _length(headers)
    if status == OK and not part.is_whole and length in {None, total}:
        if length is None:
            return "200 came with the Content-Range of a part"
        return None  # all of it came, and the range is what was requested
    if length not in {None, part.end - part.first}:
        return f"a part came with {length} bytes, not {part.end - part.first}"
    return part


def _partial(held: Held, part: Part, headers: Mapping[str, str]) -> Decision:
    if not held.resumable or held.validator is None:
        return _unrequested(part, headers)
    validator = strong_tag(headers.get("etag"))
    problem = _problem_of_object(part, headers, held.total, held.validator)
    if problem is not None:
        if part.is_whole:
            return TakeWhole(total=part.total, validator=validator)
        if validator is not None and validator != held.validator:
            return Restart(reason=problem)
        return RequestWhole(reason=problem)
    if not part.first <= held.size < part.end:
        return RequestWhole(
            reason=f"bytes {part.first}-{part.end - 1} came instead of {held.size} and on"
        )
    total = held.total if part.total is None else part.total
    return Append(total=total, end=part.end, skip=held.size - part.first)


def _unrequested(part: Part, headers: Mapping[str, str]) -> Decision:
    """Decide about a part that came although the whole was requested."""
    validator = strong_tag(headers.get("etag"))
    if part.is_whole or (part.first == 0 and part.total is None):
        return TakeWhole(total=part.total, validator=validator)
    if part.first == 0 and validator is not None:
        return TakeWhole(total=part.total, validator=validator, end=part.end)
    return Refuse(reason="a part came, although the whole was requested")


def _problem_of_object(
    part: Part, headers: Mapping[str, str], total: int | None, validator: str
) -> str | None:
    """Tell why a part may be of another object than the one of this size and tag."""
    etag = headers.get("etag")
    if etag is None:
        return "a part came without an ETag: the object may have changed"
    if etag != validator:
        return "the object has changed: another ETag"
    if total is not None and part.total not in {None, total}:
        return f"the object has changed: {part.total} bytes, not {total}"
    if total is not None and part.end > total:
        return f"a part ends at byte {part.end} of {total}"
    return None


def _coding(headers: Mapping[str, str]) -> str:
    """Return a content coding other than identity, for people, or nothing."""
    coding = headers.get("content-encoding", "").strip().lower()
    return "" if coding in {"", "identity"} else redact(coding, chars=40)


def _length(headers: Mapping[str, str]) -> int | None:
    match = _LENGTH.fullmatch(headers.get("content-length", ""))
    return int(match[1]) if match else None
