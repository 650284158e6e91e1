"""Manifests: JSON Lines or CSV, one download a row.

Rules:
    * A name that ends in `.csv` is CSV, in `.jsonl`, `.ndjson` or `.json` it is JSON Lines. With
      any other name, and from standard input, it is JSON Lines if it begins with a bracket, or with
      a URL, which may stand in place of an object.
    * Each invalid line is reported as `FILE:LINE: reason`, before anything is sent.
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

from ...downloads import Download, parse_download
from ...errors import InputError
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


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest asks for.

    Attributes:
        downloads: The distinct downloads, in the order of their first rows.
        repeated: How many rows ask for what an earlier row asks for.
    """

    downloads: list[Download]
    repeated: int


def read_manifest(source: str) -> Manifest:
    """Read a manifest from a file, or from standard input if the source is `-`.

    Raises:
        InputError: It cannot be read, is empty, or has bad lines; `problems` has a line for each.
    """
    return parse_manifest(read_source(source), name_of(source))


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


def parse_manifest(data: bytes, name: str) -> Manifest:
    """Read the bytes of a manifest.

    Args:
        data: JSON Lines or CSV, in UTF-8.
        name: Stands for FILE in `FILE:LINE: reason`; its end may tell which of them it is.

    Raises:
        InputError: It is empty, or has bad lines; `problems` has a line for each.
    """
    rows = parse_rows(data, name, parse_download)
    downloads: dict[str, Download] = {}
    for download in rows:
        downloads.setdefault(download.key, download)
    return Manifest(list(downloads.values()), len(rows) - len(downloads))


def parse_rows(
    data: bytes, name: str, parse: Callable[[Any], T], *, may_be_csv: bool = True
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
    is_other = may_be_csv and is_csv(data, name)
    read, example = (csv_rows, CSV_EXAMPLE) if is_other else (_json_rows, EXAMPLE)
    for number, row in read(data):
        try:
            rows.append(parse(_right(row)))
        except InputError as error:
            problems.append(f"{name}:{number}: {error}")
    if problems:
        message = f"lines that are wrong: {len(problems)}"
        raise InputError(message, problems=tuple(problems))
    if not rows:
        problem = f"{name}: the manifest is empty; {example}"
        raise _just(problem)
    return rows


def is_csv(data: bytes, name: str) -> bool:
    """Return whether a manifest is CSV, by its name or its beginning."""
    suffix = Path(name).suffix.lower()
    if suffix in CSV_NAMES or suffix in JSON_NAMES:
        return suffix in CSV_NAMES
    return not data.lstrip().lower().startswith(_JSON_STARTS)


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
        said = (reason for start, reason in _JSON_REASONS.items() if error.msg.startswith(start))
        reason = f"not JSON: column {error.colno}: {next(said, error.msg)}"
    except (RecursionError, ValueError):
        # A number of thousands of digits, or brackets in brackets a thousand deep.
        reason = "not a row: a number is too long, or brackets are nested too deeply"
    raise InputError(reason)


def _without_doubles(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a field that stands twice: `json` would drop the first without a word."""
    row = dict(fields)
    if len(row) < len(fields):
        [(twice, _)] = Counter(name for name, _ in fields).most_common(1)
        reason = f'field "{twice}" stands twice'
        raise InputError(reason)
    return row


def _just(problem: str) -> InputError:
    return InputError(problem, problems=(problem,))
