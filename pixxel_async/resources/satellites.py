"""Satellites, and the search for their images."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from ..http.service_calls import Api
from ..records import ImageSource, PropertyRange, Satellite, StacItem
from ..sansio.api.list_calls import Source, When
from ..sansio.api.pagination import PAGE_SIZE, Paging
from ..sansio.geometry import geometry as checked
from .areas import Area, loaded
from .listing import Listing
from .request_fields import fields_of


class Satellites:
    """Calls for satellites.

        async for satellite in client.satellites.list():
            print(satellite.id, satellite.name)

    Use it as `client.satellites`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(self) -> AsyncIterator[Satellite]:
        """List the supported satellites (operation `List Satellites`); no paging.

            names = [satellite.name async for satellite in client.satellites.list()]

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `aois.get` does.
        """
        source = Source(
            operation="List Satellites",
            record=Satellite,
            path=("satellites",),
            within="satellites",
        )
        return Listing(self._api, source)

    def search(  # noqa: PLR0913 - the documented fields, by name
        self,
        start_date: When,
        end_date: When,
        satellites: Iterable[ImageSource | Mapping[str, Any]],
        geometry: Area,
        *,
        filters: Iterable[PropertyRange | Mapping[str, Any]] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[StacItem]:
        """Search images of satellites for an area of interest (operation `SearchSatelliteImages`).

            satellite = await anext(client.satellites.list())
            aoi = await anext(client.aois.list())
            source = ImageSource(
                satellite_id=satellite.id, collection_id=satellite.collections[0].id
            )
            images = client.satellites.search(
                date(2024, 1, 1),
                date(2026, 1, 1),
                [source],
                aoi.raw["geometry"],
                filters=[PropertyRange(id="eo:cloud_cover", min=0, max=20)],
            )
            item_ids = [image.id async for image in images]

        It costs nothing.

        Args:
            start_date: The first moment.
            end_date: The last moment.
            satellites: Satellites with their collections, at least one.
            geometry: The area in degrees: GeoJSON, an object with `__geo_interface__`, or the path
                of a GeoJSON file.
            filters: Ranges of properties.
            page_size: Records per call, at most 10,000.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `aois.get` does.

        Raises:
            InputError: The area or a field is invalid.
        """
        source = Source(
            operation="SearchSatelliteImages",
            record=StacItem,
            path=("search",),
            paging=Paging.TOKEN,
            within="items",
            identity=lambda item: f"{item.collection}/{item.id}",
            body={
                "start_date": start_date,
                "end_date": end_date,
                "satellites": [fields_of(ImageSource, one) for one in satellites],
                "filters": None
                if filters is None
                else [fields_of(PropertyRange, one) for one in filters],
                "geometry": checked(loaded(geometry, "geometry"), "geometry"),
            },
        )
        return Listing(self._api, source, size=page_size)
