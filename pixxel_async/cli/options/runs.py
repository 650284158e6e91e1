"""The options of commands that create jobs and insights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from .export import RunOptions
from .types import flag

COSTS = "Costs"


def _cost(text: str) -> float:
    try:
        cost = float(text)
    except ValueError:
        cost = -1
    if not 0 <= cost < float("inf"):
        reason = f"{text!r} is not a cost: give a number of 0 or more."
        raise typer.BadParameter(reason)
    return cost


@dataclass(frozen=True, kw_only=True)
class SpendOptions(RunOptions):
    """What a command may spend; each field is an option."""

    max_cost: Annotated[
        float | None,
        typer.Option(
            "--max-cost",
            metavar="N",
            parser=_cost,
            rich_help_panel=COSTS,
            show_default="no limit",
            help="Create no job or insight beyond this total of the estimates; what was created "
            "into DIR before counts.",
        ),
    ] = None
    yes: Annotated[bool, flag("--yes", panel=COSTS, text="Create them without asking.")] = False


@dataclass(frozen=True, kw_only=True)
class CreateOptions(SpendOptions):
    """How jobs and insights are created; each field is an option."""

    detach: Annotated[
        bool,
        flag(
            "--detach",
            text="End when everything is created, and print the rows of a manifest; "
            "export --wait-for-run takes it up later.",
        ),
    ] = False
