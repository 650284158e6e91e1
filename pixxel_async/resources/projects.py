"""Projects of the workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..http.service_calls import Api
from ..records import Project
from ..sansio.api.list_calls import Source
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .listing import Listing, get


class Projects:
    """Calls for projects.

        async for project in client.projects.list():
            print(project.id, project.title)

    Iterators and packages need no closing; the client closes the connections.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Project]:
        """List the projects that the key may see (operation `ListProjects`).

        Args:
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="ListProjects",
            record=Project,
            path=("projects",),
            paging=Paging.NUMBERED,
            within="projects",
        )
        return Listing(self._api, source, size=page_size)

    async def get(self, project_id: str) -> Project:
        """Return one project.

        Raises:
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetProjectById`).
        """
        source = Source(
            operation="GetProjectById",
            record=Project,
            path=("projects", project_id),
            within="project",
        )
        return await get(self._api, source)
