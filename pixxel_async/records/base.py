"""What all records share, and how their fields are read.

Rules:
    * An id is needed: later calls take it. Whatever else is absent, null or of another form is
      empty: a list goes on although one record is odd.
    * Status words stay as they came; none is unknown.
    * Fields that a record does not name are not lost: `raw` holds the service's whole object.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    PrivateAttr,
    StringConstraints,
    model_validator,
)

from .times import read_time


def _text(value: object) -> str:
    if isinstance(value, str):
        # JSON may hold half a character, which no text may.
        return value.encode("utf-8", "replace").decode("utf-8")
    return str(value) if _is_number(value) else ""


def _number(value: object) -> float | None:
    text = value.strip().removesuffix("%") if isinstance(value, str) else value
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        return None
    try:
        number = float(text)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, (list, tuple)) else ()


def _field(read: Callable[[object], Any]) -> BeforeValidator:
    return BeforeValidator(read)


Id: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
Text: TypeAlias = Annotated[str, _field(_text)]
Texts: TypeAlias = Annotated[tuple[str, ...], _field(_texts)]
Number: TypeAlias = Annotated[float | None, _field(_number)]
Time: TypeAlias = Annotated[datetime | None, _field(read_time)]


class Record(BaseModel):
    """A record of the service: frozen, with a stable id.

    Texts are empty, and numbers and times are None, where the service has none.

    Attributes:
        id: What other calls name it by.
        created_at: When it was made; always with a zone.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    id: Id
    created_at: Time = None

    _raw: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def raw(self) -> Mapping[str, Any]:
        """The service's whole object, with the ids of its parents where it lacks them.

        It may hold URLs that are signed; it is no part of `repr`.
        """
        return self._raw

    @model_validator(mode="wrap")
    @classmethod
    def _keep(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        record = handler(data)
        if isinstance(data, Mapping):
            record._raw = dict(data)  # noqa: SLF001 - its own
        return record
