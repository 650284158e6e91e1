"""The list and get calls, as a table.

Rules:
    * An undocumented or repeated parameter is refused; an empty one counts as absent.
    * A record has to pass every filter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ..refusals import BAD_BODY, BAD_PARAMETER, ServiceError
from .catalog_search import search
from .documents import Documents, JsonObject
from .filters import Document, Filter, in_range, in_time, one_of, same
from .paging import ByNumber, ByOffset, NotPaged, Paging
from .times import between_dates_or_times, on_date_or_time, on_time

WORKFLOWS_A_PAGE = 50
"""The documented default; ten for other lists."""

SEARCH = "SearchCatalogs"


@dataclass(frozen=True)
class ListCall:
    """A call that lists.

    Attributes:
        name: The name of the list in the response.
        records: Returns all records for the ids in the path.
        paging: The kind of paging.
        filters: By the name of their parameter.
    """

    name: str
    records: Callable[[Documents, Mapping[str, str]], list[JsonObject]]
    paging: Paging
    filters: Mapping[str, Filter] = field(default_factory=dict)

    def answer(
        self, documents: Documents, ids: Mapping[str, str], query: str, most: int | None
    ) -> JsonObject:
        """Return the document.

        Raises:
            ServiceError: An id is unknown, or a parameter is invalid.
        """
        given = read_query(query, self.paging.names | self.filters.keys())
        found: list[Document] = [*self.records(documents, ids)]
        for name in self.filters.keys() & given.keys():
            try:
                test = self.filters[name](given[name])
            except ValueError as error:
                raise ServiceError(*BAD_PARAMETER, f"{name}: {error}") from None
            found = [document for document in found if test(document)]
        try:
            page, paging = self.paging.page(given, found, most)
        except ValueError as error:
            raise ServiceError(*BAD_PARAMETER, str(error)) from None
        return {self.name: page, **paging}


@dataclass(frozen=True)
class GetCall:
    """A call for one record.

    Attributes:
        record: Returns it for the ids in the path and the parameters.
        required: The names of its parameters, all required.
    """

    record: Callable[[Documents, Mapping[str, str]], JsonObject]
    required: frozenset[str] = frozenset()

    def answer(
        self, documents: Documents, ids: Mapping[str, str], query: str, most: int | None
    ) -> JsonObject:  # `most` is for lists
        """Return the document.

        Raises:
            ServiceError: An id is unknown, or a parameter is invalid.
        """
        del most
        given = read_query(query, self.required)
        for name in self.required - given.keys():
            raise ServiceError(*BAD_PARAMETER, f"{name}: it is required")
        return self.record(documents, {**given, **ids})


def read_query(query: str, names: frozenset[str]) -> dict[str, str]:
    """Read the parameters of a query.

    Raises:
        ServiceError: One is unknown, repeated, or not UTF-8.
    """
    given: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, errors="strict")
    except ValueError as error:
        raise ServiceError(*BAD_PARAMETER, f"the query is not UTF-8: {error}") from None
    for name, value in pairs:
        if name not in names:
            raise ServiceError(*BAD_PARAMETER, f"{name}: there is no such parameter")
        if name in given:
            raise ServiceError(*BAD_PARAMETER, f"{name}: it is given twice")
        given[name] = value
    return given


CALLS: dict[str, ListCall | GetCall] = {
    "ListProjects": ListCall("projects", lambda all_, _: all_.projects, ByNumber()),
    "GetProjectById": GetCall(lambda all_, ids: all_.project(ids["id"])),
    "ListAOIs": ListCall(
        "aois",
        lambda all_, _: all_.aois,
        ByOffset(),
        {
            "created_at": in_time("created_at", on_date_or_time),
            "updated_at": in_time("updated_at", on_date_or_time),
            "aoi_id": same("aoi_id"),
            "aoi_name": same("name"),
            "project_ids": one_of("project_id"),
        },
    ),
    "GetAoiById": GetCall(lambda all_, ids: all_.aoi(ids["aoi_id"])),
    "ListAssets": ListCall("assets", lambda all_, ids: all_.assets(ids["aoi_id"]), ByOffset()),
    "listInsights": ListCall(
        "insights",
        lambda all_, ids: all_.insights(ids["aoiId"]),
        NotPaged(),
        {
            "id": same("id"),
            "status": same("status"),
            "created_by": same("created_by"),
            "created_on": in_time("created_at", on_time),
        },
    ),
    "listWorkflows": ListCall(
        "workflows",
        lambda all_, _: all_.workflows,
        ByOffset(WORKFLOWS_A_PAGE),
        {
            "project_id": same("project_id"),
            "id": same("id"),
            "name": same("name"),
            "created_by": same("created_by"),
            "created_on": in_time("created_at", on_date_or_time),
            "updated_at": in_time("updated_at", on_date_or_time),
        },
    ),
    "getWorkflowsById": GetCall(
        lambda all_, ids: all_.workflow(ids["workflow_id"], ids["project_id"]),
        frozenset({"project_id"}),
    ),
    "getWorkflowCostEstimate": GetCall(
        lambda all_, ids: {
            "estimated_cost": all_.workflow_record(ids["workflow_id"]).estimated_cost
        }
    ),
    "listJobs": ListCall(
        "jobs",
        lambda all_, ids: all_.jobs(ids["workflow_id"]),
        NotPaged(),
        {
            "id": same("id"),
            "status": same("status"),
            "created_by": same("created_by"),
            "created_on": in_time("created_at", on_date_or_time),
        },
    ),
    "getJobById": GetCall(lambda all_, ids: all_.job(ids["workflow_id"], ids["job_id"])),
    "ListOrders": ListCall(
        "orders", lambda all_, _: all_.orders, ByOffset(), {"user_id": same("user_id")}
    ),
    "GetOrderById": GetCall(lambda all_, ids: all_.order(ids["id"])),
    "ListOrderItems": ListCall(
        "order_items",
        lambda all_, _: all_.order_items,
        ByOffset(),
        {
            "user_id": same("user_id"),
            "type": same("type"),
            "status": same("status"),
            "order_ids": one_of("order_id"),
            "created_by": same("created_by"),
            "created_at": in_time("created_at", between_dates_or_times),
            "project_ids": one_of("project_id"),
            "ids": one_of("id"),
            "area": in_range("area"),
        },
    ),
    "GetOrderItemById": GetCall(lambda all_, ids: all_.order_item(ids["id"])),
    "GetCatalogById": GetCall(lambda all_, ids: all_.catalog(ids["id"])),
}
"""All but the search for catalogs, by operation id."""


class Lists:
    """Implements the list and get calls."""

    def __init__(self, documents: Callable[[], Documents], page_size: int | None) -> None:
        """Prepare.

        Args:
            documents: Returns the listed documents.
            page_size: The most records on a page, or None.
        """
        self._documents = documents
        self._page_size = page_size

    def answers(self, operation: str) -> bool:
        """Return whether a call is one of these."""
        return operation == SEARCH or operation in CALLS

    def answer(self, operation: str, ids: Mapping[str, str], query: str, body: bytes) -> JsonObject:
        """Answer a call.

        Args:
            operation: The operation id.
            ids: The ids of the path.
            query: The raw query.
            body: The raw body.

        Raises:
            ServiceError: An id is unknown, or a parameter or the body is invalid.
        """
        if operation == SEARCH:
            read_query(query, frozenset())
            return search(self._documents(), _json(body), self._page_size)
        return CALLS[operation].answer(self._documents(), ids, query, self._page_size)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise ServiceError(*BAD_BODY, "the body is not JSON") from None
