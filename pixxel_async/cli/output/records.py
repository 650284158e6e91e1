"""Records on standard output: a table, lines with tabs, or JSON Lines.

Rules:
    * A terminal gets a table when all records are there. Nothing in it is cut: text breaks between
      words, and the rightmost columns that do not fit are left out; a line names them. The first
      id always stays.
    * Times are local with their offset in the table, and in UTC everywhere else.
    * A pipe or a file gets a line for each record at once: its columns with tabs between them,
      without heads, and nothing cut.
    * JSON Lines are the service's own objects, in ASCII; URLs in them lose their queries, which
      may be signatures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO, TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...records import ServiceModel
from ...sansio.moments import to_minutes
from ...sansio.redact import printable, without_queries
from .exit_codes import complain
from .json_lines import write_line

Cell: TypeAlias = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A column.

    Attributes:
        head: What stands above it.
        cell: Its text for a record; safe for a terminal.
        brief: The same for a table, for people.
    """

    head: str
    cell: Cell
    brief: Cell


def _field(name: str) -> Cell:
    def cell(record: ServiceModel) -> str:
        value = getattr(record, name)
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if isinstance(value, float):
            return f"{value:.10g}"
        return "" if value is None else printable(str(value))

    return cell


def _fields(*names: str) -> tuple[Shown, ...]:
    return tuple(Shown(name, _field(name), _field(name)) for name in names)


def _item_count(order: Any) -> str:
    return str(len(order.order_items))


def _local(record: Any) -> str:
    return "" if record.created_at is None else to_minutes(record.created_at)


def _acquired(item: Any) -> str:
    return "" if item.datetime is None else to_minutes(item.datetime)


def _collections(satellite: Any) -> str:
    return printable(" ".join(one.id for one in satellite.collections))


_ACQUIRED = (Shown("datetime", _field("datetime"), _acquired),)
_COLLECTIONS = (Shown("collections", _collections, _collections),)
_ITEMS = (Shown("items", _item_count, _item_count),)
_CREATED = (Shown("created_at", _field("created_at"), _local),)

COLUMNS: dict[str, tuple[Shown, ...]] = {
    "projects": _fields("id", "name", "title") + _CREATED,
    "aois": _fields("id", "name", "status") + _CREATED + _fields("project_id"),
    "assets": _fields("id", "aoi_id", "name", "asset_type", "status", "date") + _CREATED,
    "insights": _fields("id", "aoi_id", "name", "status", "progress") + _CREATED,
    "workflows": _fields("id", "name") + _CREATED + _fields("project_id"),
    "jobs": _fields("id", "workflow_id", "status", "progress") + _CREATED,
    "tasks": _fields("id", "job_id", "workflow_id", "name", "status") + _CREATED,
    "catalogs": _fields("id", "item_id", "collection", "area") + _CREATED,
    "orders": _fields("id", "status") + _ITEMS + _fields("total_amount") + _CREATED,
    "order-items": _fields("id", "order_id", "name", "type", "status") + _CREATED,
    "satellites": _fields("id", "name") + _COLLECTIONS,
    "archives": _fields("id", "collection") + _ACQUIRED + _fields("cloud_cover", "platform"),
    "collections": _fields("id", "title", "license"),
    "indices": _fields("id", "name", "type", "expression_type", "expression", "satellite_id"),
    "visualizations": _fields("id", "aoi_id", "index_name", "type", "status", "progress")
    + _CREATED,
    "blocks": _fields("name", "version", "title", "type", "status"),
    "bandsets": _fields("id", "name", "captures", "description"),
    "stores": _fields("id", "name", "type", "bucket", "region") + _CREATED,
    "deliveries": _fields("id", "catalog_id", "status", "store_id", "path", "target_path")
    + _CREATED,
    "estimates": _fields("cost"),
}
"""The columns of each noun."""


GAP = 2


