"""Requests as the fields that the service documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

from ..errors import InputError
from ..records.requests import DeliveryRequest, OrderItemRequest, RequestModel
from ..sansio.api.list_calls import time_text
from ..sansio.geometry import feature_collection
from .areas import loaded

R = TypeVar("R", bound=RequestModel)


def request_of(kind: type[R], value: R | Mapping[str, Any]) -> R:
    """Return a request that was given as one, or as a mapping with its fields.

    Raises:
        InputError: It is neither, or invalid.
    """
    if isinstance(value, kind):
        return value
    if isinstance(value, Mapping):
        return kind.model_validate(dict(value))
    message = f"give a {kind.__name__} or a mapping, not a value of type {type(value).__name__}"
    raise InputError(message)


def fields_of(kind: type[R], value: R | Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that has the names of the service.

    Raises:
        InputError: As `request_of`.
    """
    return request_of(kind, value).model_dump(mode="json", exclude_none=True)


def delivery_fields(value: DeliveryRequest | Mapping[str, Any]) -> dict[str, Any]:
    """Return a delivery as the service documents it.

    Raises:
        InputError: As `request_of`.
    """
    request = request_of(DeliveryRequest, value)
    lists = {"catalog_ids": request.catalog_ids, "order_item_ids": request.order_item_ids}
    return {
        **request.more,
        "cloud_info": _store(request.store_id, request.path),
        # The service treats them as sets.
        **{name: [*dict.fromkeys(ids)] for name, ids in lists.items() if ids},
    }


def order_item_fields(value: OrderItemRequest | Mapping[str, Any], place: int) -> dict[str, Any]:
    """Return an order item as the service documents it.

    Args:
        value: The item.
        place: Its place in the order, for errors.

    Raises:
        InputError: As `request_of`, or its geometry cannot be used.
    """
    item = request_of(OrderItemRequest, value)
    where = f"order_items[{place}].geometry"
    plain = ("project_id", "usecase", "name", "recurrence", "start_date", "end_date")
    counts = ("no_of_occurrences", "cloud_cover", "off_nadir", "delivery_speed")
    fields = {name: _sent(getattr(item, name)) for name in (*plain, *counts)}
    fields |= {
        "geometry": feature_collection(loaded(item.geometry, where), where),
        "item_ids": list(item.item_ids) or None,
        "bandset": item.bandset_id and {"bandset_id": item.bandset_id},
        "cloud_delivery": item.store_id and _store(item.store_id, item.store_path),
    }
    return {
        **item.more,
        **{name: one for name, one in fields.items() if one is not None},
    }


def _sent(value: Any) -> Any:
    return time_text(value) if isinstance(value, date) else value


def _store(store_id: str, path: str | None) -> dict[str, str]:
    return {"config": store_id} if path is None else {"config": store_id, "path": path}
