"""Commands declare their options as frozen dataclasses: each field is an option."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Collection, Iterable
from typing import Any

import typer

from ...config import Settings
from ...settings.layers import from_everywhere
from ..output.exit_codes import ended

NOT_GIVEN = frozenset({"DEFAULT", "DEFAULT_MAP"})


def not_given(context: typer.Context, names: Iterable[str]) -> set[str]:
    """Return the options that are not on the command line."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return {name for name, source in sources.items() if source and source.name in NOT_GIVEN}


def with_settings(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Fill in options from the environment and the config file.

    Args:
        values: All options, by name.
        names: Those that are not on the command line.

    Raises:
        typer.Exit: The config file or a variable is invalid.
    """
    missing = [name for name in Settings.model_fields if name in names and values[name] is not None]
    if not missing:
        return values
    with ended():
        layers = from_everywhere({}, values.get("profile"))
        found = {name: layers.value(name) for name in missing}
    return {**values, **{name: value for name, value in found.items() if value is not None}}


def takes_options(
    command: Callable[..., None], *, without: Collection[str] = ()
) -> Callable[..., None]:
    """Give a command the fields of an options dataclass as its own options.

    typer reads the signature of a command; this decorator writes the shared options into it, so
    that commands need not repeat them. The dataclass is the annotation of the parameter `options`,
    and the command receives an instance.

    Args:
        command: A function with a parameter `options`.
        without: Fields that are not options of this command; they keep their defaults.
    """
    own = inspect.signature(command, eval_str=True).parameters
    kind: type[Any] = own["options"].annotation
    shared = {
        name: parameter for name, parameter in _parameters_of(kind).items() if name not in without
    }

    @functools.wraps(command)
    def run(_context: typer.Context, **values: Any) -> None:
        taken = {name: values.pop(name) for name in shared}
        options = kind(**with_settings(taken, not_given(_context, shared)))
        command(options=options, **values)

    context = inspect.Parameter(
        "_context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
    )
    parameters = [
        context,
        *(
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in {**own, **shared}.items()
            if name != "options"
        ),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what `inspect` looks for first
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters_of(kind: type[Any]) -> dict[str, inspect.Parameter]:
    """Return the fields of an options dataclass as parameters; inherited ones come last."""
    # Not `eval_str`: the annotations of a base class are names of its own module.
    hints = typing.get_type_hints(kind, include_extras=True)
    homes = [inspect.get_annotations(one) for one in kind.__mro__]

    def distance(field: dataclasses.Field[Any]) -> int:
        return next(number for number, home in enumerate(homes) if field.name in home)

    return {
        field.name: inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=(
                inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
            ),
            annotation=hints[field.name],
        )
        for field in sorted(dataclasses.fields(kind), key=distance)
    }
