"""Manifests: JSON Lines, a JSON array, or CSV; one download a row.

Rules:
    * A name that ends in `.csv` is CSV, in `.jsonl`, `.ndjson` or `.json` it is JSON. With any
      other name, and from standard input, it is JSON if it begins with a bracket, or with a URL,
      which may stand in place of an object.
    * JSON that begins with a square bracket is one array of rows, over any number of lines;
      otherwise each line is a row.
    * Each invalid row is reported as `FILE:LINE: reason`, before anything is sent; one of an array
      as `FILE:LINE: element N: reason`, with the line that it begins on.
    * Standard input may be empty: a selection that matches nothing is no mistake.
    * In JSON Lines only a line feed ends a line: other line separators may stand inside a string.
    * Blank lines and a byte order mark of UTF-8 are passed over.
    * Rows that ask for the same are one download.
"""

from __future__ import annotations

import codecs
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ...downloads import Download, is_download
from ...errors import InputError
from ...runs import RunInsight, RunJob, is_run, parse_row
from .csv_rows import HEADER, csv_rows

T = TypeVar("T")

STDIN = "-"
STDIN_NAME = "<stdin>"
EXAMPLE = 'a row looks like {"kind": "job", "workflow_id": "…", "job_id": "…"}'
CSV_EXAMPLE = f"it has a header such as {HEADER}, and a row for each download"

CSV_NAMES = frozenset({".csv"})
JSON_NAMES = frozenset({".jsonl", ".ndjson", ".json"})
URL_STARTS = ("https://", "http://")
_JSON_STARTS = (b"{", b"[", *(start.encode() for start in URL_STARTS))
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_JSON_REASONS = {
    "Expecting value": "a value is missing, or is not JSON",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing after a field name",
    "Expecting property name": "a field name in double quotes is missing",
    "Illegal trailing comma": "a comma stands before a closing bracket",
    "Extra data": "the row has ended here; each row needs a line of its own",
    "Unterminated string": "a string has no closing quote on this line",
    "Invalid control character": "a control character stands unescaped in a string",
    "Invalid \\escape": "a backslash stands before a character that cannot be escaped",
    "Invalid \\uXXXX escape": "four hexadecimal digits are missing after \\u",
}
"""What the parser says at the start of its messages, in words for people."""

_TOO_DEEP = "not a row: a number is too long, or brackets are nested too deeply"
"""A number has thousands of digits, or brackets are a thousand deep."""
_BLANKS = tuple(" \t\r\n")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest asks for.

    Attributes:
        downloads: The distinct downloads, in the order of their first rows.
        repeated: How many rows ask for what an earlier row asks for.
        runs: The distinct jobs and insights to create, likewise.
    """

    downloads: list[Download]
    repeated: int
    runs: list[RunJob | RunInsight]


def read_manifest(source: str) -> Manifest:
    """Read a manifest from a file, or from standard input if the source is `-`.

    Raises:
        InputError: It cannot be read, has invalid rows, or is a file without rows; `problems` has a
            line for each.
    """
    return parse_manifest(read_source(source), name_of(source), may_be_empty=source == STDIN)


def name_of(source: str) -> str:
    """Return what messages call a source."""
    return STDIN_NAME if source == STDIN else source


def read_source(source: str) -> bytes:
    """Return the bytes of a file, or of standard input if the source is `-`.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        problem = f"{name_of(source)}: cannot be read: {error.strerror or error}"
        raise _just(problem) from None


def parse_manifest(data: bytes, name: str, *, may_be_empty: bool = False) -> Manifest:
    """Read the bytes of a manifest.

    Args:
        data: JSON Lines, a JSON array, or CSV, in UTF-8.
        name: FILE in `FILE:LINE: reason`; its suffix may decide the format.
        may_be_empty: Whether it may have no rows.

    Raises:
        InputError: It has invalid rows, or none; `problems` has a line for each.
    """
    rows = parse_rows(data, name, parse_row, may_be_empty=may_be_empty)
    distinct: dict[str, Download | RunJob | RunInsight] = {}
    for row in rows:
        distinct.setdefault(row.key, row)
    return Manifest(
        [one for one in distinct.values() if is_download(one)],
        len(rows) - len(distinct),
        [one for one in distinct.values() if is_run(one)],
    )


