"""The service's lists, single records and changes as calls, and the reading of their answers.

Rules:
    * Filters go out under the names that the OpenAPI document gives them; those that are not
      given are left out. Lists of ids are joined by commas in a query, and stay lists in a body.
    * A search is a POST that makes nothing: it may be repeated like a GET. A call that makes,
      changes or deletes something names its kind.
    * The list is the field that the document names. Null is an empty list. If the field is absent
      although the answer says something else than the paging, the answer is not as documented.
    * A record without an id is an error of the service: leaving it out would be silent.
    * The ids of parents are those that were asked with; answers may lack them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import ValidationError

from ...errors import InputError, ResponseError
from ...records import Record, ServiceModel
from ..resilience.retry_rules import CallKind
from .json_body import load
from .package_calls import JSON, Call
from .pagination import Ask, Paging
from .urls import path_of, query_of

R = TypeVar("R", bound=ServiceModel)
When: TypeAlias = str | date
"""A time for the service: a text goes out as it is, a date or a datetime in RFC 3339."""
Filter: TypeAlias = str | float | date | Iterable[Any] | Mapping[str, Any] | None
"""What a field takes: a text, a number, a time, a list, an object; None leaves it out."""

_PAGING_FIELDS = frozenset({"pagination", "count", "next_token"})
_FEATURE_COLLECTION = frozenset({"type", "links"})
"""What a list of STAC items has besides."""


def _id_of(record: Record) -> str:
    return record.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Generic[R]):
    """A list of the service, the place of a single record, or a change and what it answers.

    Attributes:
        operation: The operation id in the OpenAPI document.
        record: What it holds.
        path: The segments of its path.
        paging: How it is divided.
        within: Where the records stand in the answer; for a single record, the field that it may
            be wrapped in, or empty.
        parents: The ids of the path that belong to each record.
        query: Filters in the query.
        body: Fields of the body; None for a call without one.
        method: The HTTP method; empty is GET, or POST with a body.
        kind: What sending it twice would mean.
        identity: What no two records of the list share.
        accept: The media types of its answer, if it is not JSON.
    """

    operation: str
    record: type[R]
    path: tuple[str, ...]
    paging: Paging = Paging.WHOLE
    within: str = ""
    parents: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Filter] = field(default_factory=dict)
    body: Mapping[str, Filter] | None = field(default=None, repr=False)
    method: str = ""
    kind: CallKind = CallKind.READ
    identity: Callable[[Any], str] = _id_of
    accept: str = JSON

    def __post_init__(self) -> None:
        """Check the ids and filters, and keep what can be iterated only once.

        Raises:
            InputError: An id of the path is empty, or a filter is a list without members.
        """
        if not all(self.path):
            message = f"{self.operation}: an id is empty"
            raise InputError(message)
        object.__setattr__(self, "query", kept(self.operation, self.query))
        if self.body is not None:
            object.__setattr__(self, "body", kept(self.operation, self.body))


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A page of a list.

    Attributes:
        records: Its records.
        total: How many there are on all pages, as far as the service tells.
        token: The token of the next page, if the service returns one.
    """

    records: tuple[R, ...]
    total: int | None
    token: str = ""


def kept(operation: str, filters: Mapping[str, Filter]) -> dict[str, Filter]:
    """Return the values that are given, with lists as tuples.

    Raises:
        InputError: A list is empty.
    """
    found: dict[str, Filter] = {}
    for name, value in filters.items():
        if value is None:
            continue
        if isinstance(value, (str, int, float, date, Mapping)):
            found[name] = value
            continue
        found[name] = tuple(value)
        if not found[name]:
            message = f"{operation}: {name} is an empty list; leave it out, or name at least one"
            raise InputError(message)
    return found


def given(operation: str, name: str, value: str) -> str:
    """Return a text that a call requires.

    Raises:
        InputError: It is empty.
    """
    if value:
        return value
    message = f"{operation}: {name} is empty"
    raise InputError(message)


def page_call(source: Source[Any], ask: Ask) -> Call:
    """Return the call that asks for a page."""
    return _call(source, ask.values)


