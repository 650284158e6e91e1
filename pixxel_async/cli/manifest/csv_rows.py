"""Manifests as CSV: a header with field names, one download a row.

Rules:
    * The delimiter is the one of comma, semicolon and tab that stands most often in the header.
    * Quoting is that of RFC 4180: a cell in double quotes may hold the delimiter, line breaks,
      and quotes that are written twice. Blanks around a cell are no part of it.
    * Ids in one cell of a list are separated by semicolons or blanks. A comma there is refused:
      it may be a separator that was meant, and ids with commas, semicolons or blanks can stand
      in JSON Lines.
    * An empty cell is an absent field. Rows of empty cells, and empty cells past the last
      column, are passed over: spreadsheets write them.
    * A row has the number of the line that it begins on, as an editor counts.
    * If the header is invalid, only its problems are reported: they explain those of the rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from ...downloads import KINDS
from ...errors import InputError

DELIMITERS = ",;\t"
"""What spreadsheets write, by locale or by choice."""

LIST_COLUMNS = ("asset_ids", "catalog_ids", "order_item_ids", "inputs", "outputs")
COLUMNS = ("kind", "aoi_id", "insight_id", "workflow_id", "job_id", "task_id", *LIST_COLUMNS)

HEADER = "kind,workflow_id,job_id"
SHOWN_CHARS = 40

_BETWEEN_IDS = re.compile(r"[;\s]+")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}

PackageRow: TypeAlias = dict[str, str | list[str]]


def csv_rows(data: bytes) -> Iterator[tuple[int, PackageRow | InputError]]:
    """Yield the rows of a CSV manifest, as `parse_download` takes them, with their lines.

    Args:
        data: The text in UTF-8, without a byte order mark.

    Yields:
        The line on which a row begins, and the row, or what is wrong with it.
    """
    # Bytes that are no UTF-8 are found later, in the row that they stand in.
    text = data.decode("utf-8", "surrogateescape")
    records = _records(text, delimiter := _delimiter(text))
    header: list[str] | None = None
    for line, cells in records:
        if isinstance(cells, InputError):
            yield line, cells
        elif not any(cells):
            continue
        elif header is None:
            header = _without_empty_end(cells)
            reasons = list(_wrong_with(header))
            yield from ((line, InputError(reason)) for reason in reasons)
            if reasons:
                return
        else:
            yield line, _row(header, cells, delimiter)


def _delimiter(text: str) -> str:
    header = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    return max(DELIMITERS, key=header.count)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | InputError]]:
    """Yield the cells of each record, without blanks around them, and its first line."""
    # Without `newline=""` line breaks inside quotes would be changed.
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            said = str(error)
            if "expected after" in said:
                reason = "text follows a closing quote: write quotes inside a cell twice"
                yield line, InputError(reason)
                continue
            # What follows would be read from within the cell: it tells nothing.
            if "end of data" in said:
                reason = "a quote that opens a cell here is never closed"
            else:
                limit = csv.field_size_limit()
                reason = f"a cell has more than {limit} characters: use JSON Lines for such rows"
            yield line, InputError(reason)
            return


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    end = max((number for number, cell in enumerate(cells, 1) if cell), default=0)
    return list(cells[:end])


def _wrong_with(header: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with a header, each with its remedy."""
    if header[0].startswith(("{", "[")):
        yield "this is JSON, not CSV: give the file a name that ends in .jsonl"
        return
    for number, name in enumerate(header, 1):
        if not name:
            yield f"column {number} has no name; name it, or take it out"
    for name, count in Counter(header).items():
        if name and name not in COLUMNS:
            shown = _shown(name)
            yield f'unknown column "{shown}"; the columns are {", ".join(COLUMNS)}'
        elif name and count > 1:
            yield f'column "{name}" stands {count} times; keep one of them'
    if "kind" not in header:
        yield (
            f'column "kind" is missing; in each row it is one of {", ".join(KINDS)}. '
            f"A header looks like {HEADER}"
        )


def _row(header: Sequence[str], cells: Sequence[str], delimiter: str) -> PackageRow | InputError:
    for cell in cells:
        for char in cell:
            if "\udc80" <= char <= "\udcff":
                byte = ord(char) - 0xDC00
                reason = f"not UTF-8: 0x{byte:02x} stands in a cell; save the file as CSV UTF-8"
                return InputError(reason)
    if len(given := _without_empty_end(cells)) > len(header):
        reason = (
            f"{len(given)} cells, but {len(header)} columns: put a cell that holds a "
            f"{_NAMES[delimiter]} in double quotes"
        )
        return InputError(reason)
    row: PackageRow = {}
    reasons = []
    for name, cell in zip(header, cells, strict=False):
        if not cell:
            continue
        if name not in LIST_COLUMNS:
            row[name] = cell
        elif "," in cell:
            shown = _shown(cell)
            reasons.append(f'field "{name}": separate ids by ; or a blank, not by , in "{shown}"')
        else:
            row[name] = [part for part in _BETWEEN_IDS.split(cell) if part]
    return InputError("; ".join(reasons)) if reasons else row


def _shown(text: str) -> str:
    # A byte that is no UTF-8 cannot be written to a terminal either.
    return text[:SHOWN_CHARS].encode("utf-8", "replace").decode()
