"""`pixxel-async NOUN VERB`: the commands for the records of the service."""

from __future__ import annotations

import typer

from ..nouns import NOUNS
from . import list as listing
from . import select

VERBS = {"list": listing.COMMANDS, "select": select.COMMANDS}


def group(noun: str) -> typer.Typer:
    """Return the commands of a noun."""
    app = typer.Typer(no_args_is_help=True, help=NOUNS[noun].help)
    for verb in NOUNS[noun].verbs:
        VERBS[verb][noun].register(app, verb)
    return app
