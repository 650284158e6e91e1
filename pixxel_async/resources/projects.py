"""Projects: what a workspace is divided into."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..http.service_calls import Api
from ..records import Project
from ..sansio.api.list_calls import Source
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .listing import Listing, get


class Projects:
    """The calls that concern projects."""

    def __init__(self, api: Api) -> None:
        """Use the client's calls."""
        self._api = api

    def list(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Project]:
        """List the projects that the key may see (operation `ListProjects`).

        Args:
            page_size: Records a call.

        Returns:
            An iterator; nothing is sent before it is iterated. Its steps raise as `get` does.
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
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `GetProjectById`).
        """
        source = Source(
            operation="GetProjectById",
            record=Project,
            path=("projects", project_id),
            within="project",
        )
        return await get(self._api, source)
