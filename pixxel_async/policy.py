"""The base class of settings: frozen models that name what is wrong with them.

Rules:
    * An invalid or unknown field raises ConfigError, never pydantic's own error. The message does
      not quote the value, which may be a secret.
    * An argument that takes a policy may also take None, which is its default. A few take a plain
      number, too: `PixxelClient(key, timeout=5.0, retry=3)`.
"""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails

from .errors import ConfigError

Choice = TypeVar("Choice", bound=StrEnum)


def choice(kind: type[Choice], value: str, argument: str) -> Choice:
    """Return the member of an enum that a caller gave as an argument.

    Raises:
        ConfigError: There is no such member.
    """
    try:
        return kind(value)
    except ValueError:
        message = f"{argument}: {value!r} is not one of {', '.join(kind)}"
    raise ConfigError(message)


class Policy(BaseModel, frozen=True, extra="forbid"):
    """The base class of settings: frozen, without unknown fields."""

    _number_means: ClassVar[tuple[str, ...]] = ()
    """The fields that a plain number in place of the policy sets."""

    @model_validator(mode="wrap")
    @classmethod
    def _raise_config_error(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise ConfigError(cls._message(problem, info.context))

    @classmethod
    def of(cls, value: object, argument: str) -> Self:
        """Return the policy that a caller gave as an argument.

        Args:
            value: The policy; None means the defaults.
            argument: The name of the argument, for the error message.

        Raises:
            ConfigError: It is something else.
        """
        if value is None:
            return cls()
        if isinstance(value, cls):
            return value
        if cls._number_means and isinstance(value, (int, float)) and not isinstance(value, bool):
            return cls.model_validate(dict.fromkeys(cls._number_means, value))
        number = " or a number" if cls._number_means else ""
        message = (
            f"{argument}: give a {cls.__name__}{number}, not a value of type {type(value).__name__}"
        )
        raise ConfigError(message)

    @classmethod
    def _message(cls, problem: ErrorDetails, _context: Any) -> str:
        field = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(field, cls.model_fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(cls.model_fields)}"
            return f"{cls.__name__} has no field {field!r}; {hint}"
        return f"{cls.__name__}.{field}: {reason_of(problem)}"


def reason_of(problem: ErrorDetails) -> str:
    """Return what pydantic says about a value."""
    return problem["msg"].removeprefix("Value error, ")
