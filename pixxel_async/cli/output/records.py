"""Records on standard output: a table, lines with tabs, or JSON Lines.

Rules:
    * A terminal gets a table when all records are there, as wide as the terminal. Ids are never
      cut; if they alone are wider, lines are longer than the terminal, which breaks them.
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

from ...records import Record
from ...sansio.redact import printable, without_queries
from .json_lines import write_line

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


GAP = 2
LEAST_CHARS = 6


class Output(Protocol):
    """Takes records, one after the other."""

    def write(self, record: Record) -> None:
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

    def write(self, record: Record) -> None:
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

    def write(self, record: Record) -> None:
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

    def write(self, record: Record) -> None:
        """Keep a record's row."""
        self._rows.append([column.brief(record) for column in self._columns])

    def close(self) -> None:
        """Print the table, if there is anything to print."""
        if not self._rows:
            return
        lines = [[column.head for column in self._columns], *self._rows]
        natural = [max(map(cell_len, cells)) for cells in zip(*lines, strict=True)]
        fixed = [column.is_whole for column in self._columns]
        widths = column_widths(natural, fixed, self._console.width)
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
        for column, width in zip(self._columns, widths, strict=True):
            table.add_column(column.head, width=width, no_wrap=True, overflow="ellipsis")
        for row in self._rows:
            table.add_row(*map(Text, row))
        whole = sum(widths) + GAP * len(widths)
        self._console.width = max(self._console.width, whole)  # a longer line is not cut
        self._console.print(table)


def column_widths(natural: Sequence[int], fixed: Sequence[bool], terminal: int) -> list[int]:
    """Return how wide each column is.

    Args:
        natural: How wide its widest text is.
        fixed: Whether it keeps that width.
        terminal: How much there is for all; columns that are not fixed give way, the widest
            first, down to a few characters.
    """
    widths = list(natural)
    over = sum(widths) + GAP * (len(widths) - 1) - terminal
    while over > 0:
        free = [
            place for place, width in enumerate(widths) if not fixed[place] and width > LEAST_CHARS
        ]
        if not free:
            break
        widest = max(free, key=widths.__getitem__)
        widths[widest] -= 1
        over -= 1
    return widths


def choose_output(noun: str, *, as_json: bool) -> Output:
    """Return JSON Lines if requested, a table for a terminal, tab-separated lines otherwise."""
    if as_json:
        return JsonLines(sys.stdout)
    if sys.stdout.isatty():
        return OneTable(Console(), COLUMNS[noun])
    return TabLines(sys.stdout, COLUMNS[noun])
