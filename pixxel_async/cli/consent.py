"""Asks before something is done that costs or deletes."""

from __future__ import annotations

import sys

import typer

from .output.exit_codes import MISUSE, complain

_YES = frozenset({"y", "yes"})


def check_can_ask(refusal: str, *, yes: bool) -> None:
    """End the command unless `yes` was given, or there is a terminal to ask on.

    Raises:
        typer.Exit: With `MISUSE`, after the line `refusal`; it names the remedy, `--yes`.
    """
    if not (yes or sys.stdin.isatty()):
        complain(refusal)
        raise typer.Exit(MISUSE)


def check_confirmed(declined: str, *, yes: bool) -> None:
    """Ask on the terminal, unless `yes` was given, and end the command if the answer is no.

    Raises:
        typer.Exit: With `MISUSE`, after the line `declined`.
    """
    if yes:
        return
    typer.echo("Go ahead? [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in _YES:
        complain(declined)
        raise typer.Exit(MISUSE)
