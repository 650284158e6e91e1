"""Options that are numbers, and their checks."""

from __future__ import annotations

import math
from typing import Any

import typer

from ...config import Fetches, read_fetches


def at_least_one(value: int) -> int:
    """Check an option that counts.

    Raises:
        typer.BadParameter: It is below 1.
    """
    if value < 1:
        reason = f"{value} is too small: give a whole number from 1 up."
        raise typer.BadParameter(reason)
    return value


def transfers(value: Any) -> Fetches:
    """Read a number of transfers, or `auto`.

    Raises:
        typer.BadParameter: It is neither.
    """
    try:
        number: Fetches = read_fetches(value)
    except ValueError as error:
        reason = f"{value}: {error}."
        raise typer.BadParameter(reason) from None
    return number


def above_zero(value: float) -> float:
    """Check an option that measures.

    Raises:
        typer.BadParameter: It is zero, negative or not finite.
    """
    if not (value > 0 and math.isfinite(value)):
        reason = f"{value:g} cannot be used: give a number above 0, such as 0.5 or 30."
        raise typer.BadParameter(reason)
    return value


def measure(*names: str, metavar: str, panel: str, text: str) -> Any:
    """Return an option that measures."""
    return typer.Option(
        *names,
        metavar=metavar,
        callback=above_zero,
        rich_help_panel=panel,
        help=text,
    )
