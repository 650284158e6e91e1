"""Order items: the parts of orders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from ..http.service_calls import Api
from ..records import OrderItem
from ..sansio.api.list_calls import Source
from ..sansio.api.pagination import PAGE_SIZE, Paging
from .listing import Listing, get


class OrderItems:
    """Calls for order items.

        async for item in client.order_items.list(status="FULFILLED"):
            print(item.id)

    Iterators and packages need no closing; the client closes the connections.
    """

    def __init__(self, api: Api) -> None:
        """Send calls through `api`."""
        self._api = api

    def list(  # noqa: PLR0913 - the documented filters, by name
        self,
        *,
        user_id: str | None = None,
        item_type: str | None = None,
        status: str | None = None,
        order_ids: Iterable[str] | None = None,
        created_by: str | None = None,
        created_at: str | None = None,
        project_ids: Iterable[str] | None = None,
        ids: Iterable[str] | None = None,
        area: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[OrderItem]:
        """List the order items of the workspace (operation `ListOrderItems`).

        Args:
            user_id: Their owner.
            item_type: `TASKING`, `ARCHIVE` or `RECURRING`; the service's filter `type`.
            status: Such as `FULFILLED`.
            order_ids: Their orders.
            created_by: The user who created them.
            created_at: A range of times; the service does not document its form.
            project_ids: Their projects.
            ids: Only these.
            area: A range of areas; the service does not document its form.
            page_size: Records per call.

        Returns:
            An async iterator. It sends nothing until it is iterated, and raises as `get` does.
        """
        source = Source(
            operation="ListOrderItems",
            record=OrderItem,
            path=("order-items",),
            paging=Paging.OFFSET,
            within="order_items",
            query={
                "user_id": user_id,
                "type": item_type,
                "status": status,
                "order_ids": order_ids,
                "created_by": created_by,
                "created_at": created_at,
                "project_ids": project_ids,
                "ids": ids,
                "area": area,
            },
        )
        return Listing(self._api, source, size=page_size)

    async def get(self, order_item_id: str) -> OrderItem:
        """Return one order item.

        Raises:
            TransportError: No complete response arrived, and no attempts are left.
            ApiError: The service responded with an error.
            ResponseError: The response is not as documented (operation `GetOrderItemById`).
        """
        source = Source(
            operation="GetOrderItemById", record=OrderItem, path=("order-items", order_item_id)
        )
        return await get(self._api, source)
