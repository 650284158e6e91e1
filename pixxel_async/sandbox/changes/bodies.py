"""The forms of bodies, as data, and the check of a body.

A form is a type, a set of words, a list of one form, an `Object` or a `MapOf`. `object` stands for
anything. Null is as good as an optional field that is absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..refusals import BAD_BODY, ServiceError

Form: TypeAlias = "type | frozenset[str] | list[Any] | Object | MapOf"

_NAMES = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
}


@dataclass(frozen=True)
class Object:
    """An object.

    Attributes:
        required: The forms of its fields, by name.
        optional: Likewise.
        is_open: Whether it may have other fields.
    """

    required: Mapping[str, Form] = field(default_factory=dict)
    optional: Mapping[str, Form] = field(default_factory=dict)
    is_open: bool = False


@dataclass(frozen=True)
class MapOf:
    """An object with any names."""

    values: Form


def read_body(form: Form, body: bytes) -> Any:
    """Decode a body.

    Raises:
        ServiceError: It is not JSON, or not of the form.
    """
    try:
        value = json.loads(body)
    except ValueError:
        raise ServiceError(*BAD_BODY, "the body is not JSON") from None
    _check(form, value, "the body")
    return value


def _check(form: Form, value: Any, where: str) -> None:
    match form:
        case Object():
            _check_object(form, value, where)
        case MapOf(values):
            _check(dict, value, where)
            for name, one in value.items():
                _check(values, one, f"{where}.{name}")
        case [item]:
            _refuse_unless(isinstance(value, list), where, "a list")
            for number, one in enumerate(value):
                _check(item, one, f"{where}[{number}]")
        case frozenset():
            is_word = isinstance(value, str) and value in form
            _refuse_unless(is_word, where, f"one of {', '.join(sorted(form))}")
        case type():
            _refuse_unless(_is_a(form, value), where, _NAMES.get(form, ""))


def _is_a(form: type, value: Any) -> bool:
    if form in {int, float}:  # a boolean is not a number
        kinds = int if form is int else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool)
    return isinstance(value, form)


def _check_object(form: Object, value: Any, where: str) -> None:
    _refuse_unless(isinstance(value, dict), where, "an object")
    prefix = "" if where == "the body" else f"{where}."
    forms = {**form.required, **form.optional}
    for name in form.required:
        if value.get(name) is None:
            raise ServiceError(*BAD_BODY, f"{prefix}{name}: it is required")
    for name, one in value.items():
        if name not in forms and not form.is_open:
            raise ServiceError(*BAD_BODY, f"{prefix}{name}: there is no such field")
        if name in forms and one is not None:
            _check(forms[name], one, f"{prefix}{name}")


def _refuse_unless(is_right: bool, where: str, expected: str) -> None:  # noqa: FBT001 - the outcome of a check
    if not is_right:
        raise ServiceError(*BAD_BODY, f"{where}: it is {expected}")
