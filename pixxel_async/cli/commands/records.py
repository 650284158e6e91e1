"""`pixxel-async NOUN VERB`: the commands for the records of the service."""

from __future__ import annotations

import typer

from ..nouns import NOUNS
from . import list as listing
from . import select, verbs_of_analysis, verbs_of_imagery
from .command import Command
from .verbs import command_of

VERBS = {**verbs_of_analysis.VERBS, **verbs_of_imagery.VERBS}
OTHERS = {
    "ping": ("doctor",),
    "downloadInsights": ("download insight",),
    "AOICreateDownload": ("download aoi",),
    "GetDownloadStatus": ("download aoi",),
    "downloadJob": ("download job",),
    "downloadTask": ("download task",),
    "CreateDownload": ("download catalog",),
    "GetDownloadById": ("download catalog",),
}
"""Commands that are not of a noun; `export` has all downloads of packages."""


def commands_of_operations() -> dict[str, tuple[str, ...]]:
    """Return the commands that send each operation, by its id in the OpenAPI document."""
    found: dict[str, tuple[str, ...]] = {**OTHERS}
    for noun, known in NOUNS.items():
        for verb in known.verbs:
            if operation := command_for(noun, verb).operation:
                found[operation] = (*found.get(operation, ()), f"{noun} {verb}")
    return found


def group(noun: str) -> typer.Typer:
    """Return the commands of a noun."""
    app = typer.Typer(no_args_is_help=True, help=NOUNS[noun].help)
    for verb in NOUNS[noun].verbs:
        command_for(noun, verb).register(app, verb)
    return app


def command_for(noun: str, verb: str) -> Command:
    """Return a command of a noun."""
    if verb == "select":
        return select.COMMANDS[noun]
    if verb == "list" and noun in listing.COMMANDS:
        return listing.COMMANDS[noun]
    return command_of(noun, verb, VERBS[noun][verb])
