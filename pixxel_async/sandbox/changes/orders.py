"""Orders, whose items become catalogs.

Rules:
    * An item with `item_ids` is from the archive, and becomes a catalog for each of them. Another
      one is tasking, or recurring if it is to recur, and becomes one catalog.
    * A square kilometre costs a hundred.
    * An item with `cloud_delivery` is delivered as soon as it is fulfilled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from starlette.responses import JSONResponse

from ..lists.documents import Documents, JsonObject
from ..lists.shapes import Rings, areas
from ..lists.times import timestamp
from ..refusals import BAD_BODY, ServiceError
from ..world import Catalog, Order, OrderItem, OrderTask
from ..world.made_orders import made_stac_item
from ..world.maker import Maker
from .bodies import Form, Object
from .deliveries import CLOUD, check_store, delivery
from .run import Run, moment
from .state import Made, State

ITEM_WORDS = ("ACTIVE", "ACTIVE", "FULFILLED", "FAILED")
TASK_WORDS = ("SUBMITTED", "IN_PROGRESS", "FULFILLED", "FAILED")
CREDITS_PER_SQ_KM = 100
KM_PER_DEG = 111.32
LONGEST_NAME = 100

_ONCE = frozenset({"ONCE", "NOT_APPLICABLE"})
_RECURRENCES = frozenset({"ONCE", "MONTHLY", "BIMONTHLY", "QUARTERLY", "NOT_APPLICABLE"})
_GEOMETRY = Object(
    {"type": frozenset({"Polygon", "MultiPolygon"}), "coordinates": [object]}, is_open=True
)
_FEATURE = Object({"type": frozenset({"Feature"}), "geometry": _GEOMETRY}, is_open=True)
ORDER: Form = Object(
    {
        "order_items": [
            Object(
                {
                    "project_id": str,
                    "usecase": str,
                    "geometry": Object(
                        {"type": frozenset({"FeatureCollection"}), "features": [_FEATURE]},
                        is_open=True,
                    ),
                },
                {
                    "name": str,
                    "recurrence": _RECURRENCES,
                    "start_date": str,
                    "end_date": str,
                    "no_of_occurrences": int,
                    "cloud_cover": int,
                    "off_nadir": int,
                    "bandset": Object({}, {"bandset_id": str}),
                    "delivery_speed": frozenset({"STANDARD", "NOT_APPLICABLE"}),
                    "item_ids": [str],
                    "cloud_delivery": CLOUD,
                },
            )
        ]
    },
    {"dry_run": bool},
)


def create_order(documents: Documents, ids: Mapping[str, str], body: JsonObject) -> Any:
    """Create an order, or answer a dry run with what it would be."""
    state, asked = documents.state, body["order_items"]
    if not asked:
        raise ServiceError(*BAD_BODY, "order_items: it is empty")
    items = [_item(documents, one, number) for number, one in enumerate(asked)]
    now = moment(state.now)
    order = Order(
        state.new_id(),
        total_amount=sum(item.final_amount for item in items),
        transaction_id=state.new_id("transaction"),
        paid_at=now,
        created_at=now,
        org_id=state.maker.org,
        user_id=state.maker.user(0),
        created_by=state.maker.user(0),
        items=tuple(items),
    )
    if body.get("dry_run"):
        unpaid = replace(order, status="UNPAID", paid_at=None, transaction_id="")
        return JSONResponse(documents.order_document(unpaid), 201)
    state.record("SubmitOrder", order.id, ids, body)
    for item, one in zip(items, asked, strict=True):
        _fulfil(documents, order, item, one, state.next_run("SubmitOrder", {"item": one}))
    runs = [state.runs["order_item", item.id] for item in items]
    state.orders.append(partial(_order_at, order, runs))
    return documents.order(order.id)


def _item(documents: Documents, asked: JsonObject, number: int) -> OrderItem:
    state = documents.state
    kind = _kind(asked, number)
    documents.check_project(asked["project_id"])
    if "cloud_delivery" in asked:
        check_store(documents, asked["cloud_delivery"])
    try:
        geometry = [
            one for each in asked["geometry"]["features"] for one in areas(each["geometry"])
        ]
        dates = {
            name: timestamp(asked[name]) for name in ("start_date", "end_date") if asked.get(name)
        }
    except ValueError as error:
        raise ServiceError(*BAD_BODY, f"order_items[{number}]: {error}") from None
    if not geometry:
        raise ServiceError(*BAD_BODY, f"order_items[{number}].geometry: it has no features")
    area = max(1, round(sum(map(_sq_km, geometry))))
    now, user = moment(state.now), state.maker.user(0)
    id_ = state.new_id("item", number)
    return OrderItem(
        id_,
        name=asked.get("name") or f"Order item {number + 1}",
        type=kind,
        status="DRAFT",
        payment_status="UNPAID",
        feasibility_status="NOT_APPLICABLE" if kind == "ARCHIVE" else "SUCCESS",
        delivery_speed="NOT_APPLICABLE" if kind == "ARCHIVE" else "STANDARD",
        recurrence=asked.get("recurrence") or "NOT_APPLICABLE",
        project_id=asked["project_id"],
        org_id=state.maker.org,
        user_id=user,
        created_by=user,
        area=area,
        base_amount=area * CREDITS_PER_SQ_KM,
        final_amount=area * CREDITS_PER_SQ_KM,
        tokens_used=area,
        start_date=dates.get("start_date"),
        end_date=dates.get("end_date"),
        cloud_cover=asked.get("cloud_cover", None if kind == "ARCHIVE" else 20),
        off_nadir=asked.get("off_nadir", None if kind == "ARCHIVE" else 20),
        no_of_occurrences=asked.get("no_of_occurrences") or 0,
        usecase=asked["usecase"],
        images=[{"item_id": one} for one in asked.get("item_ids") or ()],
        created_at=now,
        tasks=(
            OrderTask(
                state.new_id("task", number),
                type="ARCHIVE" if kind == "ARCHIVE" else "TASKING",
                status="DRAFT",
                created_by=user,
                tokens_used=area,
                created_at=now,
            ),
        ),
        more={name: asked[name] for name in ("bandset", "cloud_delivery") if asked.get(name)},
    )


def _kind(asked: JsonObject, number: int) -> str:
    """Return the type of an item, and check what that type needs."""
    where = f"order_items[{number}]"
    if len(asked.get("name") or "") > LONGEST_NAME:
        raise ServiceError(*BAD_BODY, f"{where}.name: it has more than {LONGEST_NAME} characters")
    if asked.get("item_ids"):
        return "ARCHIVE"
    for name in ("recurrence", "start_date", "bandset"):
        if not asked.get(name):
            reason = f"{where}: it needs item_ids (archive) or {name} (tasking)"
            raise ServiceError(*BAD_BODY, reason)
    if not asked.get("end_date") and not asked.get("no_of_occurrences"):
        raise ServiceError(*BAD_BODY, f"{where}: it needs end_date or no_of_occurrences")
    return "TASKING" if asked["recurrence"] in _ONCE else "RECURRING"


def _sq_km(rings: Rings) -> float:
    """Return the approximate area of a small polygon, without its holes."""
    ring = rings[0]
    doubled = sum(x1 * y2 - x2 * y1 for (x1, y1, *_), (x2, y2, *_) in pairwise(ring))
    middle = sum(point[1] for point in ring) / len(ring)
    return float(abs(doubled) / 2 * KM_PER_DEG**2 * math.cos(math.radians(middle)))


def _fulfil(
    documents: Documents, order: Order, item: OrderItem, asked: JsonObject, run: Run
) -> None:
    """Plan the catalogs of an item, and their deliveries."""
    state, task = documents.state, item.tasks[0]
    state.runs["order_item", item.id] = run
    state.origins[task.id] = (order.id, item.id)
    cloud = item.more.get("cloud_delivery")
    for number in range(len(item.images) or 1):
        catalog = _catalog(state, item, number, asked, run)
        document = catalog.document()
        state.runs["catalog", catalog.id] = run
        state.catalogs.append(partial(_if_done, run, document))
        if cloud:
            following = state.next_run("CreateDelivery", {"catalog_id": catalog.id, **cloud})
            following = replace(following, began=run.end)
            id_ = state.new_id("delivery", item.id, number)
            made = delivery(documents, id_, document, cloud, following)
            state.deliveries.append(partial(_delivery_if_done, run, made))


def _catalog(state: State, item: OrderItem, number: int, asked: JsonObject, run: Run) -> Catalog:
    details = made_stac_item(Maker(len(state.creations)), number, item)
    geometry = asked["geometry"]["features"][0]["geometry"]
    if geometry["type"] == "MultiPolygon":
        geometry = {"type": "Polygon", "coordinates": geometry["coordinates"][0]}
    x, y = zip(*((point[0], point[1]) for point in geometry["coordinates"][0]), strict=True)
    details |= {"geometry": geometry, "bbox": [min(x), min(y), max(x), max(y)]}
    details |= {"id": item.images[number]["item_id"]} if item.images else {}
    return Catalog(
        state.new_id("catalog", item.id, number),
        task_id=item.tasks[0].id,
        area=float(item.area),
        bandset_id=(item.more.get("bandset") or {}).get("bandset_id") or "",
        org_id=item.org_id,
        created_by=item.created_by,
        details=details,
        created_at=moment(run.end),
    )


def _if_done(run: Run, document: JsonObject, now: float) -> JsonObject | None:
    return document if run.is_done(now) else None


def _delivery_if_done(run: Run, made: Made[JsonObject], now: float) -> JsonObject | None:
    return made(now) if run.is_done(now) else None


def _order_at(order: Order, runs: Sequence[Run], now: float) -> Order:
    pairs = zip(order.items, runs, strict=True)
    return replace(order, items=tuple(_item_at(item, run, now) for item, run in pairs))


def _item_at(item: OrderItem, run: Run, now: float) -> OrderItem:
    (task,) = item.tasks
    changed = run.changed_at(now)
    return replace(
        item,
        status=run.word(now, ITEM_WORDS),
        payment_status="PAID",
        updated_at=changed,
        tasks=(replace(task, status=run.word(now, TASK_WORDS), updated_at=changed),),
    )
