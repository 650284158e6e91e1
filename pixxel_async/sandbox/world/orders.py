"""Orders, their items and tasks, and the delivered catalogs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any

from .record import NOT_IN_DOCUMENT, Record, with_offset


@dataclass(frozen=True)
class OrderTask(Record):
    """A task of an order item.

    Its `delivery_status` is left out: the document allows two lists of words for it that have
    only `FAILED` in common.

    Attributes:
        id: Its id.
        type: `ARCHIVE` or `TASKING`.
        status: `DRAFT`, `SUBMITTED`, `IN_PROGRESS`, `FULFILLED`, `PARTIALLY_FULFILLED`,
            `FAILED`, `CANCELLED` or `EXPIRED`.
        created_by: The id of a user.
        updated_by: Likewise.
        start_date: Of tasking, `15-05-2025`.
        end_date: Likewise.
        number_of_strips: Of tasking.
        tokens_used: What it cost.
        transaction_id: Of the payment.
    """

    id: str
    _: KW_ONLY
    type: str = "ARCHIVE"
    status: str = "FULFILLED"
    created_by: str = ""
    updated_by: str = ""
    start_date: str | None = None
    end_date: str | None = None
    number_of_strips: int | None = None
    tokens_used: int = 0
    transaction_id: str = ""


@dataclass(frozen=True)
class OrderItem(Record):
    """An item of an order.

    Attributes:
        id: Its id.
        name: For people.
        type: `TASKING`, `ARCHIVE` or `RECURRING`.
        status: `DRAFT`, `ACTIVE`, `FULFILLED`, `CANCELLED`, `FAILED` or `PARTIALLY_FULFILLED`.
        payment_status: `PAID`, `PARTIAL-REFUND`, `REFUND`, `UNPAID` or `PARTIAL-MONTHLY`.
        feasibility_status: `NOT_APPLICABLE`, `FAILED`, `WEAK_SUCCESS`, `SUCCESS` or
            `UNSPECIFIED`.
        delivery_speed: `STANDARD` or `NOT_APPLICABLE`.
        recurrence: `ONCE`, `MONTHLY`, `BIMONTHLY`, `QUARTERLY` or `NOT_APPLICABLE`.
        image_type: `VNIR`, `SWIR` or `VSWIR`.
        project_id: The project that it belongs to.
        org_id: The workspace.
        user_id: Whose it is.
        created_by: The id of a user.
        updated_by: Likewise.
        area: In square kilometres.
        base_amount: Before reductions.
        final_amount: After them.
        tokens_used: What it cost.
        transaction_id: Of the payment.
        start_date: Of tasking.
        end_date: Likewise.
        cloud_cover: Of tasking, the most, in percent.
        off_nadir: Of tasking, the most, in degrees.
        number_of_bands: Of tasking.
        no_of_occurrences: Of what recurs.
        usecase: What it is for.
        images: `item_id` and `geometry` of archive images.
        tasks: Its tasks; omitted within an order.
        validation_errors: Lists of texts by name, likewise.
    """

    id: str
    _: KW_ONLY
    name: str = "Order item"
    type: str = "ARCHIVE"
    status: str = "FULFILLED"
    payment_status: str = "PAID"
    feasibility_status: str = "NOT_APPLICABLE"
    delivery_speed: str = "NOT_APPLICABLE"
    recurrence: str = "NOT_APPLICABLE"
    image_type: str = "VNIR"
    project_id: str = ""
    org_id: str = ""
    user_id: str = ""
    created_by: str = ""
    updated_by: str = ""
    area: int = 0
    base_amount: float = 0
    final_amount: float = 0
    tokens_used: int = 0
    transaction_id: str = ""
    start_date: datetime | None = None
    end_date: datetime | None = None
    cloud_cover: int | None = None
    off_nadir: int | None = None
    number_of_bands: int | None = None
    no_of_occurrences: int = 0
    usecase: str = ""
    images: Sequence[Mapping[str, Any]] = ()
    tasks: tuple[OrderTask, ...] = field(default=(), metadata=NOT_IN_DOCUMENT)
    validation_errors: Sequence[Mapping[str, Sequence[str]]] = field(
        default=(), metadata=NOT_IN_DOCUMENT
    )


@dataclass(frozen=True)
class Order(Record):
    """An order.

    Attributes:
        id: Its id.
        status: `PAID`, `REFUND`, `UNPAID` or `PAYMENT_IN_PROGRESS`.
        org_id: The workspace.
        user_id: Whose it is.
        created_by: The id of a user.
        updated_by: Likewise.
        total_amount: What it cost.
        transaction_id: Of the payment.
        paid_at: When it was paid; None becomes an empty text, as in the document.
        items: Its items; `order_items` in the document.
    """

    id: str
    _: KW_ONLY
    status: str = "PAID"
    org_id: str = ""
    user_id: str = ""
    created_by: str = ""
    updated_by: str = ""
    total_amount: float = 0
    transaction_id: str = ""
    paid_at: datetime | None = None
    items: tuple[OrderItem, ...] = field(default=(), metadata=NOT_IN_DOCUMENT)

    @staticmethod
    def write_time(time: datetime) -> str:
        """Return a time as the document shows it for orders."""
        return with_offset(time)


@dataclass(frozen=True)
class Catalog(Record):
    """An image that was delivered.

    Attributes:
        id: Its id.
        task_id: The task of an order item that created it; a search by order needs it.
        delivery_status: `UNSPECIFIED`, `CREATED`, `FAILED`, `IN_PROGRESS` or `SUCCESS`.
        area: In square kilometres.
        bandset_id: Its set of bands.
        org_id: The workspace.
        created_by: The id of a user.
        updated_by: Likewise.
        details: A STAC item, used by the search.
    """

    id: str
    _: KW_ONLY
    task_id: str = ""
    delivery_status: str = "UNSPECIFIED"
    area: float = 0
    bandset_id: str = ""
    org_id: str = ""
    created_by: str = ""
    updated_by: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
