"""Insights: results derived for an area of interest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from ..downloads import parse_download
from ..http.service_calls import Api
from ..models import Package
from ..records import Insight
from ..sansio.api.list_calls import Source, When
from .listing import Listing


class Insights:
    """Calls for insights.

        async for insight in client.insights.list("a-1", status="completed"):
            print(insight.id)

    Iterators and packages need no closing; the client closes the connections.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(
        self,
        aoi_id: str,
        *,
        insight_id: str | None = None,
        status: str | None = None,
        created_by: str | None = None,
        created_on: When | None = None,
    ) -> AsyncIterator[Insight]:
        """List the insights of an area of interest (operation `listInsights`); no paging.

        Args:
            aoi_id: The area of interest.
            insight_id: Only this one (the service's filter `id`).
            status: Their status, as the service spells it.
            created_by: The user who created them.
            created_on: When they were created; the service does not document how it compares.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as
            `create_download` does.
        """
        source = Source(
            operation="listInsights",
            record=Insight,
            path=("aoi", aoi_id, "insights"),
            within="insights",
            parents={"aoi_id": aoi_id},
            query={
                "id": insight_id,
                "status": status,
                "created_by": created_by,
                "created_on": created_on,
            },
        )
        return Listing(self._api, source)

    async def create_download(
        self,
        aoi_id: str,
        insight_id: str,
        *,
        inputs: Iterable[str] = (),
        outputs: Iterable[str] = (),
    ) -> Package:
        """Request a package of an insight, or return its state if it exists: the call is the same.

        Args:
            aoi_id: The area of interest.
            insight_id: The insight.
            inputs: Asset ids of inputs to include.
            outputs: Asset ids of outputs to include.

        Raises:
            InputError: An id is empty or too long, or a list is invalid.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `downloadInsights`).
        """
        row = {"aoi_id": aoi_id, "insight_id": insight_id, "inputs": inputs, "outputs": outputs}
        return await self._api.create(parse_download({"kind": "insight", **row}))
