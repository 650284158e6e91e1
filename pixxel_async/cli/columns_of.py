"""What a line about a record shows: its columns, first its ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from ..records import Record
from ..sansio.redact import printable

Cell: TypeAlias = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A column.

    Attributes:
        head: What stands above it.
        cell: Its text for a record; safe for a terminal.
        is_id: Whether it is never cut.
    """

    head: str
    cell: Cell
    is_id: bool = False


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
    return tuple(Shown(name, _field(name), is_id=True) for name in names)


def _fields(*names: str) -> tuple[Shown, ...]:
    return tuple(Shown(name, _field(name)) for name in names)


_ITEMS = Shown("items", lambda order: str(len(order.order_items)))

COLUMNS: dict[str, tuple[Shown, ...]] = {
    "projects": _ids("id") + _fields("name", "title", "created_at"),
    "aois": _ids("id") + _fields("name", "status", "created_at") + _ids("project_id"),
    "assets": (
        _ids("id", "aoi_id") + _fields("name", "asset_type", "status", "date", "created_at")
    ),
    "insights": _ids("id", "aoi_id") + _fields("name", "status", "progress", "created_at"),
    "workflows": _ids("id") + _fields("name", "created_at") + _ids("project_id"),
    "jobs": _ids("id", "workflow_id") + _fields("status", "progress", "created_at"),
    "tasks": _ids("id", "job_id", "workflow_id") + _fields("name", "status", "created_at"),
    "catalogs": _ids("id", "item_id") + _fields("collection", "area", "created_at"),
    "orders": _ids("id") + _fields("status") + (_ITEMS,) + _fields("total_amount", "created_at"),
    "order-items": _ids("id", "order_id") + _fields("name", "type", "status", "created_at"),
}
"""The columns of each noun."""
