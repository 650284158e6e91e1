"""The searches for catalogs and in the archive.

Rules:
    * A catalog has to pass every filter; an empty list is not a filter.
    * Orders and order items are those of the catalog's task.
    * Queries about the STAC item read `details`. `cloudcover` and `bands`, which the document uses
      in an example, are its `eo:cloud_cover` and the names of its bands.
    * `sort_by` sorts by the first of its fields, then the next; catalogs without a field come last.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..refusals import BAD_BODY, ServiceError
from .documents import Documents, JsonObject
from .filters import Test
from .paging import TEN, Page, page_at, whole_number
from .shapes import Rings, areas, boxes, intersect, polygon
from .times import between_times, listed_time

LIMIT = 2
"""The documented default."""

FEATURES: JsonObject = {"type": "FeatureCollection", "links": []}
"""What is around the items of the archive."""

BodyFilter: TypeAlias = Callable[[Any, Documents], Test]
"""Raises ValueError for an invalid value."""

_FIELD = re.compile(r"properties(?:\.|->>)'?([^']+)'?")
_ALIASES = {"cloudcover": "eo:cloud_cover"}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "neq": operator.ne,
    "in": lambda value, expected: value in expected,
    "eq": lambda value, expected: (
        set(expected) <= set(value)
        if isinstance(value, list) and isinstance(expected, list)
        else bool(value == expected)
    ),
}


def search(documents: Documents, body: Any, most: int | None) -> JsonObject:
    """Answer a search for catalogs.

    Args:
        documents: The listed records.
        body: The decoded body.
        most: The most records on a page, or None.

    Raises:
        ServiceError: The body is not as documented.
    """
    catalogs = documents.catalogs
    page, paging = found(documents, catalogs, body, most, Fields(FILTERS, "sort_by", _order, LIMIT))
    return {"catalogs": page, **paging}


@dataclass(frozen=True)
class Fields:
    """The fields of the body of a search.

    Attributes:
        filters: By name.
        sort_by: The name of the order.
        read_order: Reads it: names, each with whether it is descending.
        limit: The default of `limit`.
    """

    filters: Mapping[str, BodyFilter]
    sort_by: str
    read_order: Callable[[Any], list[tuple[str, bool]]]
    limit: int


def found(
    documents: Documents, records: Sequence[JsonObject], body: Any, most: int | None, fields: Fields
) -> Page:
    """Return the page of the records that a search finds.

    Args:
        documents: The listed records.
        records: What is searched; each with a STAC item as `details`.
        body: The decoded body.
        most: The most records on a page, or None.
        fields: What the body may contain.

    Raises:
        ServiceError: The body is not as documented.
    """
    if not isinstance(body, dict):
        raise ServiceError(*BAD_BODY, "the body is not a JSON object")
    offset, limit = _number(body, "offset", 0, 0), _number(body, "limit", fields.limit, 1)
    unknown = body.keys() - fields.filters.keys() - {"offset", "limit", fields.sort_by}
    if unknown:
        raise ServiceError(*BAD_BODY, f"{min(unknown)}: there is no such field")
    tests, order = [], []
    for name, value in body.items():
        try:
            if name == fields.sort_by:
                order = fields.read_order(value)
            elif name in fields.filters and value not in ([], {}, ""):
                tests.append(fields.filters[name](value, documents))
        except ValueError as error:
            raise ServiceError(*BAD_BODY, f"{name}: {error}") from None
    hits = [one for one in records if all(test(one) for test in tests)]
    for name, is_descending in reversed(order):
        hits = _sorted(hits, name, is_descending=is_descending)
    return page_at(hits, offset, limit, most)


def _number(body: Mapping[str, Any], name: str, default: int, at_least: int) -> int:
    value = body.get(name, default)
    try:
        # A text or a boolean is not a number, even if it looks like one.
        return whole_number(name, repr(value), at_least=at_least)
    except ValueError as error:
        raise ServiceError(*BAD_BODY, str(error)) from None


def _texts(value: Any) -> set[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        reason = "it is a list of strings"
        raise ValueError(reason)
    return set(value)


def _among(read: Callable[[JsonObject, Documents], object]) -> BodyFilter:
    """The value read from a catalog is one of a list of texts."""

    def make(value: Any, documents: Documents) -> Test:
        expected = _texts(value)
        return lambda catalog: read(dict(catalog), documents) in expected

    return make


def _origin(part: int) -> Callable[[JsonObject, Documents], object]:
    def read(catalog: JsonObject, documents: Documents) -> object:
        return documents.origins.get(catalog.get("task_id", ""), ("", ""))[part]

    return read


def _taken(value: Any, _: Documents) -> Test:
    if not isinstance(value, str):
        reason = "it is a time or an interval, as text"
        raise ValueError(reason)  # noqa: TRY004 - reported like the other invalid values
    span = between_times(value)

    def test(catalog: Mapping[str, Any]) -> bool:
        moment = listed_time(_property(catalog, "datetime"))
        return moment is not None and span.holds(moment)

    return test


def _within(wanted: Sequence[Rings]) -> Test:
    def test(catalog: Mapping[str, Any]) -> bool:
        details = catalog.get("details") or {}
        try:
            own = [polygon(details.get("geometry"))]
        except ValueError:
            own = boxes(details["bbox"]) if "bbox" in details else []
        return any(intersect(area, part) for area in wanted for part in own)

    return test


def _query(value: Any, _: Documents) -> Test:
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        reason = "it is an object of objects, such as {'cloudcover': {'lt': 10}}"
        raise ValueError(reason)
    unknown = {name for tests in value.values() for name in tests} - _COMPARE.keys()
    if unknown:
        reason = f"{min(unknown)!r} is none of {', '.join(sorted(_COMPARE))}"
        raise ValueError(reason)
    return lambda catalog: all(
        _passes(_property(catalog, name), compare, expected)
        for name, tests in value.items()
        for compare, expected in tests.items()
    )


def _passes(value: Any, compare: str, expected: Any) -> bool:
    try:
        return value is not None and _COMPARE[compare](value, expected)
    except TypeError:  # a text and a number, for example
        return False


def _property(catalog: Mapping[str, Any], name: str) -> Any:
    """Return a property of the STAC item of a catalog, or None."""
    details = catalog.get("details") or {}
    match = _FIELD.fullmatch(name)
    name = match[1] if match else name
    if name == "bands":
        assets: Collection[Mapping[str, Any]] = details.get("assets", {}).values()
        return [band.get("name") for asset in assets for band in asset.get("eo:bands", [])]
    properties = details.get("properties") or {}
    return properties.get(_ALIASES.get(name, name))


def _order(value: Any) -> list[tuple[str, bool]]:
    if not isinstance(value, list) or not all(
        isinstance(one, dict) and all(way in ("ASC", "DESC") for way in one.values())
        for one in value
    ):
        reason = "it is a list of objects, such as {'datetime': 'DESC'}, with ASC or DESC"
        raise ValueError(reason)
    return [(name, way == "DESC") for one in value for name, way in one.items()]


def _archive_order(value: Any) -> list[tuple[str, bool]]:
    if not isinstance(value, list) or not all(
        isinstance(one, dict)
        and isinstance(one.get("field"), str)
        and str(one.get("direction", "asc")).lower() in {"asc", "desc"}
        for one in value
    ):
        reason = "it is a list of objects with a field, and asc or desc as direction"
        raise ValueError(reason)
    return [(one["field"], str(one.get("direction")).lower() == "desc") for one in value]


def _sorted(catalogs: list[JsonObject], name: str, *, is_descending: bool) -> list[JsonObject]:
    have = [one for one in catalogs if _property(one, name) is not None]
    lack = [one for one in catalogs if _property(one, name) is None]
    have.sort(key=lambda one: _rank(_property(one, name)), reverse=is_descending)
    return have + lack


def _rank(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, (int, float)) else (1, str(value))


FILTERS: dict[str, BodyFilter] = {
    "ids": _among(lambda catalog, _: catalog.get("id")),
    "item_ids": _among(lambda catalog, _: (catalog.get("details") or {}).get("id")),
    "collections": _among(lambda catalog, _: (catalog.get("details") or {}).get("collection")),
    "order_ids": _among(_origin(0)),
    "order_item_ids": _among(_origin(1)),
    "datetime": _taken,
    "bbox": lambda value, _: _within(boxes(value)),
    "intersects": lambda value, _: _within([polygon(value)]),
    "query": _query,
}
ARCHIVE_FILTERS: dict[str, BodyFilter] = {
    "ids": FILTERS["item_ids"],
    "intersects": lambda value, _: _within(areas(value)),
    **{name: FILTERS[name] for name in ("collections", "datetime", "bbox", "query")},
}


def search_archive(documents: Documents, body: Any, most: int | None) -> JsonObject:
    """Answer a search in the archive; the arguments are those of `search`.

    Raises:
        ServiceError: The body is not as documented.
    """
    records = [{"details": item} for item in documents.reference.items]
    fields = Fields(ARCHIVE_FILTERS, "sortby", _archive_order, TEN)
    page, _ = found(documents, records, body, most, fields)
    return {**FEATURES, "features": [one["details"] for one in page]}
