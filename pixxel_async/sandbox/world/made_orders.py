"""Made-up orders, their items, and the catalogs that came of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from .made_places import PLACES
from .maker import Maker, later, nth, rectangle
from .orders import Catalog, Order, OrderItem, OrderTask
from .record import with_zulu

USES = ("agriculture", "forestry", "water", "mining")
ITEM_TYPES = ("ARCHIVE", "TASKING", "ARCHIVE", "RECURRING")
ITEM_STATUS = (
    "FULFILLED",
    "ACTIVE",
    "FULFILLED",
    "PARTIALLY_FULFILLED",
    "FAILED",
    "FULFILLED",
    "CANCELLED",
    "DRAFT",
)
TASK_STATUS = {"ACTIVE": "IN_PROGRESS"}
"""Of the task, where its word is not that of the item."""
HAS_CATALOGS = frozenset({"FULFILLED", "PARTIALLY_FULFILLED"})
DELIVERY_STATUS = ("SUCCESS", "UNSPECIFIED", "IN_PROGRESS", "FAILED", "CREATED")
COLLECTIONS = ("pixxel-l1c", "pixxel-l2a")
WAVELENGTHS_NM = (473.0, 560.0, 665.0, 842.0)
BANDS = [
    {"name": f"B{n:03}", "center_wavelength": wavelength, "fwhm": 5.0}
    for n, wavelength in enumerate(WAVELENGTHS_NM, start=1)
]
DAY = timedelta(days=1)


def made_orders(
    maker: Maker, count: int, project_ids: Sequence[str], *, items: int
) -> tuple[Order, ...]:
    """Make up orders, their items shared out among projects."""
    return tuple(_order(maker, number, project_ids, items) for number in range(count))


def made_catalogs(maker: Maker, orders: Sequence[Order], *, per_item: int) -> tuple[Catalog, ...]:
    """Make up the catalogs of all items that have been fulfilled, be it in part."""
    tasks = [
        (task, item)
        for order in orders
        for item in order.items
        for task in item.tasks
        if item.status in HAS_CATALOGS
    ]
    return tuple(
        _catalog(maker, number * per_item + n, task, item)
        for number, (task, item) in enumerate(tasks)
        for n in range(per_item)
    )


def _order(maker: Maker, number: int, project_ids: Sequence[str], items: int) -> Order:
    made = maker.day("order", number)
    user = maker.user(number)
    inside = tuple(_item(maker, (number, n), project_ids) for n in range(items))
    is_paid = any(item.payment_status == "PAID" for item in inside)
    return Order(
        maker.id("order", number),
        status="PAID" if is_paid else "UNPAID",
        org_id=maker.org,
        user_id=user,
        created_by=user,
        updated_by=user,
        total_amount=sum(item.final_amount for item in inside),
        transaction_id=maker.id("transaction", number) if is_paid else "",
        paid_at=made + DAY / 24 if is_paid else None,
        created_at=made,
        updated_at=made + DAY,
        items=inside,
    )


def _item(maker: Maker, numbers: tuple[int, int], project_ids: Sequence[str]) -> OrderItem:
    chance = maker.chance("item", *numbers)
    made = maker.day("order", numbers[0]) + numbers[1] * DAY / 1440
    status = nth(ITEM_STATUS, *numbers)
    # One further with each round of states, so that types and states mix.
    kind = nth(ITEM_TYPES, numbers[0] // len(ITEM_STATUS), *numbers)
    user = maker.user(numbers[0])
    amount = float(chance.randrange(10, 500) * 100)
    is_archive = kind == "ARCHIVE"
    return OrderItem(
        maker.id("item", *numbers),
        name=f"{kind.capitalize()} {numbers[0] + 1}.{numbers[1] + 1}",
        type=kind,
        status=status,
        payment_status="UNPAID" if status == "DRAFT" else "PAID",
        feasibility_status="NOT_APPLICABLE" if is_archive else "SUCCESS",
        delivery_speed="NOT_APPLICABLE" if is_archive else "STANDARD",
        recurrence={"TASKING": "ONCE", "RECURRING": "MONTHLY"}.get(kind, "NOT_APPLICABLE"),
        project_id=nth(project_ids, *numbers) if project_ids else "",
        org_id=maker.org,
        user_id=user,
        created_by=user,
        updated_by=user,
        area=chance.randrange(50, 1000),
        base_amount=amount,
        final_amount=amount * 0.9,
        tokens_used=0 if status == "DRAFT" else chance.randrange(10, 500),
        transaction_id=maker.id("transaction", numbers[0]),
        start_date=None if is_archive else made.replace(hour=0, minute=0, second=0, microsecond=0),
        cloud_cover=None if is_archive else 20,
        off_nadir=None if is_archive else 15,
        number_of_bands=None if is_archive else len(WAVELENGTHS_NM),
        no_of_occurrences=3 if kind == "RECURRING" else 0,
        usecase=nth(USES, numbers[0]),
        images=[{"item_id": f"TD1_{numbers[0]:06}"}] if is_archive else [],
        created_at=made,
        updated_at=made + DAY,
        tasks=(
            OrderTask(
                maker.id("order task", *numbers),
                type="ARCHIVE" if is_archive else "TASKING",
                status=TASK_STATUS.get(status, status),
                created_by=user,
                updated_by=user,
                tokens_used=chance.randrange(10, 100),
                transaction_id=maker.id("transaction", numbers[0]),
                created_at=made,
            ),
        ),
    )


def _catalog(maker: Maker, number: int, task: OrderTask, item: OrderItem) -> Catalog:
    chance = maker.chance("catalog", task.id, number)
    return Catalog(
        maker.id("catalog", task.id, number),
        task_id=task.id,
        delivery_status=nth(DELIVERY_STATUS, number),
        area=round(chance.uniform(20, 400), 2),
        bandset_id=maker.id("bandset", number % 3),
        org_id=maker.org,
        created_by=item.created_by,
        updated_by=item.created_by,
        details=made_stac_item(maker, number, item),
        created_at=later(item.created_at, chance, 20 * DAY),
    )


def made_stac_item(maker: Maker, number: int, item: OrderItem) -> dict[str, Any]:
    """Make up the STAC item of a catalog, taken before its order item was created."""
    chance = maker.chance("stac", number)
    taken = later(item.created_at - 10 * DAY, chance, 10 * DAY)
    _, x, y = nth(PLACES, number)
    west, south = x + chance.uniform(-1, 1), y + chance.uniform(-1, 1)
    box = [round(value, 5) for value in (west, south, west + 0.3, south + 0.3)]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": f"TD1_{number:06}_{taken:%Y%m%d}_L2A",
        "collection": nth(COLLECTIONS, number),
        "bbox": box,
        "geometry": rectangle(*box),
        "properties": {
            "datetime": with_zulu(taken),
            "created": with_zulu(taken + DAY),
            "updated": with_zulu(taken + DAY),
            "constellation": "pixxel",
            "platform": nth(("TD1", "TD2"), number),
            "instruments": ["hyperspectral"],
            "eo:cloud_cover": round(chance.uniform(0, 60), 1),
            "gsd": 5,
            "proj:epsg": 32600 + 1 + int((x + 180) // 6),
            "view:off_nadir": round(chance.uniform(0, 25), 1),
            "view:sun_elevation": round(chance.uniform(30, 70), 1),
        },
        "assets": {
            "image": {
                "href": f"https://assets.invalid/catalogs/{number}.tif",
                "type": "image/tiff; application=geotiff",
                "title": "Image",
                "roles": ["data"],
                "eo:bands": BANDS,
            }
        },
        "links": [],
    }