def parse_rows(
    data: bytes,
    name: str,
    parse: Callable[[Any], T],
    *,
    may_be_csv: bool = True,
    may_be_empty: bool = False,
) -> list[T]:
    """Read the bytes of a manifest, and each row by a function that raises InputError.

    Raises:
        InputError: It is empty, or has bad lines; `problems` has a line for each.
    """
    if data.startswith(_UTF16):
        problem = f"{name}:1: the file is UTF-16: save it as UTF-8"
        raise _just(problem)
    data = data.removeprefix(codecs.BOM_UTF8)
    problems: list[str] = []
    rows: list[T] = []
    read, example = _format_of(data, name, may_be_csv=may_be_csv)
    for place, row in read(data):
        try:
            rows.append(parse(_right(row)))
        except InputError as error:
            problems.append(f"{name}:{place}: {error}")
    if problems:
        message = f"lines that are wrong: {len(problems)}"
        raise InputError(message, problems=tuple(problems))
    if not rows and not may_be_empty:
        problem = f"{name}: the manifest is empty; {example}"
        raise _just(problem)
    return rows


def _format_of(
    data: bytes, name: str, *, may_be_csv: bool
) -> tuple[Callable[[bytes], Iterator[tuple[Any, Any]]], str]:
    """Return what reads the rows with their places, and what a row looks like."""
    if may_be_csv and is_csv(data, name):
        return csv_rows, CSV_EXAMPLE
    return _array_rows if data.lstrip()[:1] == b"[" else _json_rows, EXAMPLE


def is_csv(data: bytes, name: str) -> bool:
    """Return whether a manifest is CSV, by its name or its beginning."""
    suffix = Path(name).suffix.lower()
    if suffix in CSV_NAMES or suffix in JSON_NAMES:
        return suffix in CSV_NAMES
    return not data.lstrip().lower().startswith(_JSON_STARTS)


def _array_rows(data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the elements of a JSON array, with the lines that they begin on."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        yield f"{line}", InputError(f"not UTF-8: 0x{data[error.start]:02x} stands on this line")
        return
    at, number, line, seen = _after(text, text.index("[") + 1), 1, 1, 0
    while text[at : at + 1] != "]" or number > 1:
        line, seen = line + text.count("\n", seen, at), at
        place = f"{line}: element {number}"
        try:
            row, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            yield f"{error.lineno}: element {number}", InputError(_reason(error))
            return
        except InputError as error:
            yield place, error
            return
        except (RecursionError, ValueError):
            yield place, InputError(_TOO_DEEP)
            return
        yield place, row
        at, number = _after(text, at), number + 1
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            line = text.count("\n", 0, at) + 1
            reason = "a comma or the closing bracket of the array is missing after this element"
            yield f"{line}: element {number - 1}", InputError(reason)
            return
        at = _after(text, at + 1)
    if rest := text[at + 1 :].strip():
        line = text.count("\n", 0, text.index(rest, at + 1)) + 1
        yield f"{line}", InputError("the array has ended before this; a manifest is one array")


def _after(text: str, at: int) -> int:
    """Return where the next character that is no blank stands."""
    while text[at : at + 1] in _BLANKS:
        at += 1
    return at


def _json_rows(data: bytes) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                yield number, decode_row(line)
            except InputError as error:
                yield number, error


def _right(row: Any) -> Any:
    """Return the row.

    Raises:
        InputError: It is what is wrong with the row.
    """
    if isinstance(row, InputError):
        raise row
    return row


def decode_row(line: bytes) -> Any:
    """Decode the JSON of a line; a URL may stand without quotes.

    Raises:
        InputError: It is neither.
    """
    try:
        text = line.decode("utf-8")
        if text.lstrip().lower().startswith(URL_STARTS):
            return text.strip()
        return json.loads(text, object_pairs_hook=_without_doubles)
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: byte {error.start + 1} of the line is 0x{line[error.start]:02x}"
    except json.JSONDecodeError as error:
        reason = _reason(error)
    except (RecursionError, ValueError):
        reason = _TOO_DEEP
    raise InputError(reason)


def _reason(error: json.JSONDecodeError) -> str:
    known = (reason for start, reason in _JSON_REASONS.items() if error.msg.startswith(start))
    return f"not JSON: column {error.colno}: {next(known, error.msg)}"


def _without_doubles(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a field that stands twice: `json` would drop the first without a word."""
    row = dict(fields)
    if len(row) < len(fields):
        [(twice, _)] = Counter(name for name, _ in fields).most_common(1)
        reason = f'field "{twice}" stands twice'
        raise InputError(reason)
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_without_doubles)


def _just(problem: str) -> InputError:
    return InputError(problem, problems=(problem,))
