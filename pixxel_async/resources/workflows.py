"""Workflows: chains of blocks, which jobs run."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..http.service_calls import Api
from ..records import Workflow
from ..sansio.api.list_calls import Source, When
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .listing import Listing, get


class Workflows:
    """The calls that concern workflows."""

    def __init__(self, api: Api) -> None:
        """Use the client's calls."""
        self._api = api

    def list(  # noqa: PLR0913 - the documented filters, by name
        self,
        *,
        project_id: str | None = None,
        workflow_id: str | None = None,
        name: str | None = None,
        created_by: str | None = None,
        created_on: When | None = None,
        updated_at: When | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Workflow]:
        """List workflows (operation `listWorkflows`).

        Args:
            project_id: The project that they belong to.
            workflow_id: Only this one; the service's filter `id`.
            name: Its name.
            created_by: The user who made it.
            created_on: When it was made; the service does not document how it compares.
            updated_at: When it was changed; as `created_on`.
            page_size: Records a call.

        Returns:
            An iterator; nothing is sent before it is iterated. Its steps raise as `get` does.
        """
        source = Source(
            operation="listWorkflows",
            record=Workflow,
            path=("workflows",),
            paging=Paging.OFFSET,
            within="workflows",
            query={
                "project_id": project_id,
                "id": workflow_id,
                "name": name,
                "created_by": created_by,
                "created_on": created_on,
                "updated_at": updated_at,
            },
        )
        return Listing(self._api, source, size=page_size)

    async def get(self, workflow_id: str, project_id: str) -> Workflow:
        """Return one workflow.

        Args:
            workflow_id: The workflow.
            project_id: The project that it belongs to; the service asks for it.

        Raises:
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `getWorkflowsById`).
        """
        source = Source(
            operation="getWorkflowsById",
            record=Workflow,
            path=("workflows", workflow_id),
            query={"project_id": project_id},
        )
        return await get(self._api, source)
