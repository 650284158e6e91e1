"""Catalogs: imagery that the account owns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ..downloads import parse_download
from ..http.service_calls import Api
from ..models import Package
from ..records import Catalog, Delivery, DeliveryRequest
from ..sansio.api import package_calls
from ..sansio.api.list_calls import Source, When, read_page
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .areas import Area, searched_area
from .changes import change
from .listing import Listing, get
from .request_fields import delivery_fields
from .watch import EVERY_S, Watch, ids_of


class Catalogs:
    """Calls for owned imagery.

        async for image in client.catalogs.search():
            print(image.id, image.created_at)

    Use it as `client.catalogs`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def search(  # noqa: PLR0913 - the documented filters, by name
        self,
        *,
        ids: Iterable[str] | None = None,
        item_ids: Iterable[str] | None = None,
        order_ids: Iterable[str] | None = None,
        order_item_ids: Iterable[str] | None = None,
        collections: Iterable[str] | None = None,
        bbox: Iterable[float] | None = None,
        datetime: When | None = None,
        intersects: Area | None = None,
        query: Mapping[str, Any] | None = None,
        sort_by: Iterable[Mapping[str, Any]] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Catalog]:
        """Search the images that the account owns (operation `SearchCatalogs`).

        Args:
            ids: Only these.
            item_ids: Ids of their STAC items.
            order_ids: The orders that they belong to.
            order_item_ids: The order items that they belong to.
            collections: Their collections.
            bbox: West, south, east and north edges, in degrees.
            datetime: When they were acquired: a time, or an interval such as
                `2024-01-01T00:00:00Z/..`.
            intersects: An area in degrees: GeoJSON, an object with `__geo_interface__`, or the
                path of a GeoJSON file.
            query: Conditions on properties, such as `{"cloudcover": {"lt": 10}}`.
            sort_by: Fields to sort by, each with its direction.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.

        Raises:
            InputError: The area is invalid, or a list is empty.
        """
        source = Source(
            operation="SearchCatalogs",
            record=Catalog,
            path=("catalogs", "search"),
            paging=Paging.OFFSET,
            within="catalogs",
            body={
                "ids": ids,
                "item_ids": item_ids,
                "order_ids": order_ids,
                "order_item_ids": order_item_ids,
                "collections": collections,
                "bbox": bbox,
                "datetime": datetime,
                "intersects": searched_area(intersects, "intersects"),
                "query": query,
                "sort_by": sort_by,
            },
        )
        return Listing(self._api, source, size=page_size)

    def watch(
        self,
        order_ids: Iterable[str] | None = None,
        *,
        every_s: float = EVERY_S,
        status: str | Iterable[str] | None = None,
        since: datetime | None = None,
        rounds: int | None = None,
    ) -> Watch[Catalog]:
        """Yield images as they come into the catalog, each once (operation `SearchCatalogs`).

            async for image in client.catalogs.watch(every_s=60, rounds=1):
                print(image.id, image.created_at)

        Args:
            order_ids: The orders that they belong to; by default all images of the account.
            every_s: The interval at which each list is read, in seconds.
            status: The status words of the delivery to your own storage to wait for; by default an
                image is yielded whatever that is.
            since: Leave out what was created before that; by default nothing is left out.
            rounds: End after reading each list so often; by default it never ends.

        Returns:
            An async iterator. It sends nothing until it is iterated, and needs no closing.

        Raises:
            InputError: There is no id, or a number is out of range.
        """
        ids = [] if order_ids is None else ids_of(order_ids, "order_ids")
        lists = {
            f"order {order_id}": partial(self.search, order_ids=[order_id]) for order_id in ids
        }
        return Watch(
            {"the catalog": self.search} if order_ids is None else lists,
            every_s=every_s,
            status=status,
            since=since,
            rounds=rounds,
            default=frozenset(),
        )

    async def get(self, catalog_id: str) -> Catalog:
        """Return one image that the account owns.

        Raises:
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetCatalogById`).
        """
        source = Source(operation="GetCatalogById", record=Catalog, path=("catalogs", catalog_id))
        return await get(self._api, source)

    def list_deliveries(
        self,
        *,
        delivery_id: str | None = None,
        catalog_id: str | None = None,
        task_id: str | None = None,
        order_item_id: str | None = None,
    ) -> AsyncIterator[Delivery]:
        """List the deliveries of the workspace (operation `ListDeliveries`); no paging.

            async for delivery in client.catalogs.list_deliveries():
                print(delivery.status, delivery.target_path)

        Args:
            delivery_id: Only this one.
            catalog_id: Their image.
            task_id: Their task.
            order_item_id: Their order item.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="ListDeliveries",
            record=Delivery,
            path=("catalogs", "deliveries"),
            within="deliveries",
            query={
                "delivery_id": delivery_id,
                "catalog_id": catalog_id,
                "task_id": task_id,
                "order_item_id": order_item_id,
            },
        )
        return Listing(self._api, source)

    async def create_deliveries(
        self,
        deliveries: Iterable[DeliveryRequest | Mapping[str, Any]],
        *,
        repeat_if_lost: bool = False,
    ) -> tuple[Delivery, ...]:
        """Deliver images to stores of yours (operation `CreateDelivery`).

            image = await anext(client.catalogs.search())
            async for store in client.stores.list():
                request = DeliveryRequest(store_id=store.id, catalog_ids=[image.id])
                for delivery in await client.catalogs.create_deliveries([request]):
                    print(delivery.id, delivery.status)

        The document names no price; the traffic into your store may cost. It is sent once, unless
        the service certainly did nothing.

        Args:
            deliveries: What to deliver where, at least one.
            repeat_if_lost: If the response is lost or the service fails, send it again, although
                the images may be delivered twice.

        Raises:
            InputError: A delivery is invalid.
            AnswerLostError: The response was lost, and they may have been created;
                `list_deliveries` shows them.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented; they may have been created.
        """
        source = Source(
            operation="CreateDelivery",
            record=Delivery,
            path=("catalogs", "deliveries"),
            within="deliveries",
            body={"deliveries": [delivery_fields(one) for one in deliveries]},
        )
        return await change(
            self._api,
            source,
            lambda body: read_page(source, body).records,
            repeat_if_lost=repeat_if_lost,
        )

    async def create_download(
        self,
        *,
        catalog_ids: Iterable[str] = (),
        order_item_ids: Iterable[str] = (),
    ) -> Package:
        """Request a package of images; each call creates a new package.

        Args:
            catalog_ids: Catalog ids; give these or `order_item_ids`, not both.
            order_item_ids: Order items.

        Raises:
            InputError: An id is empty or too long, or a list is invalid.
            TransportError: No complete response arrived. If `sent` is true, the service may have
                created the package anyway.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `CreateDownload`).
        """
        row = {"catalog_ids": catalog_ids, "order_item_ids": order_item_ids}
        return await self._api.create(parse_download({"kind": "catalog", **row}))

    async def get_download(self, download_id: str) -> Package:
        """Return the current state of a package.

        Args:
            download_id: The id that `create_download` returned.

        Raises:
            InputError: An id is empty.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetDownloadById`).
        """
        return await self._api.status_by_id(package_calls.catalog_status(download_id), download_id)
