"""The command line: parses arguments, calls the client, displays progress."""

from . import interrupts


def main() -> None:
    """Run the command given by the arguments; ends the process."""
    interrupts.leave_when_interrupted()
    # Imports take most of the startup time, and Ctrl-C may come during them.
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

    if sys.argv[1:] in (["--version"], ["-V"]):  # answered without any further import
        sys.stdout.write(f"pixxel-async {__version__}\n")
        return

    from .app import app  # noqa: PLC0415 - see above
    from .commands import completion  # noqa: PLC0415 - see above

    completion.prepare()
    app(prog_name=completion.PROGRAM)
