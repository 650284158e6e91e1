"""Orders: what was bought."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..http.service_calls import Api
from ..records import Order
from ..sansio.api.list_calls import Source
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .listing import Listing, get


class Orders:
    """The calls that concern orders."""

    def __init__(self, api: Api) -> None:
        """Use the client's calls."""
        self._api = api

    def list(
        self, *, user_id: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[Order]:
        """List the orders of the workspace (operation `ListOrders`).

        Args:
            user_id: The user who ordered.
            page_size: Records a call.

        Returns:
            An iterator; nothing is sent before it is iterated. Its steps raise as `get` does.
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
            TransportError: No complete answer came, and the attempts are used up.
            ApiError: The service answered with an error.
            ResponseError: Its answer is not as documented (operation `GetOrderById`).
        """
        source = Source(operation="GetOrderById", record=Order, path=("orders", order_id))
        return await get(self._api, source)
