"""AOIs: areas of interest, and the assets that lie on them."""

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
    """The calls that concern areas of interest."""

    def __init__(self, api: Api) -> None:
        """Use the client's calls."""
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
            created_at: When they were made; the service does not document how it compares.
            updated_at: When they were changed; as `created_at`.
            aoi_id: Only this one.
            aoi_name: Their name.
            project_ids: The projects that they belong to.
            page_size: Records a call.

        Returns:
            An iterator; nothing is sent before it is iterated. Its steps raise as `get` does.
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
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `GetAoiById`).
        """
        source = Source(operation="GetAoiById", record=Aoi, path=("aoi", aoi_id))
        return await get(self._api, source)

    def list_assets(self, aoi_id: str, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Asset]:
        """List the assets of an area of interest (operation `ListAssets`).

        Args:
            aoi_id: The area of interest.
            page_size: Records a call.

        Returns:
            An iterator; nothing is sent before it is iterated. Its steps raise as `get` does.
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
        """Ask for a package of assets; each call makes a new package.

        Args:
            aoi_id: The area of interest.
            asset_ids: At least one asset of it.

        Raises:
            InputError: An id is empty or too long, or a list is not as it should be.
            TransportError: No complete answer came. If `sent` is true, the service may have made
                the package all the same.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `AOICreateDownload`).
        """
        row = {"aoi_id": aoi_id, "asset_ids": asset_ids}
        return await self._api.create(parse_download({"kind": "aoi", **row}))

    async def get_download(self, aoi_id: str, download_id: str) -> Package:
        """Ask how far a package has come.

        Args:
            aoi_id: The area of interest.
            download_id: The id that `create_download` returned.

        Raises:
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `GetDownloadStatus`).
        """
        return await self._api.status_by_id(
            package_calls.aoi_status(aoi_id, download_id), download_id
        )
