"""Orders of the workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from ..http.service_calls import Api
from ..records import Estimate, Order, OrderItemRequest
from ..sansio.api.list_calls import Source
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .changes import create
from .listing import Listing, get
from .request_fields import order_item_fields


class Orders:
    """Calls for orders.

        async for order in client.orders.list():
            items = (await client.orders.get(order.id)).order_items

    Use it as `client.orders`.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(
        self, *, user_id: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[Order]:
        """List the orders of the workspace (operation `ListOrders`).

        Args:
            user_id: The user who ordered.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="ListOrders",
            record=Order,
            path=("orders",),
            paging=Paging.OFFSET,
            within="orders",
            query={"user_id": user_id},
        )
        return Listing(self._api, source, size=page_size)

    async def create(
        self,
        order_items: Iterable[OrderItemRequest | Mapping[str, Any]],
        *,
        repeat_if_lost: bool = False,
    ) -> Order:
        """Order images of the archive, or taskings (operation `SubmitOrder`). This costs money.

            image = await anext(client.archives.search())
            project = await anext(client.projects.list())
            item = OrderItemRequest(
                project_id=project.id,
                usecase="agriculture",
                geometry=image.geometry,
                item_ids=[image.id],
            )
            order = await client.orders.create([item])
            print(order.id, order.total_amount)

        Each call is another order. It is sent once, unless the service certainly did nothing.
        `estimate` returns the price first.

        Args:
            order_items: The parts of the order, at least one.
            repeat_if_lost: If the response is lost or the service fails, send it again, although
                a second order may be created and paid.

        Raises:
            InputError: An item is invalid, or its geometry cannot be used.
            AnswerLostError: The response was lost, and the order may have been created; `list`
                shows it.
            TransportError: Nothing was sent, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented; the order may have been created.
        """
        source = Source(
            operation="SubmitOrder",
            record=Order,
            path=("orders",),
            body={"order_items": _items(order_items)},
        )
        return await create(self._api, source, repeat_if_lost=repeat_if_lost)

    async def estimate(
        self, order_items: Iterable[OrderItemRequest | Mapping[str, Any]]
    ) -> Estimate:
        """Return what `create` with these items would cost; this orders and costs nothing.

            image = await anext(client.archives.search())
            project = await anext(client.projects.list())
            item = OrderItemRequest(
                project_id=project.id,
                usecase="agriculture",
                geometry=image.geometry,
                item_ids=[image.id],
            )
            print((await client.orders.estimate([item])).cost)

        Args:
            order_items: The parts of the order, at least one.

        Returns:
            The estimate: `cost` is the service's `total_amount`, and `raw` its complete answer.

        Raises:
            InputError: An item is invalid, or its geometry cannot be used.
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `SubmitOrder` with
                `dry_run`).
        """
        source = Source(
            operation="SubmitOrder",
            record=Estimate,
            path=("orders",),
            body={"dry_run": True, "order_items": _items(order_items)},
        )
        return await get(self._api, source)

    async def get(self, order_id: str) -> Order:
        """Return one order with its items.

        Raises:
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetOrderById`).
        """
        source = Source(operation="GetOrderById", record=Order, path=("orders", order_id))
        return await get(self._api, source)


def _items(order_items: Iterable[OrderItemRequest | Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [order_item_fields(item, place) for place, item in enumerate(order_items)]
