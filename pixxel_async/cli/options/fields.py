"""Arguments of the Python calls as options of a command: types, help, and how values are read."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from .service import ServiceOptions
from .types import flag, interval, moment, parsed_by

FIELDS = "Fields"
MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_METAVAR = 22
"""A wider one is cut into lines within words on a narrow terminal."""
ID_HELP = {
    "aoi_id": "The area of interest.",
    "insight_id": "The insight.",
    "workflow_id": "The workflow.",
    "job_id": "The job.",
    "project_id": "The project.",
    "order_id": "The order.",
    "order_item_id": "The order item.",
    "catalog_id": "The image.",
    "collection_id": "The collection of the archive.",
    "item_id": "The item of the collection.",
    "name": "The name of the block.",
    "store_id": "The store.",
    "version": "The version of the block.",
    "visualization_id": "The visualization of the area of interest.",
}


@dataclass(frozen=True, kw_only=True)
class CallOptions(ServiceOptions):
    """How a call is sent, and what is shown of it."""

    as_json: Annotated[
        bool, flag("--json", text="Write the service's own objects, one per line.")
    ] = False
    quiet: Annotated[bool, flag("--quiet", "-q", text="Show errors only.")] = False


@dataclass(frozen=True, slots=True)
class Field:
    """An argument of a Python call.

    Attributes:
        argument: Its name in Python.
        option: The option.
        help: What it is.
        kind: The type of the option.
        metavar: What stands for its value.
        read: Reads a value of the option; raises ValueError.
        collect: Makes the argument of the value, when the command runs; raises ValueError.
        needed: Whether the call requires it.
        at: Its place in the documented body, with dots; empty is its name.
        is_secret: Whether its value is not shown.
    """

    argument: str
    option: str
    help: str
    kind: Any
    metavar: str
    read: Callable[[str], Any] | None = None
    collect: Callable[[Any], Any] = lambda value: value
    needed: bool = False
    at: str = ""
    is_secret: bool = False

    @property
    def place(self) -> tuple[str, ...]:
        """Its place in the body."""
        return tuple((self.at or self.argument).split("."))


def text(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a text."""
    return Field(argument, option, about, str | None, more.pop("metavar", "TEXT"), **more)


