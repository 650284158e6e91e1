"""The calls that create, change and delete, and those that answer to a body, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.responses import JSONResponse, Response

from ..lists.calls import read_query
from ..lists.catalog_search import search, search_archive
from ..lists.documents import Documents, JsonObject
from ..refusals import BAD_BODY, BAD_PARAMETER, ServiceError
from .bodies import Form, MapOf, Object, read_body
from .deliveries import DELIVERIES, STORE, create_deliveries, create_store, delete_store
from .orders import ORDER, create_order
from .pictures import (
    INDEX,
    LEGEND,
    PNG,
    ROLLBACK,
    SLD,
    VISUALIZATION,
    create_index,
    create_visualization,
    draw_png,
    roll_back_legend,
    update_legend,
    write_sld,
)
from .places import AOI, IMAGE_SEARCH, create_aoi, report, search_images
from .processing import create_insight, create_job, delete_insight

OK, CREATED, NO_CONTENT = 200, 201, 204
Carry: TypeAlias = Callable[[Documents, Mapping[str, str], Any], JsonObject | Response | None]
"""Carries out a call: the documents, the ids of path and query, and the body."""


@dataclass(frozen=True)
class Action:
    """A call that does something.

    Attributes:
        carry_out: Carries it out, and returns the document.
        body: The form of its body; None for no body.
        required: The names of its required parameters.
        optional: The names of the others.
        status: The HTTP status of its response.
    """

    carry_out: Carry
    body: Form | None = None
    required: frozenset[str] = frozenset()
    status: int = CREATED
    optional: frozenset[str] = frozenset()

    def answer(
        self, documents: Documents, ids: Mapping[str, str], query: str, body: bytes
    ) -> Response:
        """Check a request, carry it out and return its response.

        Raises:
            ServiceError: It is refused.
        """
        given = read_query(query, self.required | self.optional)
        for name in self.required - given.keys():
            raise ServiceError(*BAD_PARAMETER, f"{name}: it is required")
        if self.body is None and body:
            raise ServiceError(*BAD_BODY, "the call takes no body")
        value = None if self.body is None else read_body(self.body, body)
        made = self.carry_out(documents, {**given, **ids}, value)
        if made is None:
            return Response(status_code=self.status)
        return made if isinstance(made, Response) else JSONResponse(made, self.status)


PROJECT = frozenset({"project_id"})
ACTIONS: dict[str, Action] = {
    "createJob": Action(create_job, None, PROJECT, OK),
    "createInsights": Action(
        create_insight,
        Object(
            {"block": Object({"version": str}, {"name": str, "string": str}), "input": object},
            {"name": str, "project_id": str, "metadata": MapOf(str), "estimate": bool},
        ),
    ),
    "deleteInsights": Action(delete_insight, None, PROJECT, OK),
    "AOICreateAOI": Action(create_aoi, AOI),
    "SearchSatelliteImages": Action(search_images, IMAGE_SEARCH, status=OK),
    "CreateIndex": Action(create_index, INDEX),
    "CreateVisualization": Action(create_visualization, VISUALIZATION),
    "UpdateVisualizationMetadata": Action(update_legend, LEGEND, status=OK),
    "RollbackVisualizationMetadata": Action(roll_back_legend, ROLLBACK, status=OK),
    "GenerateIndexPng": Action(draw_png, PNG),
    "GenerateVisualizationSLD": Action(write_sld, SLD, status=OK),
    "SubmitOrder": Action(create_order, ORDER),
    "DownloadOrderReport": Action(report, optional=frozenset({"tz"})),
    "CreateStore": Action(create_store, STORE, status=OK),
    "DeleteStore": Action(delete_store, status=NO_CONTENT),
    "CreateDelivery": Action(create_deliveries, DELIVERIES),
    "SearchCatalogs": Action(
        lambda documents, _, body: search(documents, body, documents.state.page_size),
        object,
        status=OK,
    ),
    "SearchItemInArchive": Action(
        lambda documents, _, body: search_archive(documents, body, documents.state.page_size),
        object,
        status=OK,
    ),
}
"""By operation id."""
