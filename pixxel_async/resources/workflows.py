"""Workflows: chains of blocks that jobs run."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..http.service_calls import Api
from ..records import Estimate, Workflow
from ..sansio.api.list_calls import Source, When
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .listing import Listing, get


class Workflows:
    """Calls for workflows.

        async for workflow in client.workflows.list():
            print(workflow.id, workflow.name)

    Use it as `client.workflows`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
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
            project_id: Their project.
            workflow_id: Only this one (the service's filter `id`).
            name: Its name.
            created_by: The user who created it.
            created_on: When it was created; the service does not document how it compares.
            updated_at: When it was updated; like `created_on`.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
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
            project_id: Its project, which the service requires.

        Raises:
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `getWorkflowsById`).
        """
        source = Source(
            operation="getWorkflowsById",
            record=Workflow,
            path=("workflows", workflow_id),
            query={"project_id": project_id},
        )
        return await get(self._api, source)

    async def estimate(self, workflow_id: str) -> Estimate:
        """Return what a job of a workflow would cost; this spends nothing.

            workflow = await anext(client.workflows.list())
            estimate = await client.workflows.estimate(workflow.id)
            print(estimate.cost, "credits")

        Args:
            workflow_id: The workflow.

        Raises:
            InputError: The id is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `getWorkflowCostEstimate`).
        """
        source = Source(
            operation="getWorkflowCostEstimate",
            record=Estimate,
            path=("workflows", workflow_id, "estimate"),
        )
        return await get(self._api, source)
