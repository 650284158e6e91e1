"""What a line about a record shows: its columns, first its ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from ...records import Record
from ...sansio.redact import printable

Cell: TypeAlias = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A column.

    Attributes:
        head: What stands above it.
        cell: Its text for a record; safe for a terminal.
        brief: The same, shorter, for a table.
        is_whole: Whether it is never cut: ids and dates.
    """

    head: str
    cell: Cell
    brief: Cell
    is_whole: bool = False


def _field(name: str) -> Cell:
    def cell(record: Record) -> str:
        value = getattr(record, name)
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if isinstance(value, float):
            return f"{value:.10g}"
        return "" if value is None else printable(str(value))

    return cell


def _ids(*names: str) -> tuple[Shown, ...]:
    return tuple(Shown(name, _field(name), _field(name), is_whole=True) for name in names)


def _fields(*names: str) -> tuple[Shown, ...]:
    return tuple(Shown(name, _field(name), _field(name)) for name in names)


def _item_count(order: Any) -> str:
    return str(len(order.order_items))


def _date(record: Record) -> str:
    return "" if record.created_at is None else record.created_at.astimezone(UTC).date().isoformat()


_ITEMS = (Shown("items", _item_count, _item_count),)
_CREATED = (Shown("created_at", _field("created_at"), _date, is_whole=True),)

COLUMNS: dict[str, tuple[Shown, ...]] = {
    "projects": _ids("id") + _fields("name", "title") + _CREATED,
    "aois": _ids("id") + _fields("name", "status") + _CREATED + _ids("project_id"),
    "assets": (_ids("id", "aoi_id") + _fields("name", "asset_type", "status", "date") + _CREATED),
    "insights": _ids("id", "aoi_id") + _fields("name", "status", "progress") + _CREATED,
    "workflows": _ids("id") + _fields("name") + _CREATED + _ids("project_id"),
    "jobs": _ids("id", "workflow_id") + _fields("status", "progress") + _CREATED,
    "tasks": _ids("id", "job_id", "workflow_id") + _fields("name", "status") + _CREATED,
    "catalogs": _ids("id", "item_id") + _fields("collection", "area") + _CREATED,
    "orders": _ids("id") + _fields("status") + _ITEMS + _fields("total_amount") + _CREATED,
    "order-items": _ids("id", "order_id") + _fields("name", "type", "status") + _CREATED,
}
"""The columns of each noun."""
