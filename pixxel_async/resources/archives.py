"""Archives: collections of images that can be ordered, as STAC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from ..http.service_calls import Api
from ..records import StacCollection, StacItem
from ..sansio.api.list_calls import Source, When
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .areas import Area, searched_area
from .listing import Listing, get


class Archives:
    """Calls for the archive; its records are STAC, and `to_pystac()` returns them as such.

        async for item in client.archives.search(bbox=[77, 12, 78, 13]):
            print(item.id, item.cloud_cover)

    Use it as `client.archives`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list_collections(
        self, *, ids: Iterable[str] | None = None
    ) -> AsyncIterator[StacCollection]:
        """List the collections (operation `ListCollections`); no paging.

            async for collection in client.archives.list_collections():
                print(collection.id, collection.title)

        Args:
            ids: Only these.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as
            `get_collection` does.
        """
        source = Source(
            operation="ListCollections",
            record=StacCollection,
            path=("archives", "collections"),
            within="collections",
            query={"ids": ids},
        )
        return Listing(self._api, source)

    async def get_collection(self, collection_id: str) -> StacCollection:
        """Return one collection.

            first = await anext(client.archives.list_collections())
            collection = await client.archives.get_collection(first.id)
            print(collection.extent)

        Raises:
            InputError: The id is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetCollectionById`).
        """
        source = Source(
            operation="GetCollectionById",
            record=StacCollection,
            path=("archives", "collections", collection_id),
        )
        return await get(self._api, source)

    def list_items(
        self, collection_id: str, *, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[StacItem]:
        """List the items of a collection (operation `ListItemInCollection`).

            collection = await anext(client.archives.list_collections())
            async for item in client.archives.list_items(collection.id):
                print(item.id, item.datetime)

        Args:
            collection_id: The collection.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get_item` does.
        """
        source = Source(
            operation="ListItemInCollection",
            record=StacItem,
            path=("archives", "collections", collection_id, "items"),
            paging=Paging.OFFSET,
            within="features",
        )
        return Listing(self._api, source, size=page_size)

    async def get_item(self, collection_id: str, item_id: str) -> StacItem:
        """Return one item.

            first = await anext(client.archives.search())
            item = await client.archives.get_item(first.collection, first.id)
            print(item.geometry)

        Args:
            collection_id: The collection.
            item_id: The item.

        Raises:
            InputError: An id is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetCollectionItemById`).
        """
        source = Source(
            operation="GetCollectionItemById",
            record=StacItem,
            path=("archives", "collections", collection_id, "items", item_id),
        )
        return await get(self._api, source)

    def search(  # noqa: PLR0913 - the documented fields, by name
        self,
        *,
        ids: Iterable[str] | None = None,
        collections: Iterable[str] | None = None,
        bbox: Iterable[float] | None = None,
        datetime: When | None = None,
        intersects: Area | None = None,
        query: Mapping[str, Any] | None = None,
        sort_by: Iterable[Mapping[str, str]] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[StacItem]:
        """Search items of all collections (operation `SearchItemInArchive`).

            aoi = await anext(client.aois.list())
            items = client.archives.search(
                intersects=aoi.raw["geometry"], query={"cloudcover": {"lt": 10}}
            )
            item_ids = [item.id async for item in items]

        It costs nothing.

        Args:
            ids: Only these.
            collections: Their collections.
            bbox: West, south, east and north edges, in degrees.
            datetime: When they were acquired: a time, or an interval such as
                `2024-01-01T00:00:00Z/..`.
            intersects: An area in degrees: GeoJSON, an object with `__geo_interface__`, or the
                path of a GeoJSON file.
            query: Conditions on properties, such as `{"cloudcover": {"lt": 10}}`.
            sort_by: What to sort by, each with `field` and `direction` (the service's `sortby`).
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get_item` does.

        Raises:
            InputError: The area is invalid, or a list is empty.
        """
        source = Source(
            operation="SearchItemInArchive",
            record=StacItem,
            path=("archives", "search"),
            paging=Paging.OFFSET,
            within="features",
            identity=lambda item: f"{item.collection}/{item.id}",
            body={
                "ids": ids,
                "collections": collections,
                "bbox": bbox,
                "datetime": datetime,
                "intersects": searched_area(intersects, "intersects"),
                "query": query,
                "sortby": sort_by,
            },
        )
        return Listing(self._api, source, size=page_size)
