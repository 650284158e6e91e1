"""Records of the workspace: owned images, orders, order items and projects."""

from __future__ import annotations

from typing import Annotated, Any

from .base import Amount, Number, Objects, Record, Text, Time


class Catalog(Record, frozen=True):
    """An image that the account owns (operations `SearchCatalogs`, `GetCatalogById`).

        async for catalog in client.catalogs.search():
            print(catalog.item_id, catalog.collection, catalog.area)

    `raw["details"]` has its complete STAC item.

    Attributes:
        task_id: The task of the order that it belongs to.
        org_id: The workspace.
        area: Square kilometres.
        delivery_status: The status of the delivery to your own storage, if you have set that up.
    """

    task_id: Text = ""
    org_id: Text = ""
    bandset_id: Text = ""
    area: Number = None
    delivery_status: Text = ""
    created_by: Text = ""
    updated_at: Time = None

    @property
    def item_id(self) -> str:
        """The id of its STAC item, or an empty string."""
        return _text_in(self.raw, "details", "id")

    @property
    def collection(self) -> str:
        """The collection of its STAC item, or an empty string."""
        return _text_in(self.raw, "details", "collection")


class OrderItem(Record, frozen=True):
    """A part of an order (operations `ListOrderItems`, `GetOrderItemById`).

        async for item in client.order_items.list():
            print(item.name, item.status, item.start_date)

    Attributes:
        order_id: The order.
        project_id: The project for which it was ordered.
        type: `TASKING`, `ARCHIVE` or `RECURRING`.
        status: `DRAFT`, `ACTIVE`, `FULFILLED`, `CANCELLED`, `FAILED` or `PARTIALLY_FULFILLED`.
        area: Square kilometres.
        base_amount: What it costs before uplifts and discounts.
        final_amount: What it costs; the service's documentation names no unit.
        tokens_used: The tokens that it used; only after the payment.
        start_date: The first day of the order.
        end_date: The last day of the order.
    """

    order_id: Text = ""
    name: Text = ""
    project_id: Text = ""
    org_id: Text = ""
    user_id: Text = ""
    type: Text = ""
    status: Text = ""
    payment_status: Text = ""
    feasibility_status: Text = ""
    area: Number = None
    base_amount: Amount = None
    final_amount: Amount = None
    tokens_used: Amount = None
    start_date: Time = None
    end_date: Time = None
    created_by: Text = ""
    updated_at: Time = None


class Order(Record, frozen=True):
    """An order (operations `ListOrders`, `GetOrderById`, `SubmitOrder`).

        async for order in client.orders.list():
            print(order.status, [item.id for item in order.order_items])

    Attributes:
        status: The payment status: `PAID`, `REFUND`, `UNPAID` or `PAYMENT_IN_PROGRESS`.
        total_amount: What it costs; the service's documentation names no unit.
        order_items: The order items.
        paid_at: When it was paid.
    """

    status: Text = ""
    org_id: Text = ""
    user_id: Text = ""
    created_by: Text = ""
    total_amount: Amount = None
    order_items: Annotated[tuple[OrderItem, ...], Objects] = ()
    paid_at: Time = None
    updated_at: Time = None


def _text_in(raw: Any, *names: str) -> str:
    for name in names:
        raw = raw.get(name) if hasattr(raw, "get") else None
    return raw if isinstance(raw, str) else ""


class Project(Record, frozen=True):
    """A project of the workspace (operations `ListProjects`, `GetProjectById`).

        async for project in client.projects.list():
            print(project.title, project.members_count)

    Attributes:
        name: The short name, as in URLs.
        title: The display name.
        org_id: The workspace.
        members_count: The number of members; only lists have it.
    """

    name: Text = ""
    title: Text = ""
    org_id: Text = ""
    members_count: Number = None
    updated_at: Time = None
