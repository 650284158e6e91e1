"""The command line: parses, calls the client, draws what happens."""

from __future__ import annotations

from . import completion
from .app import app


def main() -> None:
    """Run the command that the arguments ask for; ends the process."""
    completion.prepare()
    app(prog_name=completion.PROGRAM)
