"""Orders of the workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..http.service_calls import Api
from ..records import Order
from ..sansio.api.list_calls import Source
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .listing import Listing, get


class Orders:
    """Calls for orders.

        order = await client.orders.get("o-1")
        print(len(order.order_items))

    Iterators and packages need no closing; the client closes the connections.
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

    async def get(self, order_id: str) -> Order:
        """Return one order with its items.

        Raises:
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetOrderById`).
        """
        source = Source(operation="GetOrderById", record=Order, path=("orders", order_id))
        return await get(self._api, source)
