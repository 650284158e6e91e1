"""The command line: parses, calls the client, draws what happens."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command that the arguments ask for; ends the process."""
    try:
        # Most of the start is spent on these, and Ctrl-C may come while it is.
        from . import completion  # noqa: PLC0415 - see above
        from .app import app  # noqa: PLC0415 - see above

        completion.prepare()
        app(prog_name=completion.PROGRAM)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
