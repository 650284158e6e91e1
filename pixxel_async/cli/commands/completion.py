"""`pixxel-async completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from typer import completion as of_typer

PROGRAM = "pixxel-async"
VARIABLE = "_PIXXEL_ASYNC_COMPLETE"
"""The variable in which a shell requests completions; typer defines the name."""


class Shell(StrEnum):
    """The shells for which typer has a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")],
) -> None:
    """Write the completion script for a shell."""
    script = of_typer.get_completion_script(  # type: ignore[attr-defined]  # in no __all__
        prog_name=PROGRAM, complete_var=VARIABLE, shell=shell.value
    )
    typer.echo(script)


def prepare() -> None:
    """Answer requests of shells; typer itself does so only with `--install-completion`."""
    of_typer.completion_init()  # type: ignore[attr-defined]  # in no __all__
