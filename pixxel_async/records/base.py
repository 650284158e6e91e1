"""The base class of records, and the types of their fields.

Rules:
    * Only the id is required, because later calls need it. Any other field that is missing, null
      or malformed becomes empty, so that one odd record does not break a list.
    * Status values are kept unchanged; any value is accepted.
    * `raw` keeps the service's complete object, including fields that a record does not define.
    * Times become aware datetimes. They are ISO 8601, with `T` or a space, with or without
      fractional seconds; a date alone is midnight, and a time without a zone is UTC: the service
      documents no zone, and its examples are in UTC. Also `15-05-2024`,
      `2022-11-14 12:55:49.1 +0000 UTC` and seconds since 1970: the service's documents show these
      formats, or its programming language writes them. The year 1, and anything that cannot be
      parsed, means no time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
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

_DAY_FIRST = re.compile(r"(\d{2})-(\d{2})-(\d{4})")
_SEPARATE_ZONE = re.compile(r"(?P<time>[\d:. T-]+?) ?(?P<zone>[+-]\d{2}:?\d{2})( [A-Z]{3,4})?")
_NO_YEAR = 1


def read_time(value: object) -> datetime | None:
    """Parse a time; None if there is none or it cannot be parsed."""
    try:
        found = _read(value)
        if found is None or found.year <= _NO_YEAR:
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found
    except (ValueError, OverflowError, OSError):
        return None


def _read(value: object) -> datetime | None:
    match value:
        case datetime():
            return value
        case bool():
            return None
        case int() | float():
            return datetime.fromtimestamp(value, UTC)
        case str():
            return _read_text(value.strip())
        case _:
            return None


def _read_text(text: str) -> datetime:
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = match.groups()
        return datetime.fromisoformat(f"{year}-{month}-{day}")
    if match := _SEPARATE_ZONE.fullmatch(text):
        text = match["time"].rstrip() + match["zone"]
    return datetime.fromisoformat(text)


def _text(value: object) -> str:
    if isinstance(value, str):
        # JSON may contain a lone surrogate, which UTF-8 cannot encode.
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


def _amount(value: object) -> float | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, (list, tuple)) else ()


def _numbers(value: object) -> tuple[float, ...]:
    found = [_number(one) for one in value] if isinstance(value, (list, tuple)) else []
    return tuple(number for number in found if number is not None)


def _object(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _objects(value: object) -> tuple[Any, ...]:
    listed = value if isinstance(value, (list, tuple)) else ()
    return tuple(one for one in listed if isinstance(one, (Mapping, ServiceModel)))


def _one(value: object) -> object:
    return value if isinstance(value, (Mapping, ServiceModel)) else {}


def _field(read: Callable[[object], Any]) -> BeforeValidator:
    return BeforeValidator(read)


Id: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
Text: TypeAlias = Annotated[str, _field(_text)]
Texts: TypeAlias = Annotated[tuple[str, ...], _field(_texts)]
Amount: TypeAlias = Annotated[int | float | None, _field(_amount)]
"""Money or tokens: a whole number stays one."""
Number: TypeAlias = Annotated[float | None, _field(_number)]
Numbers: TypeAlias = Annotated[tuple[float, ...], _field(_numbers)]
Object: TypeAlias = Annotated[Mapping[str, Any], _field(_object)]
"""An object of the service, without a model of its own."""
Objects = _field(_objects)
"""For tuples of models: what is not an object is left out."""
OneObject = _field(_one)
"""For a model: what is not an object is an empty one."""
Time: TypeAlias = Annotated[datetime | None, _field(read_time)]


class ServiceModel(BaseModel, frozen=True):
    """What the service answered: frozen, with its complete object in `raw`.

        workflow = await anext(client.workflows.list())
        estimate = await client.workflows.estimate(workflow.id)
        print(estimate.cost, estimate.raw)

    Without a value, text is empty, and numbers and times are None.
    """

    model_config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    _raw: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def raw(self) -> Mapping[str, Any]:
        """The service's complete object, plus the ids of its parents if it lacks them.

        It may contain signed URLs; `repr` does not show it.
        """
        return self._raw

    def __hash__(self) -> int:
        """Return a hash; objects without a model of their own have none, and do not count."""
        values = vars(self).values()
        return hash((type(self), *(each for each in values if not isinstance(each, Mapping))))

    @model_validator(mode="wrap")
    @classmethod
    def _keep_raw(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        record = handler(data)
        if isinstance(data, Mapping):
            record._raw = dict(data)  # type: ignore[misc]  # noqa: SLF001 - private, so not frozen
        return record


class Record(ServiceModel, frozen=True):
    """A record of the service: frozen, with a stable id.

        async for project in client.projects.list():
            print(project.id, project.created_at, project.raw)

    Attributes:
        id: The id, an argument of other calls.
        created_at: When it was created, with a time zone.
    """

    id: Id
    created_at: Time = None