def record_call(source: Source[Any]) -> Call:
    """Return the call of a single record, or of a change."""
    return _call(source, {})


def _call(source: Source[Any], place: Mapping[str, int | str]) -> Call:
    query: dict[str, str | int] = {name: in_query(value) for name, value in source.query.items()}
    body = None
    if source.body is None:
        query |= place
    else:
        fields = {name: _in_body(value) for name, value in source.body.items()}
        body = json.dumps({**fields, **place}).encode("ascii")
    return Call(
        operation=source.operation,
        method=source.method or ("GET" if body is None else "POST"),
        path=path_of("v0", *source.path) + query_of(query),
        kind=source.kind,
        body=body,
        accept=source.accept,
    )


def in_query(value: Filter) -> str:
    """Return a value as it stands in a query."""
    match value:
        case str():
            return value
        case date():
            return time_text(value)
        case tuple():
            return ",".join(map(str, value))
        case _:
            return json.dumps(value)


def _in_body(value: Filter) -> Any:
    return time_text(value) if isinstance(value, date) else value


def time_text(value: date) -> str:
    """Write a time as RFC 3339; one without a zone is in UTC, a date is its first moment."""
    moment = (
        value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone comes next
    )
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.isoformat().replace("+00:00", "Z")


def read_page(source: Source[R], body: bytes) -> Page[R]:
    """Read the answer to a page's call.

    Raises:
        ResponseError: It is not as documented.
    """
    answer = _object(source, body)
    rows = rows_of(answer, source.within)
    if rows is None:
        raise _undocumented(source, f'no list "{source.within}"')
    records = tuple(
        _record(source, row, f"{source.within}.{place}") for place, row in enumerate(rows)
    )
    return Page(records, _total(source, answer), _token(answer))


def rows_of(answer: Mapping[str, Any], within: str) -> list[Any] | None:
    """Return the rows of a page, or None if the answer does not have the form of a page."""
    rows = answer.get(within)
    if within == "items" and isinstance(rows, dict):  # `SearchSatelliteImages`: by their names
        return list(rows.values())
    around = _PAGING_FIELDS | _FEATURE_COLLECTION if within == "features" else _PAGING_FIELDS
    if rows is None and (within in answer or not answer.keys() - around):
        return []
    return rows if isinstance(rows, list) else None


def read_record(source: Source[R], body: bytes) -> R:
    """Read the answer to the call of a single record.

    Raises:
        ResponseError: It is not as documented.
    """
    answer = _object(source, body)
    wrapped = answer.get(source.within) if source.within else None
    return _record(source, wrapped if isinstance(wrapped, dict) else answer, source.within)


def _object(source: Source[Any], body: bytes) -> dict[str, Any]:
    try:
        answer = load(body)
    except ValueError:  # no JSON, or more of it than is meant well
        answer = None
    if isinstance(answer, dict):
        return answer
    raise _undocumented(source, "no JSON object")


def _record(source: Source[R], row: Any, where: str) -> R:
    try:
        return source.record.model_validate(
            {**row, **source.parents} if isinstance(row, dict) else row
        )
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in (where, *problem["loc"]) if part != "")
    raise _undocumented(source, f"{place}: {problem['msg']}")


def _undocumented(source: Source[Any], reason: str) -> ResponseError:
    return ResponseError(f"the answer to {source.operation} is not as documented: {reason}")


def _token(answer: Mapping[str, Any]) -> str:
    paging = answer.get("pagination")
    within = paging.get("next_token") if isinstance(paging, dict) else None
    token = answer.get("next_token", within)
    return token if isinstance(token, str) else ""


def _total(source: Source[Any], answer: Mapping[str, Any]) -> int | None:
    paging = answer.get("pagination")
    told = paging.get("total") if isinstance(paging, dict) else None
    if source.paging is Paging.NUMBERED:
        told = answer.get("count", told)
    if isinstance(told, str) and told.isascii() and told.isdigit():
        told = int(told)
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None
