"""`pixxel-async NOUN VERB`: the commands for the records of the service."""

from __future__ import annotations

import typer

from ..nouns import NOUNS
from . import list as listing
from . import select
from .command import Command
from .verb_table import VERBS
from .verbs import command_of


def group(noun: str) -> typer.Typer:
    """Return the commands of a noun."""
    app = typer.Typer(no_args_is_help=True, help=NOUNS[noun].help)
    for verb in NOUNS[noun].verbs:
        _command(noun, verb).register(app, verb)
    return app


def _command(noun: str, verb: str) -> Command:
    if verb == "select":
        return select.COMMANDS[noun]
    if verb == "list" and noun in listing.COMMANDS:
        return listing.COMMANDS[noun]
    return command_of(noun, verb, VERBS[noun][verb])
