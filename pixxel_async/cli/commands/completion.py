"""`pixxel-async completion`: the script by which a shell completes commands and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from typer import completion as of_typer

PROGRAM = "pixxel-async"
VARIABLE = "_PIXXEL_ASYNC_COMPLETE"
"""Where a shell that asks for completions says so; typer looks for this name."""


class Shell(StrEnum):
    """The shells that typer has a script for."""

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
    """Let the shells ask: typer does so by itself only with `--install-completion` in the help."""
    of_typer.completion_init()  # type: ignore[attr-defined]  # in no __all__