class Output(Protocol):
    """Takes records, one after the other."""

    def write(self, record: ServiceModel) -> None:
        """Take a record."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


class JsonLines:
    """Writes the service's objects."""

    def __init__(self, stream: TextIO) -> None:
        """Write to a stream."""
        self._stream = stream

    def write(self, record: ServiceModel) -> None:
        """Write a record's line; raises as `write_line` does."""
        write_line(self._stream, json.dumps(without_queries(dict(record.raw)), ensure_ascii=True))

    def close(self) -> None:
        """Do nothing: all is written."""


class TabLines:
    """Writes columns with tabs between them."""

    def __init__(self, stream: TextIO, columns: Sequence[Shown]) -> None:
        """Write these columns to a stream."""
        self._stream = stream
        self._columns = columns

    def write(self, record: ServiceModel) -> None:
        """Write a record's line; raises as `write_line` does."""
        write_line(self._stream, "\t".join(column.cell(record) for column in self._columns))

    def close(self) -> None:
        """Do nothing: all is written."""


class OneTable:
    """Gathers rows, and prints them as one table."""

    def __init__(self, console: Console, columns: Sequence[Shown]) -> None:
        """Print these columns to a console."""
        self._console = console
        self._columns = columns
        self._rows: list[list[str]] = []

    def write(self, record: ServiceModel) -> None:
        """Keep a record's row."""
        self._rows.append([column.brief(record) for column in self._columns])

    def close(self) -> None:
        """Print the table, if there is anything to print."""
        if not self._rows:
            return
        heads = [column.head for column in self._columns]
        texts = list(zip(heads, *self._rows, strict=True))
        widths = column_widths(
            [max(map(cell_len, cells)) for cells in texts],
            [max(cell_len(word) for cell in cells for word in cell.split()) for cells in texts],
            drop_order(heads),
            self._console.width,
        )
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
        for place, width in widths.items():
            table.add_column(heads[place], width=width, overflow="fold")
        for row in self._rows:
            table.add_row(*(Text(row[place]) for place in widths))
        full = sum(widths.values()) + GAP * len(widths)
        self._console.width = max(self._console.width, full)  # a longer line is not cut
        self._console.print(table)
        if left_out := [head for place, head in enumerate(heads) if place not in widths]:
            complain(f"left out for lack of width: {', '.join(left_out)}; --json has everything")


def drop_order(heads: Sequence[str]) -> list[int]:
    """Return which columns may be left out, by their places: the least useful one first.

    These are the ids of other records, then all but the first column, each from the right.
    """
    places = range(len(heads) - 1, 0, -1)
    return sorted(places, key=lambda place: not heads[place].endswith("_id"))


def column_widths(
    natural: Sequence[int], least: Sequence[int], order: Sequence[int], terminal: int
) -> dict[int, int]:
    """Return the width of each column that is shown, by its place.

    Args:
        natural: The width of the widest text of each column.
        least: The width of its longest word.
        order: Which columns are left out, as far as the longest words do not fit.
        terminal: How much there is for all. Columns with several words give way, the widest first.
    """
    widths = dict(enumerate(natural))
    for place in order:
        if sum(least[shown] for shown in widths) + GAP * (len(widths) - 1) <= terminal:
            break
        del widths[place]
    for _ in range(sum(widths.values()) + GAP * (len(widths) - 1) - terminal):
        free = [place for place, width in widths.items() if width > least[place]]
        if not free:
            break
        widths[max(free, key=widths.__getitem__)] -= 1
    return widths


def choose_output(noun: str, *, as_json: bool) -> Output:
    """Return JSON Lines if requested, a table for a terminal, tab-separated lines otherwise.

    A noun without columns is always JSON Lines.
    """
    if as_json or noun not in COLUMNS:
        return JsonLines(sys.stdout)
    if sys.stdout.isatty():
        return OneTable(Console(), COLUMNS[noun])
    return TabLines(sys.stdout, COLUMNS[noun])
