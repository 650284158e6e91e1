"""The command line: parses, calls the client, draws what happens."""

from . import interrupts


def main() -> None:
    """Run the command that the arguments ask for; ends the process."""
    interrupts.leave_when_interrupted()
    # Most of the start is spent on imports, and Ctrl-C may come while it is.
    import sys  # noqa: PLC0415 - see above

    from . import last_resort  # noqa: PLC0415 - see above
    from .output import streams  # noqa: PLC0415 - see above

    streams.prepare()
    code = last_resort.run(_command)
    streams.abandon()
    sys.exit(code)


def _command() -> None:
    import sys  # noqa: PLC0415 - see above

    from .._version import __version__  # noqa: PLC0415 - see above

    if sys.argv[1:] == ["--version"]:  # answered at once: nothing else is needed for that
        sys.stdout.write(f"pixxel-async {__version__}\n")
        return

    from .app import app  # noqa: PLC0415 - see above
    from .commands import completion  # noqa: PLC0415 - see above

    completion.prepare()
    app(prog_name=completion.PROGRAM)
