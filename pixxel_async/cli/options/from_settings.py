"""Options that are not given take what environment and config file say.

Rules:
    * This holds for options that have a default of their own and the name of a setting. The others
      are None until a client is made, which looks for itself.
    * Environment and file are looked at only if a command has such an option.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer

from ...config import Settings
from ...settings.layers import from_everywhere
from ..output.exit_codes import ended

NOT_GIVEN = frozenset({"DEFAULT", "DEFAULT_MAP"})


def not_given(context: typer.Context, names: Iterable[str]) -> set[str]:
    """Return the options that stand on no command line."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return {name for name, source in sources.items() if source and source.name in NOT_GIVEN}


def with_settings(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Return options with what is set elsewhere.

    Args:
        values: All of them, by name.
        names: Those that are not given.

    Raises:
        typer.Exit: The config file or a variable is wrong.
    """
    open_ones = [
        name for name in Settings.model_fields if name in names and values[name] is not None
    ]
    if not open_ones:
        return values
    with ended():
        layers = from_everywhere({}, values.get("profile"))
        found = {name: layers.value(name) for name in open_ones}
    return {**values, **{name: value for name, value in found.items() if value is not None}}
