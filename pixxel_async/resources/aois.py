"""AOIs: areas of interest and their assets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from ..downloads import parse_download
from ..http.service_calls import Api
from ..models import Package
from ..records import Aoi, Asset
from ..sansio.api import package_calls
from ..sansio.api.list_calls import Source, When
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .listing import Listing, get


class Aois:
    """Calls for areas of interest.

        async for aoi in client.aois.list(project_ids=["p-1"]):
            print(aoi.id, aoi.name)

    Iterators and packages need no closing; the client closes the connections.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(  # noqa: PLR0913 - the documented filters, by name
        self,
        *,
        created_at: When | None = None,
        updated_at: When | None = None,
        aoi_id: str | None = None,
        aoi_name: str | None = None,
        project_ids: Iterable[str] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Aoi]:
        """List areas of interest (operation `ListAOIs`).

        Args:
            created_at: When they were created; the service does not document how it compares.
            updated_at: When they were updated; like `created_at`.
            aoi_id: Only this one.
            aoi_name: Their name.
            project_ids: Their projects.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="ListAOIs",
            record=Aoi,
            path=("aois",),
            paging=Paging.OFFSET,
            within="aois",
            query={
                "created_at": created_at,
                "updated_at": updated_at,
                "aoi_id": aoi_id,
                "aoi_name": aoi_name,
                "project_ids": project_ids,
            },
        )
        return Listing(self._api, source, size=page_size)

    async def get(self, aoi_id: str) -> Aoi:
        """Return one area of interest.

        Raises:
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetAoiById`).
        """
        source = Source(operation="GetAoiById", record=Aoi, path=("aoi", aoi_id))
        return await get(self._api, source)

    def list_assets(self, aoi_id: str, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Asset]:
        """List the assets of an area of interest (operation `ListAssets`).

        Args:
            aoi_id: The area of interest.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="ListAssets",
            record=Asset,
            path=("aois", aoi_id, "assets"),
            paging=Paging.OFFSET,
            within="assets",
            parents={"aoi_id": aoi_id},
        )
        return Listing(self._api, source, size=page_size)

    async def create_download(self, aoi_id: str, asset_ids: Iterable[str]) -> Package:
        """Request a package of assets; each call creates a new package.

        Args:
            aoi_id: The area of interest.
            asset_ids: At least one of its assets.

        Raises:
            InputError: An id is empty or too long, or a list is invalid.
            TransportError: No complete response arrived. If `sent` is true, the service may have
                created the package anyway.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `AOICreateDownload`).
        """
        row = {"aoi_id": aoi_id, "asset_ids": asset_ids}
        return await self._api.create(parse_download({"kind": "aoi", **row}))

    async def get_download(self, aoi_id: str, download_id: str) -> Package:
        """Return the current state of a package.

        Args:
            aoi_id: The area of interest.
            download_id: The id that `create_download` returned.

        Raises:
            InputError: An id is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetDownloadStatus`).
        """
        return await self._api.status_by_id(
            package_calls.aoi_status(aoi_id, download_id), download_id
        )
