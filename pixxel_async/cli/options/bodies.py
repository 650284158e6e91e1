"""The arguments of a Python call, from the options of a command and its `--body`.

Rules:
    * `--body` gives all arguments at once, as the JSON object that the service documents. An option
      overrides the field of the body. A field that no option has is an error.
    * Files are read when the command runs, and before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from .fields import Field, read_json


@dataclass(frozen=True, slots=True)
class Parts:
    """An argument that is a list, each part of which has the fields.

    Attributes:
        argument: Its name in Python.
        within: Its name in the documented body.
    """

    argument: str
    within: str


def arguments(
    title: str,
    fields: Sequence[Field],
    parts: Parts | None,
    values: Mapping[str, Any],
    body_file: str | None,
) -> dict[str, Any]:
    """Return the arguments of a Python call: options, and the rest from the body.

    Args:
        title: Noun and verb of the command, for errors.
        fields: What it takes.
        parts: The list that the fields are parts of; None if they are arguments themselves.
        values: The values of its options.
        body_file: The file of `--body`, or None.

    Raises:
        InputError: A required one is missing, a file cannot be read, or the body has a field that
            is not documented.
    """
    given = {
        field.argument: _collected(title, field.option, values[field.argument], field.collect)
        for field in fields
        if values[field.argument] not in (None, [])
    }
    body = None if body_file is None else _collected(title, "--body", body_file, _body)
    if parts is None:
        return _complete(title, fields, given, body or {})
    bodies = [{}] if body is None else _parts(title, parts, body)
    return {parts.argument: [_complete(title, fields, given, one) for one in bodies]}


def _collected(title: str, option: str, value: Any, collect: Callable[[Any], Any]) -> Any:
    try:
        return collect(value)
    except ValueError as error:
        message = f"{title}: {option}: {value} is {error}"
        raise InputError(message) from None


def _parts(title: str, parts: Parts, body: Mapping[str, Any]) -> list[Any]:
    listed = body.get(parts.within)
    if set(body) == {parts.within} and isinstance(listed, list) and listed:
        return listed
    message = f"{title}: --body: give an object with a list {parts.within}, and nothing else"
    raise InputError(message)


def _complete(
    title: str, fields: Sequence[Field], given: Mapping[str, Any], body: Any
) -> dict[str, Any]:
    whole = {**_from_body(title, fields, body), **given}
    missing = [field.option for field in fields if field.needed and field.argument not in whole]
    if missing:
        message = f"{title}: missing {', '.join(missing)}"
        raise InputError(message)
    return whole


def _from_body(title: str, fields: Iterable[Field], body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        message = f"{title}: --body: {json.dumps(body)} is not an object"
        raise InputError(message)
    found: dict[str, Any] = {}
    rest = {name: dict(part) if isinstance(part, dict) else part for name, part in body.items()}
    for field in fields:
        *way, last = field.place
        part: Any = rest
        for name in way:
            part = part.get(name) if isinstance(part, dict) else None
        if isinstance(part, dict) and last in part:
            found[field.argument] = part.pop(last)
    known = {field.place[0] for field in fields}
    unknown = [name for name, part in rest.items() if name not in known or part]
    if unknown:
        message = (
            f"{title}: --body: unknown field {', '.join(unknown)}; the fields are "
            f"{', '.join(sorted('.'.join(field.place) for field in fields))}"
        )
        raise InputError(message)
    return found


def _body(name: str) -> dict[str, Any]:
    body = read_json(name)
    if not isinstance(body, dict):
        reason = "not a JSON object"
        raise ValueError(reason)  # noqa: TRY004 - as `read_json`
    return body
