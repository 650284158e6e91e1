"""The calls that change the world, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.responses import JSONResponse, Response

from ..lists.calls import read_query
from ..lists.documents import Documents, JsonObject
from ..refusals import BAD_BODY, BAD_PARAMETER, ServiceError
from .bodies import Form, MapOf, Object, read_body
from .processing import create_insight, create_job, delete_insight

OK, CREATED = 200, 201
Carry: TypeAlias = Callable[[Documents, Mapping[str, str], Any], JsonObject | Response]
"""Carries out a call: the documents, the ids of path and query, and the body."""


@dataclass(frozen=True)
class Change:
    """A call that changes the world.

    Attributes:
        carry_out: Carries it out, and returns the document.
        body: The form of its body; None for no body.
        required: The names of its parameters, all required.
        status: The HTTP status of its response.
    """

    carry_out: Carry
    body: Form | None = None
    required: frozenset[str] = frozenset()
    status: int = CREATED

    def answer(
        self, documents: Documents, ids: Mapping[str, str], query: str, body: bytes
    ) -> Response:
        """Check a request, carry it out and return its response.

        Raises:
            ServiceError: It is refused.
        """
        given = read_query(query, self.required)
        for name in self.required - given.keys():
            raise ServiceError(*BAD_PARAMETER, f"{name}: it is required")
        if self.body is None and body:
            raise ServiceError(*BAD_BODY, "the call takes no body")
        value = None if self.body is None else read_body(self.body, body)
        made = self.carry_out(documents, {**given, **ids}, value)
        return made if isinstance(made, Response) else JSONResponse(made, self.status)


PROJECT = frozenset({"project_id"})
CHANGES: dict[str, Change] = {
    "createJob": Change(create_job, None, PROJECT, OK),
    "createInsights": Change(
        create_insight,
        Object(
            {"block": Object({"version": str}, {"name": str, "string": str}), "input": object},
            {"name": str, "project_id": str, "metadata": MapOf(str), "estimate": bool},
        ),
    ),
    "deleteInsights": Change(delete_insight, None, PROJECT, OK),
}
"""By operation id."""