def one_id(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is an id."""
    return text(argument, option, about, metavar="ID", **more)


def texts(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a list of texts."""
    metavar = more.pop("metavar", "ID")
    return Field(argument, option, f"{about} May be repeated.", list[str] | None, metavar, **more)


def number(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a number."""
    return Field(argument, option, about, float | None, "N", **more)


def count(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a whole number."""
    return Field(argument, option, about, int | None, "N", **more)


def time(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a time."""
    return Field(argument, option, about, datetime | None, "TIME", read=moment, **more)


def area(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is an area, in a file that the Python call reads."""
    return Field(argument, option, f"{about} A GeoJSON file.", str | None, "FILE", **more)


def pairs(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that maps texts to texts."""
    about = f"{about} May be repeated."
    more = {"read": _pair, "collect": dict, **more}
    return Field(argument, option, about, list[str] | None, "KEY=VALUE", **more)


def output_file(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is the file to write."""
    return text(argument, option, about, metavar="FILE", needed=True, **more)


def choice(argument: str, option: str, about: str, words: str, **more: Any) -> Field:
    """Return a field that is one of some words, such as `dynamic|theoretical`."""
    about, metavar = _words_shown(about, words)
    return text(argument, option, about, metavar=metavar, read=_one_of(words), **more)


def choices(argument: str, option: str, about: str, words: str, **more: Any) -> Field:
    """Return a field that is a list of such words."""
    about, metavar = _words_shown(about, words)
    return texts(argument, option, about, metavar=metavar, read=_one_of(words), **more)


def _words_shown(about: str, words: str) -> tuple[str, str]:
    if len(words) <= MAX_METAVAR:
        return about, words
    *most, last = words.split("|")
    return f"{about} {', '.join(most)} or {last}.", "WORD"


def bounds(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a bounding box."""
    return text(argument, option, about, metavar="W,S,E,N", read=_bounds, **more)


def captured(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a time or an interval."""
    return text(argument, option, about, metavar="INTERVAL", read=interval, **more)


def whole_numbers(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a range of whole numbers."""
    return text(argument, option, about, metavar="MIN,MAX", read=_whole_numbers, **more)


def sorting(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a list of fields to sort by."""
    about = f"{about} May be repeated."
    return Field(argument, option, about, list[str] | None, "FIELD:asc|desc", _sorting, **more)


def ranges(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a list of ranges of properties."""
    about = f"{about} May be repeated."
    return Field(argument, option, about, list[str] | None, "NAME=MIN..MAX", read=_range, **more)


def sources(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is a list of collections of satellites."""
    about = f"{about} May be repeated."
    return Field(argument, option, about, list[str] | None, "ID:ID", read=_source, **more)


def json_value(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is given as JSON."""
    return Field(argument, option, about, str | None, "JSON", read=_json, **more)


def json_file(argument: str, option: str, about: str, **more: Any) -> Field:
    """Return a field that is given as a file with JSON."""
    return Field(argument, option, about, str | None, "FILE|-", collect=read_json, **more)


def _pair(value: str) -> tuple[str, str]:
    key, equals, rest = value.partition("=")
    if not (key and equals):
        reason = "not a pair: give KEY=VALUE"
        raise ValueError(reason)
    return key, rest


def _one_of(words: str) -> Callable[[str], str]:

    def read(value: str) -> str:
        if value in words.split("|"):
            return value
        reason = f"not one of {words.replace('|', ', ')}"
        raise ValueError(reason)

    return read


def _bounds(value: str) -> list[float]:
    try:
        edges = [float(edge) for edge in value.split(",")]
    except ValueError:
        edges = []
    if len(edges) != len(("west", "south", "east", "north")):
        reason = "not a bounding box: give W,S,E,N in degrees, as 77,12,78,13"
        raise ValueError(reason)
    return edges


def _whole_numbers(value: str) -> list[int]:
    least, comma, most = value.partition(",")
    if not (comma and _is_whole(least) and _is_whole(most)):
        reason = "not a range: give MIN,MAX with whole numbers, as 0,1"
        raise ValueError(reason)
    return [int(least), int(most)]


def _sorting(value: str) -> dict[str, str]:
    name, _, direction = value.rpartition(":")
    if not name or direction not in {"asc", "desc"}:
        reason = "not a field to sort by: give FIELD:asc or FIELD:desc"
        raise ValueError(reason)
    return {"field": name, "direction": direction}


def _range(value: str) -> dict[str, Any]:
    name, _, ends = value.rpartition("=")
    least, dots, most = ends.partition("..")
    if not (name and dots and _is_whole(least) and _is_whole(most)):
        reason = "not a range: give NAME=MIN..MAX with whole numbers, as eo:cloud_cover=0..20"
        raise ValueError(reason)
    return {"id": name, "min": int(least), "max": int(most)}


def _is_whole(digits: str) -> bool:
    return digits.removeprefix("-").isdecimal()


def _source(value: str) -> dict[str, Any]:
    satellite, colon, collection = value.partition(":")
    if not (satellite and colon and collection):
        reason = "not a collection of a satellite: give their ids, as SATELLITE_ID:COLLECTION_ID"
        raise ValueError(reason)
    return {"satellite_id": satellite, "collection_id": collection}


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        reason = f"not valid JSON: {error}"
        raise ValueError(reason) from None


def read_json(name: str) -> Any:
    """Read a file with JSON; `-` is standard input.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BODY_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_BODY_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = f"not readable: {getattr(error, 'strerror', None) or error}"
        raise ValueError(reason) from None
    if len(data) > MAX_BODY_BYTES:
        reason = f"larger than {MAX_BODY_BYTES} bytes"
        raise ValueError(reason)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        reason = f"not valid JSON: {error}"
        raise ValueError(reason) from None


def argument_of(name: str) -> inspect.Parameter:
    """Return an id as a positional argument."""
    about = typer.Argument(metavar=name.upper(), help=ID_HELP[name])
    return _parameter(name, Annotated[str, about])


def option_of(field: Field) -> inspect.Parameter:
    """Return a field as an option."""
    option = typer.Option(
        field.option,
        metavar=field.metavar,
        parser=field.read and parsed_by(field.read),
        rich_help_panel=FIELDS,
        show_default=False,
        help=f"{field.help} Required." if field.needed else field.help,
    )
    return _parameter(field.argument, Annotated[field.kind, option], default=None)


def body_option() -> inspect.Parameter:
    """Return the option that gives all fields."""
    option = typer.Option(
        "--body",
        metavar="FILE|-",
        rich_help_panel=FIELDS,
        show_default=False,
        help="All fields, as the JSON object that the service documents; options override it.",
    )
    return _parameter("body", Annotated[str | None, option], default=None)


def _parameter(
    name: str, annotation: Any, *, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)
