"""A command of a group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import typer


@dataclass(frozen=True, slots=True)
class Command:
    """A command without its name.

    Attributes:
        run: Its function, whose signature has the arguments and options.
        help: Its help.
        epilog: The end of its help.
        operation: The operation that it sends, by its id in the OpenAPI document, if it is one
            call; otherwise empty.
    """

    run: Callable[..., None]
    help: str
    epilog: str
    operation: str = ""

    def register(self, app: typer.Typer, name: str) -> None:
        """Add it to a group."""
        app.command(name, help=self.help, epilog=self.epilog)(self.run)
