"""AOIs: areas of interest and their assets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from ..downloads import parse_download
from ..http.service_calls import Api
from ..models import Package
from ..records import Aoi, Asset
from ..sansio.api import package_calls
from ..sansio.api.list_calls import Source, When, given
from ..sansio.api.pagination import PAGE_SIZE, Paging
from ..sansio.geometry import polygon
from .areas import Area, loaded
from .changes import create
from .listing import Listing, get


class Aois:
    """Calls for areas of interest.

        async for aoi in client.aois.list(page_size=50):
            assets = [asset.id async for asset in client.aois.list_assets(aoi.id)]

    Use it as `client.aois`.
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

    async def create(  # noqa: PLR0913 - the documented fields, by name
        self,
        *,
        name: str,
        project_id: str,
        satellite_id: str,
        provider: str,
        geometry: Area,
        item_ids: Iterable[str],
        description: str = "",
        repeat_if_lost: bool = False,
    ) -> Aoi:
        """Create an area of interest from images (operation `AOICreateAOI`).

            image = await anext(client.archives.search())
            project = await anext(client.projects.list())
            satellite = await anext(client.satellites.list())
            aoi = await client.aois.create(
                name="Field 7",
                project_id=project.id,
                satellite_id=satellite.id,
                provider="pixxel",
                geometry=image.geometry,
                item_ids=[image.id],
            )
            print(aoi.id, aoi.status)

        It is sent once, unless the service certainly did nothing.

        Args:
            name: A name that no other area of interest has.
            project_id: The project that it belongs to.
            satellite_id: The satellite; `client.satellites.list` lists them.
            provider: `pixxel`, or `planetary` for open data such as Landsat and Sentinel.
            geometry: Its boundary, a polygon in degrees: GeoJSON, an object with
                `__geo_interface__`, or the path of a GeoJSON file.
            item_ids: The images, at least one, as `client.satellites.search` finds them.
            description: Its purpose.
            repeat_if_lost: If the response is lost or the service fails, send it again, although
                a second one may be created.

        Raises:
            InputError: An argument is empty, or the geometry is not a polygon.
            AnswerLostError: The response was lost, and it may have been created; `list` shows it.
            TransportError: Nothing was sent, and no attempts are left.
            ConflictError: The name is taken.
            ApiError: The service responded with another error.
            ResponseError: The response is not as documented; it may have been created.
        """
        operation = "AOICreateAOI"
        source = Source(
            operation=operation,
            record=Aoi,
            path=("aois",),
            body={
                "name": given(operation, "name", name),
                "description": description,
                "satellite_id": given(operation, "satellite_id", satellite_id),
                "provider": given(operation, "provider", provider),
                "project_id": given(operation, "project_id", project_id),
                "geometry": polygon(loaded(geometry, "geometry"), "geometry"),
                "item_ids": item_ids,
            },
        )
        return await create(self._api, source, repeat_if_lost=repeat_if_lost)

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
