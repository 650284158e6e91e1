"""An extension of griffe for the reference: the defaults of settings, the members of enums.

griffe reads the source, where neither a pydantic model nor an enum has a constructor to show.
"""

from __future__ import annotations

import enum
from importlib import import_module
from typing import Any

import griffe
from pydantic import BaseModel
from pydantic.fields import FieldInfo


class Values(griffe.Extension):
    """Puts the fields of a model, or the members of an enum, before its docstring."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Change the docstring of one class."""
        if cls.docstring is None or cls.parent is not cls.module:
            return
        found = getattr(import_module(cls.module.path), cls.name, None)
        lines = _members(found)
        if lines:
            code = "\n".join(lines)
            cls.docstring.value = f"```python\n{code}\n```\n\n{cls.docstring.value}"


def _members(found: object) -> list[str]:
    """Return the lines of code that show a class: none for other classes."""
    if not isinstance(found, type):
        return []
    if issubclass(found, enum.Enum):
        return [f"{found.__name__}.{member.name} = {member.value!r}" for member in found]
    if issubclass(found, BaseModel):
        fields = [f"    {name}{_default(field)}," for name, field in found.model_fields.items()]
        return [f"{found.__name__}(", *fields, ")"]
    return []


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    default = field.get_default()
    if isinstance(default, enum.Enum):
        return f"={type(default).__name__}.{default.name}"
    return f"={default!r}"
